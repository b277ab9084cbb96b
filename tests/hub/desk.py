"""An organisation with people, places, a device and gateways, and words for what happens to it."""

from __future__ import annotations

import json
import struct
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.cases import incidents, sessions
from hub.cases.desk import Desk, Routes
from hub.dispatcher import Dispatcher
from hub.domain.session import Risk
from hub.ingest.events import EventIngest
from hub.ingest.signs import SignIngest
from hub.metrics import HubMetrics
from hub.store import deadlines, device_keys, devices, directory, faults, journal, outbox
from hub.store import incidents as incident_rows
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Place, Role, Worker
from hub.ticker import Ticker
from protocols.ble import aes, bthome, ccm, downlink, keys, layout
from protocols.events import Cause, Stage, Told
from protocols.ids import Address, GatewayId, OrganisationId, PlaceId, WorkerId
from protocols.mqtt.envelope import (
    EventEnvelope,
    FrameData,
    GatewayState,
    Heard,
    PresenceData,
    PresenceEnvelope,
    StatusData,
    StatusEnvelope,
    event_id,
)
from protocols.mqtt.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.channels.port import Outgoing
    from hub.store.faults import Fault
    from hub.store.incidents import IncidentRecord
    from hub.store.sessions import SessionRecord
    from hub.store.store import Store
    from tests.hub.conftest import Watch

ACME = OrganisationId("acme")
ADDRESS = Address("C0:FF:EE:00:00:01")
KEY = bytes(range(16))
"""The root key of the alarm."""


@dataclass
class Message:
    """Stands where :class:`tocsin.mqtt.Received` stands."""

    topic: str
    payload: bytes
    retained: bool = False
    acknowledged: list[bytes] = field(default_factory=list)
    arrived: float = float("inf")
    """Just now, whenever it is asked."""

    def acknowledge(self) -> None:
        self.acknowledged.append(self.payload)


class Alarm:
    """A personal alarm as the hub sees one: sealed frames with a rising counter."""

    def __init__(self, address: Address = ADDRESS, key: bytes = KEY) -> None:
        self.address, self.root, self.generation = address, key, 0
        self.epoch, self.sequence, self.counter = 1, 0, 0

    @property
    def key(self) -> bytes:
        """Under which it speaks now."""
        return keys.working(aes.block(self.root), self.generation)

    def frame(
        self,
        cause: Cause = Cause.HEARTBEAT,
        stage: Stage = Stage.NOTICE,
        *,
        sequence: int | None = None,
        age_s: int = 0,
        told: Told = Told.NOTHING,
        battery: int = 80,
    ) -> bytes:
        self.counter += 1
        number = self.sequence if sequence is None else sequence
        raw = layout.pack(self.epoch, number, cause, stage, age_s, told, False, False, False)
        body = layout.body(self.counter, battery, layout.BUTTON_OF_CAUSE.get(cause, 0), raw)
        nonce = bthome.nonce(self.address, 0x41, self.counter)
        sealed = ccm.seal(aes.block(self.key), nonce, body, bthome.MIC_SIZE)
        return b"\x41" + sealed[:-4] + struct.pack("<I", self.counter) + sealed[-4:]

    def event(self, cause: Cause, stage: Stage = Stage.ALARM, *, new: bool = True, **more: Any) -> bytes:
        if new:
            self.sequence += 1
        return self.frame(cause, stage, **more)


