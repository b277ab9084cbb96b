"""Organisations on one hub that have everything, with the very same ids; every text of each carries its mark."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.cases import claims, enrolment, gateways, incidents, sessions, shelving, way_in, wired
from hub.cases.access import Refusal
from hub.cases.claims import Arrival
from hub.cases.desk import Desk, Routes
from hub.cases.gateways import CODE_LIFETIME
from hub.cases.way_in import WayIn
from hub.channels.email.smtp import SmtpChannel
from hub.channels.webhook.post import WebhookChannel
from hub.dispatcher import Dispatcher
from hub.domain.session import Risk
from hub.ingest.events import EventIngest
from hub.ingest.signs import SignIngest
from hub.metrics import HubMetrics
from hub.store import credentials, directory, faults
from hub.store import incidents as incident_rows
from hub.store.directory import Account, Organisation, Place, Role, Worker
from hub.store.faults import FaultKind
from hub.store.wired_events import WiredEvent
from hub.web import accounts, tokens
from protocols import codes, labels
from protocols.ble import bthome
from protocols.enrolment import BrokerAddress
from protocols.events import Cause
from protocols.ids import Address, GatewayId, OrganisationId, PlaceId, WorkerId
from protocols.mqtt.envelope import (
    ButtonData,
    ButtonSign,
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
from tests.hub.desk import Alarm, Inline, Letterbox, Message
from tests.hub.web.visitor import CHEAP

if TYPE_CHECKING:
    from hub.store.incidents import IncidentRecord
    from hub.store.store import Store, Tx
    from tests.hub.conftest import Watch

ADDRESS = Address("C0:FF:EE:00:00:01")
SPARE = Address("C0:FF:EE:00:00:02")
NORTH = GatewayId("north")
PEOPLE = {Role.WORKER: "wendy", Role.SUPERVISOR: "sam", Role.MANAGER: "mo", Role.ADMINISTRATOR: "adi"}


class Numbers:
    """Ids that begin again for each organisation."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"number{self.count:05d}"


class House:
    """One hub: what comes in, what goes out, for whomever."""

    def __init__(self, store: Store, watch: Watch, organisations: tuple[str, ...]) -> None:
        self.store, self.watch = store, watch
        self.routes = Routes(email=True, webhooks={OrganisationId(one): ("desk",) for one in organisations})
        self.metrics = HubMetrics()
        self.published: list[tuple[str, bytes]] = []
        self.mail, self.hook = Letterbox(SmtpChannel.carries), Letterbox(WebhookChannel.carries)
        self.events = EventIngest(store, self.routes, self._publish, self.metrics)
        self.signs = SignIngest(store, self.routes, self.metrics, lambda: None, monotonic=lambda: 0.0)
        self._dispatcher = Dispatcher(
            store,
            self.routes,
            {"email": self.mail, "webhook": self.hook},
            publish=self._publish,
            public_url="https://hub.example",
            executor=Inline(),  # type: ignore[arg-type]
            metrics=self.metrics,
        )
        address = BrokerAddress(host="hub.example", port=8883, tls=True)
        way = WayIn(hub_url="https://hub.example", authority=None, broker=address)
        store.write(lambda tx: way_in.note(tx, way))

    def _publish(self, topic: str, payload: bytes) -> bool:
        self.published.append((topic, payload))
        return True

    def desk(self, work: Any) -> Any:
        return self.store.write(lambda tx: work(Desk(tx, self.routes)))

    def dispatch(self) -> None:
        while self._dispatcher.step():
            pass


