"""Signs of life that waited, that can't be recorded, and those around them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.domain.incident import Kind, Phase
from hub.domain.session import Risk
from hub.ingest.signs import DEVICES, STALE_S
from hub.store import devices, presence
from hub.store.store import StoreUnavailableError
from protocols.events import Cause
from protocols.ids import Address, GatewayId
from protocols.mqtt.envelope import (
    GatewayState,
    Heard,
    PresenceData,
    PresenceEnvelope,
    StatusData,
    StatusEnvelope,
)
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, ADDRESS, Message, Office
from tocsin.mqtt import AWAY_S, Arrivals

if TYPE_CHECKING:
    from datetime import datetime


def unavailable(*_: Any, **__: Any) -> None:
    raise StoreUnavailableError("connection refused")


def test_signs_that_could_not_be_recorded_are_acknowledged_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [office.digest_message(office.alarm.frame()) for _ in range(3)]
    monkeypatch.setattr(office.store, "write", unavailable)
    with pytest.raises(StoreUnavailableError):
        office.signs.step(batch)  # type: ignore[arg-type]
    assert all(message.acknowledged for message in batch)


def arrived(office: Office, message: Message) -> Message:
    message.arrived = office.monotonic
    return message


def passes(office: Office, seconds: float) -> None:
    """While nobody ticks."""
    office.watch.forward(seconds=seconds)
    office.monotonic += seconds


def last_heard(office: Office) -> datetime:
    seen = office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
    assert seen is not None
    return seen.heard_at


def test_a_sign_that_waited_in_the_hub_is_as_old_as_it_is(office: Office) -> None:
    heard_at = office.at()
    waiting = arrived(office, office.digest_message(office.alarm.frame()))
    passes(office, STALE_S - 1)
    office.signs.step([waiting])  # type: ignore[list-item]
    assert last_heard(office) == heard_at


@pytest.mark.parametrize("waited_s", [STALE_S + 1, 20 * 60])
def test_a_sign_that_waited_for_long_is_none_of_the_device_nor_of_the_gateway(office: Office, waited_s: float) -> None:
    office.digest(office.alarm.frame())
    office.status(GatewayState.OFFLINE)
    before = last_heard(office)
    waiting = arrived(office, office.digest_message(office.alarm.frame()))
    passes(office, waited_s)
    office.signs.step([waiting])  # type: ignore[list-item]
    assert last_heard(office) == before
    assert len(office.faults()) == 1


def test_a_replica_that_wakes_with_an_old_sign_in_its_hands_ends_nobodys_silence(office: Office) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    in_hand = arrived(office, office.digest_message(office.alarm.frame()))
    office.pass_time(seconds=100)
    assert office.the_incident().state.phase is Phase.PENDING
    office.monotonic += 100
    office.signs.step([in_hand])  # type: ignore[list-item]
    assert office.the_incident().state.phase is Phase.PENDING
    assert office.the_incident().state.kind is Kind.SILENCE


def test_an_alarm_that_a_digest_tells_of_is_raised_however_long_it_waited(office: Office) -> None:
    office.session()
    pressed_at = office.at()
    waiting = arrived(office, office.digest_message(office.alarm.event(Cause.PANIC)))
    passes(office, 60)
    office.signs.step([waiting])  # type: ignore[list-item]
    assert office.the_incident().observed_at <= pressed_at


def test_an_event_that_a_digest_tells_of_is_recorded_with_its_device_locked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    find = type(devices.LOCKED).find

    def noting(self: Any, connection: Any, keys: Any, **how: Any) -> Any:
        asked.append(self)
        return find(self, connection, keys, **how)

    monkeypatch.setattr(type(devices.LOCKED), "find", noting)
    office.digest(office.alarm.frame())
    assert devices.LOCKED not in asked
    asked.clear()
    office.digest(office.alarm.event(Cause.PANIC))
    assert devices.LOCKED in asked
    assert len(office.incidents()) == 1


def status(office: Office, gateway: str, **more: Any) -> Message:
    data = StatusData.model_construct(state=GatewayState.ONLINE, boot="b", version="1", **more)
    envelope = StatusEnvelope.model_construct(id="s", source=f"acme/{gateway}", time=office.at(), data=data)
    return Message(str(Topic(ACME, GatewayId(gateway), Channel.STATUS)), envelope.to_json())


def counted(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The transactions from now on."""
    writes: list[str] = []
    write = office.store.write

    def counting(*work: Any, **how: Any) -> Any:
        writes.append("one")
        return write(*work, **how)

    monkeypatch.setattr(office.store, "write", counting)
    return writes


