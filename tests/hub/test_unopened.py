"""Frames of an enrolled device that gateways can't open: a lost memory, a mistyped root key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.keyring import Keyring
from gateway.hearing.ear import Ear
from gateway.hearing.unopened import LASTS_S, OVER_S
from hub.cases import device_keys, hearing
from hub.store.faults import FaultKind
from protocols.events import Cause
from protocols.ids import GatewayId
from protocols.mqtt.envelope import GatewayState, StatusData
from tests.gateway.air import Time
from tests.hub.desk import ACME, ADDRESS, Alarm, Office

if TYPE_CHECKING:
    from protocols.ids import Address

NORTH = GatewayId("north")


class Wall:
    """A gateway with the keys that the hub gives it."""

    def __init__(self, office: Office) -> None:
        self.time = Time()
        self.published: list[bytes] = []
        keys = office.store.read(lambda tx: device_keys.keyring(tx, ACME))
        self.ear = Ear(
            Keyring(keys),
            {},
            publish=lambda heard, _device, _now: self.published.append(heard.frame),
            answer=lambda _heard, _now: None,
            now=self.time(),
        )

    def hear(self, frame: bytes) -> None:
        self.ear.hear(ADDRESS, frame, -60, self.time())

    def lasting(self) -> list[Address]:
        return self.ear.unopened.lasting(self.time().ticks)


def rotated(office: Office) -> None:
    office.digest(office.alarm.frame())
    office.desk(lambda desk: device_keys.rotate_keys(desk, ACME, [ADDRESS], "spring", "ada"))
    office.alarm.generation = 1
    office.digest(office.alarm.frame())


def test_an_alarm_of_a_device_that_lost_its_memory_after_a_rotation_pages_unverified(office: Office) -> None:
    rotated(office)
    wall, frame = Wall(office), Alarm().event(Cause.PANIC)
    wall.hear(frame)
    assert wall.published == [frame]
    office.hear(frame)
    assert "unverified" in " ".join(office.the_incident().match.reasons)


def test_it_pages_though_its_events_count_anew_and_the_gateway_knows_those_of_before(office: Office) -> None:
    rotated(office)
    wall, office.alarm.sequence = Wall(office), 0
    before, again = office.alarm.event(Cause.PANIC), Alarm().event(Cause.PANIC)
    for frame in (before, again, again):
        wall.hear(frame)
    assert wall.published == [before, again]


def test_what_it_says_is_no_sign_of_life(office: Office) -> None:
    rotated(office)
    wall = Wall(office)
    wall.hear(office.alarm.frame())
    wall.ear.presence.take()
    wall.hear(Alarm().frame())
    assert wall.ear.presence.take() == ([], 0)


def test_a_key_that_was_mistyped_is_noticed_within_a_minute_and_over_when_it_stops(office: Office) -> None:
    wall, mistyped = Wall(office), Alarm(key=bytes(16))
    wall.hear(mistyped.frame())
    assert wall.lasting() == []
    wall.time.pass_(LASTS_S)
    wall.hear(mistyped.frame())
    assert wall.lasting() == [ADDRESS]
    wall.time.pass_(OVER_S)
    assert wall.lasting() == []


def test_administrators_are_told_of_it_until_it_is_over(office: Office) -> None:
    def says(*unopened: Address, gateway: GatewayId = NORTH) -> list[str]:
        status = StatusData(state=GatewayState.ONLINE, boot="b", version="1", unopened=list(unopened))
        office.desk(lambda desk: hearing.gateway_status(desk, ACME, gateway, status, retained=False))
        return [fault.subject for fault in office.faults() if fault.kind is FaultKind.FRAMES_UNOPENED]

    assert says(ADDRESS) == [f"{ADDRESS} at north"]
    assert says(ADDRESS) == [f"{ADDRESS} at north"]
    assert says(gateway=GatewayId("south")) == [f"{ADDRESS} at north"]
    assert says() == []
