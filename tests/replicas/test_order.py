"""Replicas handle what one gateway sends in any order: the newest counts, whichever comes last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.domain.moment import Moment
from gateway.domain.outgoing import Speaker
from gateway.uplink.standing import Attempts, Standing, will
from hub.cases import hearing
from hub.store import faults, presence
from hub.store.faults import FaultKind
from protocols.ids import GatewayId
from protocols.mqtt.envelope import GatewayState, StatusData, StatusEnvelope
from tests.hub.desk import ACME, ADDRESS

if TYPE_CHECKING:
    from hub.store.presence import GatewayRecord
    from tests.hub.desk import Office

NORTH: Final = GatewayId("north")


class Gateway:
    """One start of a gateway's program; what it says, in the order in which it says it."""

    def __init__(self, office: Office, boot: str) -> None:
        self._speaker = Speaker(ACME, NORTH, boot)
        self._office = office
        self._attempts = Attempts()
        self._data = StatusData(state=GatewayState.ONLINE, boot=boot, version="1")
        self._standing = Standing(self._speaker, self, self._attempts, lambda: self._data)
        self._said: list[StatusData] = []
        self._ticks = 0.0

    connected = True

    def publish(self, _topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert retain
        self._said.append(StatusEnvelope.from_json(payload).data)
        return True

    def connects(self) -> StatusData:
        """The will that the broker has from now on."""
        left = will(self._speaker, self._now(), self._attempts.begin())
        return StatusEnvelope.from_json(left.payload).data

    def says(self, *, blind: bool = False) -> StatusData:
        self._data = self._data.model_copy(update={"blind": blind})
        self._ticks += 60
        self._standing.step(self._now())
        return self._said[-1]

    def _now(self) -> Moment:
        return Moment(self._office.watch.now(), self._ticks, synchronised=True)


def handle(office: Office, *statuses: StatusData) -> GatewayRecord:
    for status in statuses:
        office.desk(lambda desk, status=status: hearing.gateway_status(desk, ACME, NORTH, status, retained=False))
    known = office.store.read(lambda tx: presence.get_gateway(tx, ACME, NORTH))
    assert known is not None
    return known


def silent(office: Office) -> bool:
    open_faults = office.store.read(lambda tx: faults.listed(tx, ACME))
    return any(fault.kind is FaultKind.GATEWAY_SILENT and fault.subject == NORTH for fault in open_faults)


def test_a_status_that_is_handled_late_does_not_hide_that_a_gateway_is_blind(office: Office) -> None:
    gateway = Gateway(office, "boot")
    gateway.connects()
    sees, hears_nothing = gateway.says(), gateway.says(blind=True)
    assert handle(office, hears_nothing, sees).blind


def test_the_will_of_an_earlier_connection_does_not_end_the_next_one(office: Office) -> None:
    gateway = Gateway(office, "boot")
    lost = gateway.connects()
    before = gateway.says()
    gateway.connects()
    back = gateway.says()
    assert handle(office, before, back, lost).state == GatewayState.ONLINE
    assert not silent(office)


def test_the_will_of_an_earlier_start_does_not_end_the_next_one(office: Office) -> None:
    earlier, later = Gateway(office, "one"), Gateway(office, "two")
    lost = earlier.connects()
    before = earlier.says()
    later.connects()
    assert handle(office, before, later.says(), lost).state == GatewayState.ONLINE


def test_an_attempt_that_never_came_up_silences_nothing_of_the_next_connection(office: Office) -> None:
    gateway = Gateway(office, "boot")
    gateway.connects()
    before = gateway.says()
    never_up = gateway.connects()
    gateway.connects()
    after = handle(office, before, never_up, gateway.says(blind=True))
    assert (after.state, after.blind) == (GatewayState.ONLINE, True)


def test_what_an_earlier_start_said_and_is_handled_late_does_not_speak_for_the_next_one(office: Office) -> None:
    earlier, later = Gateway(office, "one"), Gateway(office, "two")
    lost = earlier.connects()
    before, late = earlier.says(), earlier.says(blind=True)
    left = later.connects()
    up = later.says()
    known = handle(office, before, lost, up, late)
    assert (known.state, known.boot, known.blind) == (GatewayState.ONLINE, "two", False)
    assert handle(office, left).state == GatewayState.OFFLINE
    assert silent(office)


def test_a_start_taken_for_an_earlier_one_is_believed_again_with_its_next_digest(office: Office) -> None:
    zero, earlier, later = (Gateway(office, boot) for boot in ("zero", "one", "two"))
    for gateway in (zero, earlier, later):
        gateway.connects()
    assert handle(office, zero.says(), later.says(), earlier.says()).boot == "one"
    office.desk(lambda desk: hearing.gateway_alive(desk, ACME, NORTH, "two"))
    assert handle(office, later.says(blind=True)).blind


def test_a_gateway_that_starts_over_and_over_is_believed_each_time(office: Office) -> None:
    for start in range(10):
        gateway = Gateway(office, f"{start:016x}")
        gateway.connects()
        assert handle(office, gateway.says()).boot == f"{start:016x}"


def test_the_will_of_this_connection_counts_whatever_was_said_in_it(office: Office) -> None:
    gateway = Gateway(office, "boot")
    lost = gateway.connects()
    said = [gateway.says() for _ in range(3)]
    assert handle(office, *said[:2], lost, said[2]).state == GatewayState.OFFLINE
    assert silent(office)


def test_a_gateway_of_the_version_before_numbers_nothing_and_is_taken_as_it_comes(office: Office) -> None:
    online = StatusData(state=GatewayState.ONLINE, boot="boot", version="0")
    assert handle(office, online, online.model_copy(update={"blind": True})).blind
    assert handle(office, online.model_copy(update={"state": GatewayState.OFFLINE})).state == GatewayState.OFFLINE


def test_what_a_slow_replica_read_of_a_device_overwrites_nothing_newer(office: Office) -> None:
    office.digest(office.alarm.frame())
    old = office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
    assert old is not None
    new = replace(old, counter=old.counter + 5, battery=11)
    for seen in (new, replace(old, counter=old.counter + 1)):
        office.store.write(lambda tx, seen=seen: presence.put_presence(tx, ACME, seen))
    known = office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
    assert known is not None
    assert (known.counter, known.battery) == (new.counter, 11)