def gateways(office: Office) -> set[str]:
    return {gateway.id for gateway in office.store.read(lambda tx: presence.all_gateways(tx, ACME))}


@pytest.mark.parametrize(
    "poison", [{"outbox_depth": 10**30}, {"version": "v" * 41}, {"boot": "b\0"}, {"boot": "b" * 65}]
)
def test_a_status_that_no_column_takes_is_refused_before_it_reaches_the_database(
    office: Office, monkeypatch: pytest.MonkeyPatch, poison: dict[str, Any]
) -> None:
    writes = counted(office, monkeypatch)
    good = [status(office, f"g{number}") for number in range(10)]
    bad = status(office, "evil")
    data = StatusData.model_construct(**{"state": GatewayState.ONLINE, "boot": "b", "version": "1", **poison})
    bad.payload = StatusEnvelope.model_construct(id="s", source="acme/evil", time=office.at(), data=data).to_json()
    office.signs.step([bad, *good])  # type: ignore[list-item]
    assert gateways(office) == {f"g{number}" for number in range(10)}
    assert len(writes) == 1


def test_one_sign_that_can_not_be_recorded_costs_the_others_a_few_transactions(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.cases import hearing

    record, writes = hearing.gateway_status, counted(office, monkeypatch)

    def fails(desk: Any, organisation: Any, gateway: Any, *what: Any, **how: Any) -> None:
        if gateway == "evil":
            raise ValueError("no column takes this")
        record(desk, organisation, gateway, *what, **how)

    monkeypatch.setattr(hearing, "gateway_status", fails)
    signs = [status(office, f"g{number}") for number in range(31)]
    office.signs.step([status(office, "evil"), *signs])  # type: ignore[list-item]
    assert gateways(office) == {f"g{number}" for number in range(31)}
    assert len(writes) <= 11


def test_a_digest_of_a_crowd_is_recorded_in_several_transactions(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = counted(office, monkeypatch)
    now = office.at()
    addresses = [Address(f"C0:FF:EE:00:{number >> 8:02X}:{number & 255:02X}") for number in range(2, 2 + 3 * DEVICES)]
    crowd = [Heard(address=address, frame=b"\x41" * 20, heard_at=now, rssi=-60) for address in addresses]
    data = PresenceData(
        boot="b", devices=[*crowd[1:], Heard(address=ADDRESS, frame=office.alarm.frame(), heard_at=now, rssi=-60)]
    )
    digest = PresenceEnvelope(id="p", source="acme/north", time=now, data=data)
    office.signs.step([Message("tocsin/v1/acme/north/presence", digest.to_json())])  # type: ignore[list-item]
    assert len(writes) == 3
    assert last_heard(office) == now


def test_what_is_read_just_after_the_program_stood_still_may_have_waited_all_the_while() -> None:
    now = [100.0]
    arrivals = Arrivals(lambda: now[0])
    arrivals.begin()
    now[0] += 1
    assert arrivals.now() == now[0]
    arrivals.looked()
    looked_at, now[0] = now[0], now[0] + 600
    assert arrivals.now() == looked_at
    arrivals.looked()
    now[0] += 1
    assert arrivals.now() == looked_at
    arrivals.looked()
    now[0] += AWAY_S
    arrivals.looked()
    assert arrivals.now() == now[0]


def test_an_age_that_a_gateway_gives_is_added_to_how_long_its_digest_waited(office: Office) -> None:
    heard_at = office.at() - timedelta(seconds=7)
    waiting = arrived(office, office.digest_message(office.alarm.frame(), age_s=7))
    passes(office, 5)
    office.signs.step([waiting])  # type: ignore[list-item]
    assert last_heard(office) == heard_at
