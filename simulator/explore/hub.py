"""The hub: the product's parts, wired as in :mod:`hub.app`, driven by the agenda instead of threads."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, cast

from hub.app import IDLE_S
from hub.cases.desk import Desk, Routes
from hub.clockwatch import ClockWatch
from hub.dispatcher import Dispatcher
from hub.ingest.events import BATCH as EVENT_BATCH
from hub.ingest.events import EventIngest
from hub.ingest.inbox import Inbox
from hub.ingest.signs import BATCH as SIGN_BATCH
from hub.ingest.signs import SignIngest
from hub.loops import PAUSE_S
from hub.metrics import HubMetrics
from hub.store.store import Store, StoreUnavailableError
from hub.store.vault import Vault
from hub.ticker import Ticker
from protocols.mqtt import topics
from protocols.mqtt.envelope import GatewayState, StatusData, StatusEnvelope
from protocols.mqtt.topics import Channel
from simulator.explore.disk import VAULT_KEY, HubDisk, instant
from simulator.explore.network import SimulatedConnection
from simulator.explore.process import Process
from tocsin import __version__
from tocsin.mqtt import Will

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from random import Random

    from hub.channels.port import Channel as ChannelPort
    from hub.store.outbox import Item
    from hub.store.store import Tx
    from protocols.ids import OrganisationId
    from simulator.explore.clocks import WallClock
    from tocsin.mqtt import Received

LONGEST_IDLE_S: Final = 4.0
"""A look that finds nothing costs time, so there is none while nothing can be due; but see ``hub.ticker.AWAY_S``."""
ANNOUNCE_EVERY_S: Final = 5.0
_SOON_S: Final = 0.001
_HELD_S: Final = 1.5
"""What is due and was not handled is being held back, or sent."""
_DUE: Final = "SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM {} WHERE due_at IS NOT NULL)"
_ROUTES: Final = Routes(email=True)


@cache
def metrics() -> HubMetrics:
    """Figures steer nothing: one set does for all worlds."""
    return HubMetrics()


class _Sendings:
    """Stands where the hub's pool of senders stands: each sending begins as late as its channel is slow."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub

    def submit(self, work: Callable[..., object], item: Item) -> Future[None]:
        done: Future[None] = Future()

        def run() -> None:
            work(item)
            done.set_result(None)

        self._hub.later(self._hub.sending_s(item), run)
        return done


