"""A gateway: the product's parts, wired as in :mod:`gateway.composition`, driven by the agenda instead of threads."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.composition import REACHABLE_FOR_S
from gateway.domain.keyring import Keyring
from gateway.domain.outgoing import Speaker, frame_event
from gateway.domain.watch import Patience
from gateway.hearing.ear import Ear
from gateway.hearing.watchdog import Watchdog
from gateway.loops import AFTER_FAULT_S
from gateway.outbox import Outbox
from gateway.supervision import Pulse
from gateway.telling.teller import Teller
from gateway.uplink.inbox import Inbox, subscriptions
from gateway.uplink.mailbox import Mailbox
from gateway.uplink.refusals import Refusals
from gateway.uplink.sender import Sender
from gateway.uplink.standing import Attempts, Digest, Standing, will
from gateway.uplink.uplink import Uplink
from protocols.ids import GatewayId
from protocols.mqtt.envelope import GatewayState, StatusData, event_id
from simulator.explore.disk import MortalConnection
from simulator.explore.network import SimulatedConnection
from simulator.explore.process import Process
from tocsin import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.domain.hearing import HeardFrame
    from gateway.domain.moment import Moment
    from gateway.hearing.radio import Radio
    from gateway.telling.client import Client
    from protocols.enrolment import DeviceKey
    from protocols.ids import Address, OrganisationId
    from simulator.explore.clocks import WallClock
    from simulator.explore.ledger import Ledger
    from simulator.explore.wearer import Wearer

SAY_EVERY_S: Final = 1.0
WATCH_EVERY_S: Final = 5.0
DIGEST_EVERY_S: Final = 10.0
OWED_S: Final = 5.0
"""What was heard is handed on within this, counted anew when the connection changes."""
_PATIENCE: Final = Patience(blind_after_s=60.0, restart_after_s=30.0)
_SOON_S: Final = 0.002


class _Radio:
    """Always runs; whether anything is heard is the air's business."""

    running = True

    async def restart(self) -> None:
        """Nothing is wrong with it."""


