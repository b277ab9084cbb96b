"""The hub, put together: the only place that reads clocks and knows every part."""

from __future__ import annotations

import gc
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub import sharing
from hub.cases.desk import Routes
from hub.cases.notify import EMAIL, WEBHOOK
from hub.channels.email import SmtpChannel
from hub.channels.webhook import WebhookChannel
from hub.clockwatch import ClockWatch
from hub.dispatcher import Dispatcher
from hub.ingest.events import BATCH as EVENT_BATCH
from hub.ingest.events import EventIngest
from hub.ingest.flooding import FloodWatch
from hub.ingest.inbox import Inbox
from hub.ingest.signs import BATCH as SIGN_BATCH
from hub.ingest.signs import SignIngest
from hub.keeper import Keeper
from hub.loops import Loop
from hub.metrics import HubMetrics
from hub.status import Announcer
from hub.store import directory, facts, figures, hung, outbox, restores, schema, sealed, vault
from hub.store.store import Rank, Store, StoreUnavailableError, open_engine
from hub.ticker import BOUND as DEADLINES
from hub.ticker import Ticker
from protocols.ids import OrganisationId
from protocols.mqtt import topics
from protocols.mqtt.topics import Channel
from tocsin import __version__
from tocsin.mqtt import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.channels.port import Channel as ChannelPort
    from hub.settings import HubSettings, WebSettings
    from hub.store.directory import Organisation
    from hub.store.store import Clock, Tx
    from hub.web.context import Console
    from tocsin.mqtt import Received

log = structlog.get_logger()

IDLE_S: Final = 0.25
"""How long a loop waits when nobody wakes it: the longest that a due deadline lies unseen."""
GAUGES_S: Final = 5.0
PROBE_S: Final = 5.0
REPLICA: Final = "tocsin-hub"
"""Name of the connections of all hubs at one database."""
NO_DATABASE: Final = "the database takes nothing: no alarm is recorded or acknowledged"
SENDERS: Final = 24
SWITCH_S: Final = 0.0005
"""How long one thread may compute while others wait. An alarm asks the database some twenty times, and after each
answer it stands behind whoever is busy with digests."""