class Tenant:
    """An organisation with a row in every table. ``mark`` stands in every text that is its own."""

    def __init__(self, house: House, organisation: str, mark: str, key: bytes) -> None:
        self.house, self.id, self.mark = house, OrganisationId(organisation), mark
        self.alarm = Alarm(ADDRESS, key)
        self.key = key
        self.token = ""

    def build(self) -> None:
        """Everything there is, in the order in which it would come."""
        self.house.store.write(self._people)
        self._devices()
        self._gateway()
        self._alarms()
        self._ways_in()
        self.house.dispatch()

    def _people(self, tx: Tx) -> None:
        own, mark = self.id, self.mark
        directory.add_organisation(tx, Organisation(own, f"{mark} Outreach", "Europe/London"))
        for role, name in PEOPLE.items():
            account = Account(own, name, f"{mark} {name}", f"{name}@{mark}.example", role, password_hash=CHEAP)
            directory.add_account(tx, replace(account, worker=WorkerId("alice") if role is Role.WORKER else None))
        for name in ("alice", "bob"):
            mail = f"{name}@{mark}.example"
            directory.add_worker(tx, Worker(own, WorkerId(name), f"{mark} {name}", mail, mark, "sam"))
        directory.add_place(tx, Place(own, PlaceId("hall"), f"{mark} hall", f"1 {mark} Row", 51.5, -0.1))

    def _devices(self) -> None:
        for address, key in ((ADDRESS, self.key), (SPARE, self.key[::-1])):
            self._enrol(labels.uri(address, key))
        self.house.desk(lambda desk: enrolment.assign(desk, self.id, ADDRESS, WorkerId("alice"), "mo"))

    def _enrol(self, text: str) -> None:
        self.house.desk(lambda desk: enrolment.enrol_device(desk, self.id, text, f"{self.mark} alarm", "mo"))

    def _gateway(self) -> None:
        code = self.house.desk(lambda desk: gateways.new_code(desk, self.id, "north", "hall", "adi", CODE_LIFETIME))
        claimed = self.house.desk(
            lambda desk: claims.claim(desk, codes.read(code), "ab" * 32, Arrival("192.0.2.9", self.mark))
        )
        assert not isinstance(claimed, Refusal)
        self.house.store.write(lambda tx: credentials.note_fetch(tx, self.id, NORTH, self.mark))
        self.house.desk(lambda desk: gateways.new_code(desk, self.id, "south", None, "adi", CODE_LIFETIME))
        self.sign(Channel.STATUS, self._status())

    def _status(self) -> bytes:
        data = StatusData(state=GatewayState.ONLINE, boot=self.mark, version=self.mark, blind=True)
        return StatusEnvelope(id="s", source=f"{self.id}/north", time=self.house.watch.now(), data=data).to_json()

    def _alarms(self) -> None:
        self.log("alice")
        self.log("bob", now=False)
        self.hear(self.alarm.event(Cause.PANIC))
        self.digest(self.alarm.frame(battery=17))
        self.house.events.step([Message(self.topic(Channel.EVENT), f'{{"said": "{self.mark}"}}'.encode())])  # type: ignore[list-item]
        live = self.live("worker:alice")
        self.house.desk(lambda desk: incidents.take(desk, self.id, live.id, "sam"))
        self.house.desk(lambda desk: wired.record(desk, self._button()))
        fault = self.house.desk(lambda desk: faults.raise_(desk.tx, self.id, FaultKind.CHANNEL_FAILING, "x", self.mark))
        day = timedelta(hours=1)
        self.house.desk(lambda desk: shelving.shelve(desk, self.id, fault, "mo", f"{self.mark} why", day))

    def _button(self) -> WiredEvent:
        now = self.house.watch.now()
        data = ButtonData(button="door", boot="b", number=1, sign=ButtonSign.PANIC)
        return WiredEvent(self.id, NORTH, data, now, "synchronised", now)

    def _ways_in(self) -> None:
        def work(tx: Tx) -> str:
            maker = directory.get_account(tx, self.id, "adi")
            assert maker is not None
            accounts.sign_in(tx, maker)
            return tokens.new(Desk(tx, Routes()), maker, f"{self.mark} program", ["alarms:see"])[0]

        self.token = self.house.store.write(work)

    def log(self, worker: str, *, now: bool = True) -> None:
        start = self.house.watch.now() + timedelta(hours=0 if now else 2)
        new = sessions.NewSession(worker, "hall", start, start + timedelta(hours=1), Risk.NORMAL, start_now=now)
        self.house.desk(lambda desk: sessions.log(desk, self.id, new, "sam"))

    def topic(self, channel: Channel) -> str:
        return str(Topic(self.id, NORTH, channel))

    def hear(self, frame: bytes, address: Address = ADDRESS) -> Message:
        """A frame comes in by a gateway of this organisation, whosever device it is of."""
        number = "unknown"
        try:
            report = bthome.decode(address, self.alarm.key, frame)
            number = event_id(address, report.identity.epoch, report.identity.sequence, report.stage)
        except bthome.FrameError:
            pass
        now = self.house.watch.now()
        data = FrameData(address=address, frame=frame, rssi=-60, boot=self.mark)
        envelope = EventEnvelope(id=number, source=f"{self.id}/north", time=now, receivedtime=now, data=data)
        message = Message(self.topic(Channel.EVENT), envelope.to_json())
        self.house.events.step([message])  # type: ignore[list-item]
        return message

    def digest(self, frame: bytes) -> None:
        now = self.house.watch.now()
        heard = Heard(address=ADDRESS, frame=frame, heard_at=now, rssi=-70)
        data = PresenceData(boot=self.mark, devices=[heard])
        envelope = PresenceEnvelope(id="p", source=f"{self.id}/north", time=now, data=data)
        self.sign(Channel.PRESENCE, envelope.to_json())

    def sign(self, channel: Channel, payload: bytes) -> None:
        self.house.signs.step([Message(self.topic(channel), payload)])  # type: ignore[list-item]

    def live(self, subject: str) -> IncidentRecord:
        found = self.house.store.read(lambda tx: incident_rows.live(tx, self.id, subject))
        assert found is not None
        return found