class HubProcess(Process):
    """One hub and its disk.

    Attributes:
        disk: outlives its runs.
        full: nothing more can be written on it.
        began: when its present run began.
        able_since: when it last began to be able to do its work.
    """

    disk: HubDisk

    def __init__(self, *who: Any, organisation: OrganisationId, clock: WallClock, ids: Random) -> None:  # noqa: ANN401 - see Process
        super().__init__(*who)
        self.organisation, self.clock = organisation, clock
        self._ids = ids
        self.mail: ChannelPort
        self.sending_s: Callable[[Item], float] = lambda _: 0.01
        self.full = False
        self.able_since = self.began = 0.0

    # A run

    def begin(self) -> None:
        self.able_since = self.began = self.agenda.now
        self.disk.connection.fate = self.fate
        self.store = Store(self.disk.engine, Vault([VAULT_KEY]), clock=self.clock, new_id=self._new_id, inline=True)
        self._waiting: list[Received] = []
        self._planned: dict[str, float] = {}
        self._events, self._signs = Inbox(), Inbox()
        boot = f"hub{self.runs}"
        self.event_link = self._link(f"{boot}.events", (Channel.EVENT,), self._events, "ingest")
        self._sign_link = self._link(f"{boot}.signs", (Channel.STATUS, Channel.PRESENCE), self._signs, "signs")
        self._compose()
        self._status_link = self._announcing(boot)
        self.event_link.start()
        self._sign_link.start()
        self._status_link.start()
        self._plan("tick", 0.0)
        self._plan("dispatch", 0.0)
        self._plan("announce", 0.1)

    def _compose(self) -> None:
        publish = self.event_link.publish
        self._ingest = EventIngest(self.store, _ROUTES, publish, metrics())
        self._sign_ingest = SignIngest(self.store, _ROUTES, metrics(), self.wake, monotonic=lambda: self.agenda.now)
        self._ticker = Ticker(self.store, _ROUTES, metrics(), monotonic=lambda: self.agenda.now)
        self._clock_watch = ClockWatch(self.store, _ROUTES, lambda: self.agenda.now)
        self._dispatcher = Dispatcher(
            self.store,
            _ROUTES,
            {"email": self.mail},
            publish=publish,
            public_url="https://hub.example",
            executor=cast("Executor", _Sendings(self)),
            metrics=metrics(),
            wake=self.wake,
        )

    def _new_id(self) -> str:
        return f"{self._ids.getrandbits(80):020x}"

    def _link(self, client_id: str, channels: tuple[Channel, ...], inbox: Inbox, loop: str) -> SimulatedConnection:
        def put(message: Received) -> None:
            inbox.put(message)
            self._plan(loop, 0.003)

        subscriptions = [topics.from_gateways(channel) for channel in channels]
        return SimulatedConnection(self, self.broker, client_id=client_id, subscriptions=subscriptions, on_message=put)

    def _announcing(self, boot: str) -> SimulatedConnection:
        will = Will(topics.hub_status(self.organisation), self._status(boot, GatewayState.OFFLINE))
        return SimulatedConnection(
            self, self.broker, client_id=f"{boot}.status", will=will, on_connect=lambda: self._say(GatewayState.ONLINE)
        )

    # Its loops

    def wake(self) -> None:
        self._plan("tick", max(_SOON_S, self._due_in("deadlines")))
        self._plan("dispatch", max(_SOON_S, self._due_in("outbox")))

    def _plan(self, loop: str, seconds: float) -> None:
        """Let a loop turn then, or sooner if that was planned."""
        when = self.agenda.now + seconds
        if when < self._planned.get(loop, float("inf")):
            self._planned[loop] = when
            self.later(seconds, partial(self._turn, loop, when))

    def _turn(self, loop: str, when: float) -> None:
        if self._planned.get(loop) != when:
            return
        del self._planned[loop]
        try:
            wait_s = _TURNS[loop](self)
        except StoreUnavailableError as unavailable:
            wait_s = PAUSE_S
            self.story.tell("hub", f"{loop}: {unavailable}")
        except Exception as failure:  # noqa: BLE001 - a loop of the hub survives it; here it is a finding
            wait_s = PAUSE_S
            self.story.violated("unexpected", f"hub: {loop} broke: {failure!r}")
        if wait_s is not None:
            self._plan(loop, wait_s)

    def _take_events(self) -> float | None:
        self._waiting = self._waiting or self._events.take(EVENT_BATCH, 0)
        if not self._waiting:
            return None
        self._waiting = self._ingest.step(self._waiting)
        self.wake()
        return 0.0

    def _take_signs(self) -> float | None:
        batch = self._signs.take(SIGN_BATCH, 0)
        if not batch:
            return None
        self._sign_ingest.step(batch)
        return 0.0

    def _tick(self) -> float:
        stepped, handled = self._clock_watch.step(), self._ticker.step()
        if stepped or handled:
            self._plan("dispatch", 0.0)
        return max(IDLE_S if handled else _HELD_S, self._due_in("deadlines"))

    def _dispatch(self) -> float:
        return max(IDLE_S if self._dispatcher.step() else _HELD_S, self._due_in("outbox"))

    def _due_in(self, table: str) -> float:
        """Seconds until something is due, but not so long that the ticker would think that the hub was away."""
        due = instant(self.disk.connection.look(_DUE.format(table))[0][0])
        return LONGEST_IDLE_S if due is None else min(LONGEST_IDLE_S, (due - self.clock.now()).total_seconds())

    def _announce(self) -> float:
        try:
            self.store.write(lambda _: None)
        except StoreUnavailableError:
            self._say(GatewayState.OFFLINE)
            raise
        self._say(GatewayState.ONLINE)
        return ANNOUNCE_EVERY_S

    def _say(self, state: GatewayState) -> None:
        payload = self._status(f"hub{self.runs}", state)
        self._status_link.publish(topics.hub_status(self.organisation), payload, retain=True)

    def _status(self, boot: str, state: GatewayState) -> bytes:
        now = self.clock.now()
        data = StatusData(state=state, boot=boot, version=__version__)
        source = f"{self.organisation}/{topics.HUB}"
        return StatusEnvelope(id=f"{boot}-{now.timestamp()}", source=source, time=now, data=data).to_json()

    # What people do at its console

    def desk(self, work: Callable[[Desk], object]) -> bool:
        """Whether it was done: the hub may be down, or its disk full."""
        done: list[bool] = []

        def act() -> None:
            def run(tx: Tx) -> None:
                work(Desk(tx, _ROUTES))

            self.store.write(run)
            done.append(True)
            self.wake()

        try:
            self.do(act)
        except StoreUnavailableError:
            return False
        return bool(done)

    # What happens to its disk

    def fill(self, *, full: bool, utterly: bool = False) -> None:
        self.full = full
        self.story.tell("hub", "disk full" if full else "disk has room again")
        self.disk.connection.fill(full=full, utterly=utterly)
        if not full:
            self.able_since = self.agenda.now


_TURNS: Final[dict[str, Callable[[HubProcess], float | None]]] = {
    "ingest": HubProcess._take_events,  # noqa: SLF001 - its own
    "signs": HubProcess._take_signs,  # noqa: SLF001 - its own
    "tick": HubProcess._tick,  # noqa: SLF001 - its own
    "dispatch": HubProcess._dispatch,  # noqa: SLF001 - its own
    "announce": HubProcess._announce,  # noqa: SLF001 - its own
}