class Hub:
    """One replica.

    Args:
        settings: all there is to know.
        clock: of all that is recorded and due; None = the database's own.
    """

    def __init__(self, settings: HubSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.metrics = HubMetrics()
        self.store = Store(
            open_engine(settings.database_url(), REPLICA), vault.read_or_make(settings.keys_path), clock=clock
        )
        schema.prepare(self.store.engine, self.store.vault)
        if settings.replicas.share:  # with a key file of its own it could read nothing that the others wrote
            self.store.read(sealed.check)
        self.routes = routes_of(settings)
        self._events = Inbox()
        self._signs = Inbox()
        self._floods = FloodWatch(self.store, self.routes, self.metrics, {"event": self._events, "sign": self._signs})
        self._waiting: list[Received] = []
        boot = secrets.token_hex(4)
        mqtt = sharing.at_the_broker(settings)
        self._announcer = Announcer(mqtt, boot, self.store.read(restores.number))
        self._event_link = self._link(f"hub.{boot}.events", (Channel.EVENT,), self._events.put)
        self._sign_link = self._link(f"hub.{boot}.signs", (Channel.STATUS, Channel.PRESENCE), self._sort)
        self._hub_link = Connection(
            mqtt, client_id=f"hub.{boot}.hubs", subscriptions=[topics.hub_statuses()], on_message=self._sort
        )
        self._keeper = Keeper(settings, self.store, self.routes, self.metrics, self.wake, boot)
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="send")
        self._event_ingest = EventIngest(
            self.store, self.routes, self._event_link.publish, self.metrics, shares=settings.replicas.share
        )
        self._sign_ingest = SignIngest(self.store, self.routes, self.metrics, self.wake, monotonic=time.monotonic)
        self._ticker = Ticker(self.store, self.routes, self.metrics, monotonic=time.monotonic, may_leap=clock is None)
        self._clock_watch = None if clock is not None else ClockWatch(self.store, self.routes, time.monotonic)
        self._dispatch_loop = Loop("dispatch", self._dispatch, self.metrics)
        self._dispatcher = Dispatcher(
            self.store,
            self.routes,
            _channels(settings),
            publish=self._event_link.publish,
            public_url=settings.web.public_url,
            executor=self._senders,
            metrics=self.metrics,
            wake=self._dispatch_loop.wake,
        )
        self._tick_loop = Loop("tick", self._tick, self.metrics)
        ingest = Loop("ingest", self._ingest, self.metrics)
        signs = Loop("signs", self._take_signs, self.metrics)
        probe = Loop("probe", self._probe, self.metrics)
        gauges = Loop("gauges", self._gauges, self.metrics)
        self._share = sharing.Share(
            {self._event_link: {ingest: IDLE_S, probe: PROBE_S}, self._sign_link: {signs: IDLE_S}}
        )
        self._loops = (ingest, signs, probe, gauges, self._tick_loop, self._dispatch_loop, *self._sharing())

    def _sharing(self) -> tuple[Loop, ...]:
        if not self.settings.replicas.share:
            return ()
        freed = sharing.Freed(lambda: self.store.read(lambda tx: hung.end(tx, REPLICA)))
        return (Loop("share", self._share.step, self.metrics), Loop("freed", freed.step, self.metrics))

    def _link(
        self, client_id: str, channels: tuple[Channel, ...], on_message: Callable[[Received], None]
    ) -> Connection:
        return Connection(
            sharing.at_the_broker(self.settings),
            client_id=client_id,
            subscriptions=sharing.subscriptions(self.settings, channels),
            on_message=on_message,
            in_flight=sharing.in_flight(self.settings),
        )

    def _sort(self, message: Received) -> None:
        """What hubs say of themselves is for the announcer; the rest waits for its turn."""
        if self._announcer.heard(message.topic, message.payload):
            message.acknowledge()
        else:
            self._signs.put(message)

    def wake(self) -> None:
        """Something was written: look at once for what is due."""
        self._dispatch_loop.wake()
        self._tick_loop.wake()
        self._keeper.loop.wake()

    def start(self) -> None:
        """Everything but the web server."""
        self._keeper.start()
        for loop in self._loops:
            loop.start()
        for link in self._links():
            link.start()

    def _links(self) -> tuple[Connection, ...]:
        """One that shares its subscriptions hears of other hubs on a connection of its own."""
        links = (self._event_link, self._sign_link)
        return (*links, self._hub_link) if self.settings.replicas.share else links

    def stop(self) -> None:
        """Finish what is under way; what is not is in the database."""
        self._announcer.stop()
        for link in self._links():
            link.stop()
        for loop in self._loops:
            loop.stop()
        self._keeper.stop()
        self._senders.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def first_passwords(self) -> dict[OrganisationId, str]:
        """A password for the administrator of each organisation in which nobody can sign in; never shown again."""
        known = self.store.read(directory.all_organisations)
        made = {each.id: self.store.write(partial(_first_account, each.id)) for each in known}
        return {organisation: password for organisation, password in made.items() if password is not None}

    def console(self) -> Console:
        from hub.web.changes import Changes
        from hub.web.context import Console

        return Console(
            store=self.store,
            routes=self.routes,
            wake=self.wake,
            public_url=self.settings.web.public_url,
            secure_cookies=self.settings.web.is_secure,
            metrics=self.metrics.render,
            metrics_token=self.settings.web.metrics_token(),
            changed=Changes(self.store),
            troubles=self.troubles,
            refused=self._keeper.refusals.note,
            admit=self._keeper.admit,
            version=__version__,
        )

    def troubles(self) -> list[str]:
        """What keeps alarms from getting through, in words; empty when nothing does."""
        up = self._event_link.connected and self._sign_link.connected
        broker = [] if up else ["no connection to the MQTT broker: no alarm can come in"]
        loops = (*self._loops, self._keeper.loop)
        lacking = [NO_DATABASE] if any(loop.lacks_database for loop in loops) else []
        stalled = [f"the {loop.name} loop has stalled" for loop in loops if loop.is_stalled]
        return [*broker, *lacking, *stalled, *self._ticker.troubles(), *self._keeper.troubles()]

    def _ingest(self) -> float:
        self._waiting += self._events.take(EVENT_BATCH - len(self._waiting), 0.0 if self._waiting else IDLE_S)
        if self._waiting:
            self._waiting = self._event_ingest.step(self._waiting)
            self._dispatch_loop.wake()
        return 0.0

    def _take_signs(self) -> float:
        batch = self._signs.take(SIGN_BATCH, IDLE_S)
        if batch:
            self._sign_ingest.step(batch)
        return 0.0

    def _tick(self) -> float:
        stepped = self._clock_watch is not None and self._clock_watch.step()
        handled = self._ticker.step()
        if handled or stepped:
            self._dispatch_loop.wake()
        return 0.0 if handled >= DEADLINES else IDLE_S

    def _dispatch(self) -> float:
        self._dispatcher.step()
        return IDLE_S

    def _probe(self) -> float:
        """Tells gateways whether this hub takes events, and can record them."""
        try:
            organisations = self.store.write(_write, rank=Rank.ROUTINE)
        except StoreUnavailableError:
            self._announcer.say_blind()
            raise
        if self._event_link.listens:
            self._announcer.announce(organisation.id for organisation in organisations)
        else:
            self._announcer.say_blind()
        return PROBE_S

    def _gauges(self) -> float:
        """Figures that are looked up, not counted."""
        if self._floods.step():
            self.wake()
        depth, age, blind = self.store.read(_figures)
        self.metrics.outbox_depth.set(depth)
        self.metrics.alarm_age.set(age)
        self.metrics.gateways_blind.set(blind)
        return GAUGES_S