class Inline:
    """Runs what it is given at once, in the caller's thread."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*arguments))
        return done


class Letterbox:
    """A channel that keeps what it is given; fails while ``failing``."""

    carries = frozenset()  # type: ignore[var-annotated]

    def __init__(self, carries: frozenset[Any]) -> None:
        self.carries = carries
        self.taken: list[Outgoing] = []
        self.failing: Exception | None = None

    def send(self, outgoing: Outgoing) -> str:
        if self.failing is not None:
            raise self.failing
        self.taken.append(outgoing)
        return "taken"

    def said(self) -> list[tuple[str, str]]:
        """(recipient, message) in order."""
        return [(one.target, one.facts.message) for one in self.taken]


class Office:
    """Acme: supervisor Sam, manager Mo, worker Alice with an alarm, gateways north and south."""

    def __init__(self, store: Store, watch: Watch) -> None:
        from hub.channels.email.smtp import SmtpChannel

        self.store, self.watch = store, watch
        self.routes = Routes(email=True)
        self.metrics = HubMetrics()
        self.published: list[tuple[str, bytes]] = []
        self.mail = Letterbox(SmtpChannel.carries)
        self.alarm = Alarm()
        self.ingest = EventIngest(store, self.routes, self._publish, self.metrics)
        self.monotonic = 0.0
        self.signs = SignIngest(store, self.routes, self.metrics, lambda: None, monotonic=lambda: self.monotonic)
        self.ticker = Ticker(store, self.routes, self.metrics, monotonic=lambda: self.monotonic)
        self.dispatcher = Dispatcher(
            store,
            self.routes,
            {"email": self.mail},
            publish=self._publish,
            public_url="https://hub.example",
            executor=Inline(),  # type: ignore[arg-type]
            metrics=self.metrics,
        )
        self.ticker.step()
        self._tick_quietly()
        store.write(self._found)

    def _tick_quietly(self) -> None:
        """Past the time in which a hub that has just started believes nobody's silence."""
        for _ in range(8):
            self.monotonic += 4
            self.ticker.step()

    def _found(self, tx: Any) -> None:
        directory.add_organisation(tx, Organisation(ACME, "Acme", "Europe/London"))
        directory.add_account(tx, Account(ACME, "sam", "Sam Super", "sam@acme.example", Role.SUPERVISOR))
        directory.add_account(tx, Account(ACME, "mo", "Mo Manager", "mo@acme.example", Role.MANAGER))
        directory.add_worker(
            tx, Worker(ACME, WorkerId("alice"), "Alice Archer", "alice@acme.example", "07700 900001", "sam")
        )
        directory.add_place(tx, Place(ACME, PlaceId("home-17"), "Home 17", "17 Elm Row", 51.5, -0.1))
        devices.add(tx, Device(ACME, ADDRESS, "alarm 1"))
        device_keys.add(tx, ACME, ADDRESS, KEY)
        devices.assign(tx, ACME, ADDRESS, WorkerId("alice"))

    def _publish(self, topic: str, payload: bytes) -> bool:
        self.published.append((topic, payload))
        return True

    def desk(self, work: Callable[[Desk], Any]) -> Any:
        return self.store.write(lambda tx: work(Desk(tx, self.routes)))

    def session(self, risk: Risk = Risk.NORMAL, *, minutes: int = 60, worker: str = "alice") -> SessionRecord:
        now = self.watch.now()
        new = sessions.NewSession(worker, "home-17", now, now + timedelta(minutes=minutes), risk, start_now=True)
        record: SessionRecord = self.desk(lambda desk: sessions.log(desk, ACME, new, "sam"))
        return record

    def message(self, frame: bytes, *, gateway: str = "north", age_s: float = 0, address: Address = ADDRESS) -> Message:
        now = self.watch.now()
        report = None
        try:
            report = bthome.decode(address, self.alarm.key, frame)
        except bthome.FrameError:
            number = "unknown"
        else:
            number = event_id(address, report.identity.epoch, report.identity.sequence, report.stage)
        envelope = EventEnvelope(
            id=number,
            source=f"acme/{gateway}",
            time=now - timedelta(seconds=age_s),
            receivedtime=now,
            data=FrameData(address=address, frame=frame, rssi=-60, boot="b"),
        )
        return Message(str(Topic(ACME, GatewayId(gateway), Channel.EVENT)), envelope.to_json())

    def hear(self, *frames: bytes, gateway: str = "north", age_s: float = 0) -> list[Message]:
        """Frames come in as one batch of events, and what follows is sent."""
        messages = [self.message(frame, gateway=gateway, age_s=age_s) for frame in frames]
        self.ingest.step(messages)  # type: ignore[arg-type]
        self.dispatch()
        return messages

    def digest(self, *frames: bytes, gateway: str = "north", age_s: float = 0) -> None:
        """A presence digest comes in."""
        self.signs.step([self.digest_message(*frames, gateway=gateway, age_s=age_s)])  # type: ignore[list-item]
        self.dispatch()

    def digest_message(self, *frames: bytes, gateway: str = "north", age_s: float = 0) -> Message:
        now = self.watch.now()
        devices = [
            Heard(address=ADDRESS, frame=frame, heard_at=now - timedelta(seconds=age_s), rssi=-70) for frame in frames
        ]
        envelope = PresenceEnvelope(
            id="p", source=f"acme/{gateway}", time=now, data=PresenceData(boot="b", devices=devices)
        )
        return Message(str(Topic(ACME, GatewayId(gateway), Channel.PRESENCE)), envelope.to_json())

    def status(
        self, state: GatewayState, *, gateway: str = "north", blind: bool = False, retained: bool = False
    ) -> None:
        data = StatusData(state=state, boot="b", version="1", blind=blind)
        envelope = StatusEnvelope(id="s", source=f"acme/{gateway}", time=self.watch.now(), data=data)
        self._sign(gateway, Channel.STATUS, envelope.to_json(), retained=retained)

    def _sign(self, gateway: str, channel: Channel, payload: bytes, *, retained: bool = False) -> None:
        topic = str(Topic(ACME, GatewayId(gateway), channel))
        self.signs.step([Message(topic, payload, retained)])  # type: ignore[list-item]
        self.dispatch()

    def dispatch(self) -> None:
        while self.dispatcher.step():
            pass

    def pass_time(self, **amount: float) -> None:
        """From deadline to deadline, each handled and everything sent on time."""
        until = self.watch.now() + timedelta(**amount)
        while (due := self.store.read(self._next_due)) is not None and due <= until:
            self._step(max(due, self.watch.now()))
        self._step(until)

    def _next_due(self, tx: Any) -> datetime | None:
        return min((due for due in (deadlines.next_due(tx), outbox.next_due(tx)) if due is not None), default=None)

    def _step(self, at: datetime) -> None:
        self.watch.time = at
        self.monotonic += 1
        self.ticker.step()
        self.dispatch()

    def live(self, subject: str = "worker:alice") -> IncidentRecord | None:
        return self.store.read(lambda tx: incident_rows.live(tx, ACME, subject))

    def incidents(self) -> list[IncidentRecord]:
        return self.store.read(lambda tx: incident_rows.listed(tx, ACME, only_live=False))

    def the_incident(self) -> IncidentRecord:
        (only,) = self.incidents()
        return only

    def faults(self) -> list[Fault]:
        return self.store.read(lambda tx: faults.listed(tx, ACME))

    def take(self, by: str = "sam") -> None:
        self.desk(lambda desk: incidents.take(desk, ACME, self.the_incident().id, by))
        self.dispatch()

    def journal_is_whole(self) -> bool:
        return not self.store.read(lambda tx: list(journal.verify(tx)))

    def written(self, chain: str) -> list[str]:
        return [entry.action for entry in self.store.read(lambda tx: journal.read(tx, ACME, chain))]

    def waiting(self) -> int:
        return self.store.read(outbox.depth)

    def mails(self) -> Counter[tuple[str, str]]:
        """How often each recipient was told what, faults left out."""
        return Counter(said for said in self.mail.said() if said[1] != "fault")

    def fault_mails(self) -> list[str]:
        return [to for to, message in self.mail.said() if message == "fault"]

    def receipts(self, gateway: str = "north") -> list[dict[str, Any]]:
        topic = str(Topic(ACME, GatewayId(gateway), Channel.RECEIPT))
        return [json.loads(payload)["data"] for where, payload in self.published if where == topic]

    def told(self, gateway: str = "north") -> list[tuple[int, ...]]:
        """Every downlink sent to a gateway, opened as the device would: (kind, epoch, sequence, code)."""
        ours = (
            str(Topic(ACME, GatewayId(gateway), Channel.RECEIPT)),
            str(Topic(ACME, GatewayId(gateway), Channel.COMMAND)),
        )
        sealed = [
            bytes.fromhex(data["downlink"])
            for where, payload in self.published
            if where in ours and (data := json.loads(payload)["data"]).get("downlink")
        ]
        opened = [downlink.open_(aes.block(self.alarm.key), ADDRESS.octets, value) for value in sealed]
        return [(one[0], one[2], one[3], one[4]) for one in opened if one is not None]

    def at(self) -> datetime:
        return self.watch.now()