class GatewayProcess(Process):
    """One gateway and its memory card.

    Attributes:
        disk: the card's directory.
        full: nothing more can be written on it.
        unkept: events that this run has heard and that are not on the card.
    """

    def __init__(self, *who: Any, organisation: OrganisationId, disk: Path, clock: WallClock) -> None:  # noqa: ANN401 - see Process
        super().__init__(*who)
        self.organisation, self.disk, self.clock = organisation, disk, clock
        self.keys: list[DeviceKey] = []
        self.wearers: dict[Address, Wearer] = {}
        self.ledger: Ledger
        self.full = False
        self.snapshot: Path | None = None
        disk.mkdir(parents=True)

    # A run

    def begin(self) -> None:
        now = self.clock.moment()
        self._open_disk(now)
        self._keyring = Keyring(self.keys)
        self.unkept: set[str] = set()
        self._owed: set[str] = set()
        self._heard_at: dict[Address, float] = {}
        self._uplink_at = float("inf")
        self._tell_at = float("inf")
        self.speaker = Speaker(self.organisation, GatewayId(self.name), f"{self.name}{self.runs}")
        self.mailbox = Mailbox()
        self._pulse = Pulse(["uplink", "watch", "say", "tell"], now)
        self._teller = Teller(self._keyring, self._client, wake=self._wake_teller, refused=self._refused)
        self._to_the_hub(now)
        self._from_the_air(now)
        self._about_itself(now)
        self.alarm.start()
        self.presence.start()
        self._turns()

    def _open_disk(self, now: Moment) -> None:
        self._files: list[MortalConnection] = []
        self.outbox = Outbox(self.disk, max_mb=1, now=now, ballast=0, connect=self._connect)
        self.ledger.reopened(self.name, [event.id for event in self.outbox.pending() if not event.replayed])
        if self.outbox.depth:
            self.story.tell(self.name, f"{self.outbox.depth} events wait on its disk")

    def _connect(self, path: Path, **arguments: Any) -> MortalConnection:  # noqa: ANN401 - sqlite3's own
        connection = sqlite3.connect(path, factory=MortalConnection, **arguments)
        connection.fate = self.fate
        self._files.append(connection)
        if self.full:
            connection.fill(full=True)
        return connection

    def _to_the_hub(self, now: Moment) -> None:
        speaker, box = self.speaker, self.mailbox
        self.alarm = SimulatedConnection(
            self,
            self.broker,
            client_id=speaker.client_id("alarm"),
            subscriptions=subscriptions(speaker),
            on_message=box.received,
            on_connect=box.connected,
        )
        self.sender = Sender(speaker, self.outbox, self.alarm, box, now=now)
        self._refusals = Refusals(self.sender.report)
        self.inbox = Inbox(speaker, self.sender, box, keyring=self._keyring, tell=self._tell, refused=self._refused)
        self._uplink = Uplink(self.sender, self.inbox)

    def _from_the_air(self, now: Moment) -> None:
        known = self.outbox.known()
        self._ear = Ear(self._keyring, known, publish=self._publish, answer=self._teller.heard, now=now)
        radio = cast("Radio", _Radio())
        self._watchdog = Watchdog(self._ear, radio, _PATIENCE, report=self.sender.report, now=now)

    def _about_itself(self, now: Moment) -> None:
        attempts, speaker = Attempts(), self.speaker
        self.presence = SimulatedConnection(
            self,
            self.broker,
            client_id=speaker.client_id("presence"),
            will=lambda: will(speaker, now, attempts.begin()),
        )
        self._standing = Standing(speaker, self.presence, attempts, self._status)
        self._digest = Digest(speaker, self.presence, self._ear.presence.take, every_s=DIGEST_EVERY_S, now=now)

    def ended(self) -> None:
        attempts = self.agenda.loop.create_task(self._teller.stop())
        self._ending = attempts
        for connection in self._files:
            connection.close()

    # Its loops

    def _turns(self) -> None:
        self._say()
        self._watch()
        self._tell_soon(0.0)
        self._uplink_soon(0.0)

    def did(self) -> None:
        if self.mailbox.woken.is_set():
            self._uplink_soon(_SOON_S)

    def _uplink_soon(self, seconds: float) -> None:
        when = self.agenda.now + seconds
        if when < self._uplink_at:
            self._uplink_at = when
            self.later(seconds, partial(self._uplink_turn, when))

    def _uplink_turn(self, when: float) -> None:
        if when != self._uplink_at:
            return  # a sooner one was there
        self._uplink_at = float("inf")
        self.mailbox.woken.clear()
        now = self.clock.moment()
        self._pulse.beat("uplink", now)
        before, failures = {event.id for event in self.outbox.pending()}, self.outbox.failures.total()
        try:
            due = self._uplink.step(now)
        except sqlite3.Error as failure:
            self.story.violated("unexpected", f"{self.name}: the uplink broke: {failure!r}")
            due = now.ticks + AFTER_FAULT_S
        self._note(before, clean=self.outbox.failures.total() == failures)
        self._uplink_soon(min(1.0, max(0.0, due - now.ticks)))

    def _note(self, before: set[str], *, clean: bool) -> None:
        """What this gateway is now answerable for, and what it may forget."""
        kept = {event for event in self.unkept if not self.outbox.is_unstored(event)}
        self.unkept -= kept
        settled = before - {event.id for event in self.outbox.pending()} if clean else set()
        self.ledger.kept(self.name, kept, settled)

    def _say(self) -> None:
        now = self.clock.moment()
        self._pulse.beat("say", now)
        self._digest.step(now)
        self._standing.step(now)
        self.later(SAY_EVERY_S, self._say)

    def _watch(self) -> None:
        now = self.clock.moment()
        self._pulse.beat("watch", now)
        self._watching = self.agenda.loop.create_task(self._watchdog.step(now))
        if stalled := self._pulse.stalled(now):
            self.story.violated("unexpected", f"{self.name}: loops stalled: {stalled}")
        self.later(WATCH_EVERY_S, self._watch)

    def _wake_teller(self) -> None:
        self._tell_soon(_SOON_S)

    def _tell_soon(self, seconds: float) -> None:
        when = self.agenda.now + seconds
        if when < self._tell_at:
            self._tell_at = when
            self.later(seconds, partial(self._tell_turn, when))

    def _tell_turn(self, when: float) -> None:
        if when != self._tell_at:
            return
        self._tell_at = float("inf")
        now = self.clock.moment()
        self._pulse.beat("tell", now)
        self._tell_soon(self._teller.step(now))

    # What its parts call

    def hear(self, address: Address, frame: bytes, rssi: int) -> None:
        self._heard_at[address] = self.agenda.now
        self._ear.hear(str(address), frame, rssi, self.clock.moment())
        self._owe(self.wearers[address].event_in(frame))

    def _owe(self, event: str | None) -> None:
        if event is not None and event not in self._owed:
            self._owed.add(event)
            self._ask(event, None)

    def _ask(self, event: str, before: object) -> None:
        """Has what the ear was given been handed to the hub's broker, if there was a connection all the time?"""
        if (self.name, event) in self.ledger.handed or event in self.ledger.recorded:
            return
        present = self.alarm.present
        if present is not None and present is before:
            self.story.violated("owed", f"{event} was heard by {self.name}, which does not tell the hub")
            return
        self.later(OWED_S, partial(self._ask, event, present))

    def _publish(self, heard: HeardFrame, device: str, now: Moment) -> None:
        self.mailbox.accept(frame_event(self.speaker, heard, device=device, now=now))
        identity = heard.report.identity
        number = event_id(identity.address, identity.epoch, identity.sequence, heard.report.stage)
        self.unkept.add(number)
        self.ledger.heard(self.name, heard.report, number)

    def _tell(self, address: Address, value: bytes, for_s: float) -> None:
        self._teller.tell(address, value, for_s, self.clock.moment())

    def _client(self, address: Address, _now: Moment) -> Client | None:
        if self.agenda.now - self._heard_at.get(address, float("-inf")) > REACHABLE_FOR_S:
            return None
        return cast("Client", self.wearers[address].client(self.name))

    def _refused(self, what: str, now: Moment) -> None:
        self._refusals.note(what, now)
        self.ledger.refused(self.name, what)

    def _status(self) -> StatusData:
        return StatusData(
            state=GatewayState.ONLINE,
            boot=self.speaker.boot,
            version=__version__,
            outbox_depth=self.outbox.depth,
            blind=self._watchdog.blind,
            shed=self.outbox.shed,
            refused=dict(self._ear.refused),
        )

    # What happens to its card

    def fill(self, *, full: bool) -> None:
        self.full = full
        self.story.tell(self.name, "disk full" if full else "disk has room again")
        if self.is_up:
            for connection in self._files:
                connection.fill(full=full)

    def save(self) -> None:
        """Keep a copy of the card as it is between two runs."""
        self.snapshot = self.disk.with_name(f"{self.name}-copy")
        shutil.rmtree(self.snapshot, ignore_errors=True)
        shutil.copytree(self.disk, self.snapshot)
        self.ledger.card_saved(self.name)

    def go_back(self) -> None:
        """The card is as it was when it was copied."""
        if self.snapshot is not None:
            shutil.rmtree(self.disk)
            shutil.copytree(self.snapshot, self.disk)
            self.story.tell(self.name, "its card is replaced by an old copy")
            self.ledger.card_went_back(self.name)

    def wipe(self) -> None:
        """A new card."""
        shutil.rmtree(self.disk)
        self.disk.mkdir()
        self.story.tell(self.name, "gets an empty card")
        self.ledger.card_wiped(self.name)
