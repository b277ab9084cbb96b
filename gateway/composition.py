"""The gateway, put together.

Two threads carry the work. The event loop hears, watches the radio and tells devices; the uplink's own thread sends,
writes the outbox and reads what the hub answers, so that a slow disk never stops the listening. Two more may take their
time: that of the panel, and the one that keeps keys and credential as the hub has them.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain import wired
from gateway.domain.outgoing import Speaker, frame_event
from gateway.domain.watch import Patience
from gateway.hearing.ear import Ear
from gateway.hearing.radio import Radio, adapter_arguments
from gateway.hearing.reset import power_cycle
from gateway.hearing.watchdog import Watchdog
from gateway.loops import Counted, StepThread, every, unchanged, when_woken
from gateway.membership import Enrolled, membership
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.panel import door
from gateway.panel.panel import WallPanel
from gateway.readings import Parts, facts, figures, health, status
from gateway.supervision import LOOK_EVERY_S, Pulse, Supervisor
from gateway.telling.client import Client, Limits, bleak_client
from gateway.telling.teller import Teller
from gateway.uplink.inbox import Inbox, receipted_event, subscriptions
from gateway.uplink.mailbox import Mailbox
from gateway.uplink.refusals import Refusals
from gateway.uplink.sender import Sender
from gateway.uplink.standing import Attempts, Digest, Standing, will
from gateway.uplink.uplink import Uplink
from protocols.mqtt.topics import Channel
from tocsin.mqtt import Connection
from tocsin.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.domain.hearing import HeardFrame
    from gateway.domain.moment import Moment
    from gateway.domain.outgoing import Outgoing
    from gateway.loops import Pace
    from gateway.membership import ByHand
    from gateway.panel.port import Pins
    from gateway.settings import GatewaySettings
    from protocols.events import DeviceReport
    from protocols.ids import Address
    from tocsin.mqtt import Received

log = structlog.get_logger()

REACHABLE_FOR_S: Final = 30.0
"""A device that was not heard for so long is not connected to: the attempt would only hold a place."""
_LOOK_EVERY_S: Final = 1.0
_SAY_EVERY_S: Final = 0.5


class Gateway:
    """All parts, wired. What each does stands with itself; here is only who calls whom."""

    def __init__(
        self,
        settings: GatewaySettings,
        clock: Callable[[], Moment],
        loop: asyncio.AbstractEventLoop,
        pace: Pace = unchanged,
    ) -> None:
        now = clock()
        self._member = membership(settings)
        self._settings = settings
        self._clock = clock
        self._pace = pace
        self._loop = loop
        self._faults: Counter[str] = Counter()
        self._pulse = Pulse(_loops(settings, self._member), now)
        self._systemd = Notifier(os.environ)
        self._supervisor = Supervisor(self._pulse, lambda: health(self._parts), self._systemd)
        self._tasks: list[asyncio.Task[None]] = []
        self._speaker = Speaker(settings.organisation, settings.gateway, token_hex(8))
        self._mailbox = Mailbox()
        self._outbox = Outbox(_directory(settings.data_dir), max_mb=settings.outbox.max_mb, now=now)
        self.metrics = Metrics(lambda: figures(self._parts, self._clock()))
        self._on_the_wall(now)
        self._to_the_hub(now)
        self._to_wearers()
        self._from_the_air(now)
        self._about_itself(now)
        self._member.follow(
            {"presence": self._presence, "alarm": self._alarm},
            clock=clock,
            faults=self._faults,
            pace=pace,
            beat=partial(self._pulse.beat, "keys"),
        )

    @property
    def _parts(self) -> Parts:
        """What there is to read."""
        return Parts(
            boot=self._speaker.boot,
            alarm=self._alarm,
            digest=self._digest,
            ear=self._ear,
            faults=self._faults,
            inbox=self._inbox,
            member=self._member,
            outbox=self._outbox,
            panel=self._panel,
            radio=self._radio,
            refusals=self._refusals,
            sender=self._sender,
            teller=self._teller,
            watchdog=self._watchdog,
        )

    def _on_the_wall(self, now: Moment) -> None:
        self._panel = WallPanel(
            self._settings.panel,
            self._speaker,
            open_pins=self._open_pins,
            look=lambda now: facts(self._parts, now),
            hand_over=self._pressed,
            waiting=[event.id for event in self._outbox.pending() if wired.is_alarm(event)],
            now=now,
        )
        step, woken = self._panel_step, self._panel.woken
        self._panel_thread = StepThread("panel", step, woken, clock=self._clock, faults=self._faults, pace=self._pace)

    def _to_wearers(self) -> None:
        self._woken = asyncio.Event()
        self._teller = Teller(self._member.keyring, self._client, wake=self._woken.set, refused=self._refusals.note)

    def _to_the_hub(self, now: Moment) -> None:
        mailbox, speaker = self._mailbox, self._speaker
        self._alarm = Connection(
            self._member.mqtt("alarm"),
            client_id=speaker.client_id("alarm"),
            subscriptions=subscriptions(speaker),
            on_message=self._received,
            on_connect=mailbox.connected,
        )
        latency = self.metrics.receipt_latency.observe
        self._sender = Sender(
            speaker, self._outbox, self._alarm, mailbox, receipt_after=latency, kept=self._panel.kept, now=now
        )
        self._refusals = Refusals(self._sender.report)
        self._inbox = Inbox(
            speaker,
            self._sender,
            mailbox,
            keyring=self._member.keyring,
            tell=self._tell_from_thread,
            receipted=self._panel.receipted,
            staged=self._panel.staged,
            refused=self._refusals.note,
        )
        self._uplink = Uplink(self._sender, self._inbox)
        self._thread = StepThread(
            "uplink", self._uplink_step, mailbox.woken, clock=self._clock, faults=self._faults, pace=self._pace
        )

    def _from_the_air(self, now: Moment) -> None:
        radio = self._settings.radio
        answer = self._teller.heard
        keyring = self._member.keyring
        self._ear = Ear(keyring, self._outbox.known(), publish=self._publish, answer=answer, now=now)
        self._radio = Radio(radio, expected=keyring, hear=self._hear, reset=partial(power_cycle, radio.adapter))
        patience = Patience(radio.blind_after_s, radio.restart_after_s)
        self._watchdog = Watchdog(self._ear, self._radio, patience, report=self._sender.report, now=now)

    def _about_itself(self, now: Moment) -> None:
        attempts, speaker = Attempts(), self._speaker
        link = Connection(
            self._member.mqtt("presence"),
            client_id=speaker.client_id("presence"),
            will=lambda: will(speaker, now, attempts.begin()),
        )
        self._presence = link
        self._standing = Standing(speaker, link, attempts, lambda: status(self._parts, self._clock()))
        take, every_s = self._take_presence, self._settings.presence.every_s
        self._digest = Digest(speaker, link, take, every_s=every_s, now=now)

    def start(self) -> None:
        log.info("gateway starts", gateway=self._speaker.source, boot=self._speaker.boot, waiting=self._outbox.depth)
        self._thread.start()
        if self._settings.panel.enabled:
            self._panel_thread.start()
        self._alarm.start()
        self._presence.start()
        self._member.start()
        self._tasks = [
            self._loop.create_task(self._watch()),
            self._loop.create_task(every(self._look_every_s(), "supervise", self._supervise, faults=self._faults)),
            self._loop.create_task(every(_SAY_EVERY_S, "say", self._say, faults=self._faults, pace=self._pace)),
            self._loop.create_task(
                when_woken(self._woken, "tell", self._tell_step, faults=self._faults, pace=self._pace)
            ),
        ]
        if self._settings.panel.enabled:
            test = partial(door.serve, self._settings.data_dir, lambda: self._panel.test(self._clock()))
            self._tasks.append(self._loop.create_task(test()))

    async def stop(self) -> None:
        """Leave properly: nothing is under way any more, the status says offline, the outbox is written."""
        self._systemd.stopping()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._radio.stop()
        await self._teller.stop()
        self._standing.goodbye(self._clock())
        await asyncio.to_thread(self._leave)
        log.info("gateway stopped", waiting=self._outbox.depth)

    def _leave(self) -> None:
        if self._settings.panel.enabled:
            self._panel_thread.stop()
            self._panel.close()
        self._member.stop()
        self._presence.stop()
        self._alarm.stop()
        self._thread.stop()
        self._sender.step(self._clock())  # writes what came last
        self._outbox.close()

    async def _watch(self) -> None:
        await self._radio.start()
        self._systemd.ready()  # also without a radio: then it says so, and the button on the wall works
        await every(_LOOK_EVERY_S, "watch", self._watch_step, faults=self._faults, pace=self._pace)

    async def _watch_step(self) -> None:
        now = self._clock()
        self._pulse.beat("watch", now)
        await self._watchdog.step(now)

    def _look_every_s(self) -> float:
        """Three times within the watchdog's patience."""
        return min(LOOK_EVERY_S, (self._systemd.watchdog_s or LOOK_EVERY_S) / 3)

    async def _supervise(self) -> None:
        self._supervisor.step(self._clock())

    def _uplink_step(self, now: Moment) -> float:
        self._pulse.beat("uplink", now)
        return self._uplink.step(now)

    def _panel_step(self, now: Moment) -> float:
        self._pulse.beat("panel", now)
        return self._panel.step(now)

    async def _say(self) -> None:
        now = self._clock()
        self._pulse.beat("say", now)
        self._digest.step(now)
        self._standing.step(now)

    def _tell_step(self) -> float:
        now = self._clock()
        self._pulse.beat("tell", now)
        return self._teller.step(now)

    def _hear(self, address: str, service_data: bytes | None, rssi: int) -> float:
        now = self._clock()
        with Counted("hear", self._faults):
            self._ear.hear(address, service_data, rssi, now)
        return now.ticks

    def _publish(self, heard: HeardFrame, device: str, now: Moment) -> None:
        self._mailbox.accept(frame_event(self._speaker, heard, device=device, now=now))
        self._panel.overheard(heard.report)
        note_heard(heard.report)

    def _pressed(self, event: Outgoing) -> None:
        """The button's, on the panel's thread."""
        with Counted("panel", self._faults):
            self._sender.alarm(event, self._clock())

    def _received(self, message: Received) -> None:
        """On the connection's thread. A receipt that the panel waits for does not queue behind a slow disk."""
        self._mailbox.received(message)
        if self._panel.is_anxious and message.topic == self._speaker.topic(Channel.RECEIPT):
            event = receipted_event(message.payload)
            if event is not None:
                self._panel.receipted(event)

    def _tell_from_thread(self, address: Address, value: bytes, for_s: float) -> None:
        with suppress(RuntimeError):  # the loop is closed: the gateway is leaving
            self._loop.call_soon_threadsafe(self._tell, address, value, for_s)

    def _tell(self, address: Address, value: bytes, for_s: float) -> None:
        self._teller.tell(address, value, for_s, self._clock())

    def _client(self, address: Address, now: Moment) -> Client | None:
        handle = self._radio.handle(address)
        if handle is None or now.ticks - handle.heard_at > REACHABLE_FOR_S:
            return None
        return bleak_client(handle.device, Limits(), adapter_arguments(self._settings.radio))

    def _take_presence(self) -> tuple[Sequence[tuple[HeardFrame, Moment]], int]:
        heard, strangers = self._ear.presence.take()
        for frame, _ in heard:
            self._panel.overheard(frame.report)
        return heard, strangers

    def _open_pins(self) -> Pins:
        from gateway.panel.pins import GpioPins  # gpiozero, only where there is a panel

        return GpioPins(self._settings.panel, edge=lambda pressed: self._panel.edge(pressed, self._clock()))


def note_heard(report: DeviceReport) -> None:
    """Without the stage, and so without the event's id: who reads this must not tell a duress from a cancel."""
    identity = report.identity
    log.info(
        "event heard",
        address=identity.address,
        epoch=identity.epoch,
        sequence=identity.sequence,
        cause=report.cause.label,
    )


def _loops(settings: GatewaySettings, member: ByHand | Enrolled) -> list[str]:
    """Those that must turn."""
    extra = {"panel": settings.panel.enabled, "keys": isinstance(member, Enrolled)}
    return ["uplink", "watch", "say", "tell", *(name for name, there in extra.items() if there)]


def _directory(path: Path) -> Path:
    """Made if need be. A disk that refuses even this leaves the gateway with its memory, which the outbox says."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        log.warning("data directory can't be made", path=str(path), error=str(failure))
    return path