def _write(tx: Tx) -> list[Organisation]:
    """All organisations, if anything can be written."""
    facts.try_to_write(tx)
    return directory.all_organisations(tx)


def _first_account(organisation: OrganisationId, tx: Tx) -> str | None:
    directory.hold_organisation(tx, organisation)
    from hub.web import accounts

    return accounts.first_account(tx, organisation)


def _figures(tx: Tx) -> tuple[int, float, int]:
    """Of all organisations: messages to be sent, the age of the oldest open incident in seconds, blind gateways."""
    opened_at = figures.oldest_open(tx)
    age = 0.0 if opened_at is None else (tx.now - opened_at).total_seconds()
    return outbox.depth(tx), age, figures.blind_gateways(tx)


def routes_of(settings: HubSettings) -> Routes:
    """Ways in which people are reached."""
    webhooks: dict[OrganisationId, tuple[str, ...]] = {}
    for webhook in settings.webhooks:
        organisation = OrganisationId(webhook.organisation)
        webhooks[organisation] = (*webhooks.get(organisation, ()), webhook.name)
    return Routes(email=settings.email is not None, webhooks=webhooks)


def _channels(settings: HubSettings) -> dict[str, ChannelPort]:
    by_name = {(webhook.organisation, webhook.name): webhook for webhook in settings.webhooks}
    channels: dict[str, ChannelPort] = {WEBHOOK: WebhookChannel(by_name, clock=lambda: datetime.now(UTC))}
    if settings.email is not None:
        channels[EMAIL] = SmtpChannel(settings.email)
    return channels


def behind(web: WebSettings) -> dict[str, Any]:
    """What uvicorn believes of proxies: nothing, unless they are named."""
    return {
        "proxy_headers": bool(web.trusted_proxies),
        "forwarded_allow_ips": [str(proxy) for proxy in web.trusted_proxies],
    }


def settle_down() -> None:
    """What a program has loaded stays for good: to look through it for garbage would hold up alarms, each time anew.

    And its threads take turns more often than they do by themselves.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)


def run(settings: HubSettings, clock: Clock | None = None, *, started: Callable[[Hub], None] = lambda _: None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: all there is to know.
        clock: of all that is recorded and due; None = the database's own.
        started: called once everything but the web server runs.
    """
    hub = Hub(settings, clock)
    hub.start()
    try:
        started(hub)
        _serve(hub, settings)
    finally:
        hub.stop()


def _serve(hub: Hub, settings: HubSettings) -> None:
    """The web server, imported when alarms are handled already: that takes longer than all the rest of a start."""
    import uvicorn

    from hub.web.app import build

    for organisation, password in hub.first_passwords().items():
        print(f"\n  First sign-in for {organisation}: account admin, password {password}\n", flush=True)  # noqa: T201
    settle_down()
    uvicorn.run(
        build(hub.console()),
        host=settings.web.host,
        port=settings.web.port,
        ssl_certfile=settings.web.tls_cert_file,
        ssl_keyfile=settings.web.tls_key_file,
        log_config=None,
        access_log=False,
        **behind(settings.web),
        timeout_graceful_shutdown=3,
    )
