"""Frames as a device seals them, and a clock that moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.domain.hearing import HeardFrame
from gateway.domain.keyring import Keyring, by_hand, device_name
from gateway.domain.moment import Moment
from gateway.domain.outgoing import Outgoing, Rank, Speaker
from protocols.ble import aes, bthome, ccm, downlink, layout
from protocols.events import Cause, Stage, Told
from protocols.ids import Address, GatewayId, OrganisationId
from protocols.mqtt.envelope import EventEnvelope

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = bytes(range(16))
ADDRESS = Address("C0:FF:EE:00:00:01")
OTHER = Address("C0:FF:EE:00:00:02")
SPEAKER = Speaker(OrganisationId("charity"), GatewayId("porch"), "b007")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
INFORMATION = 0x41
DEVICE = device_name(by_hand(ADDRESS, KEY))


def keyring(*addresses: Address, key: bytes = KEY) -> Keyring:
    """Of devices that somebody wrote into the settings."""
    return Keyring(by_hand(address, key) for address in addresses)


class Time:
    """Now, until it is moved on."""

    def __init__(self) -> None:
        self.ticks = 1000.0
        self._stepped = 0.0

    def __call__(self) -> Moment:
        wall = START + timedelta(seconds=self.ticks - 1000.0 + self._stepped)
        return Moment(wall, self.ticks, synchronised=True)

    def step_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock; the ticks know nothing of it."""
        self._stepped += seconds

    def pass_(self, seconds: float) -> Moment:
        self.ticks += seconds
        return self()


def frame(
    counter: int,
    *,
    epoch: int = 1,
    sequence: int = 0,
    cause: Cause = Cause.HEARTBEAT,
    stage: Stage = Stage.NOTICE,
    age: int = 0,
    told: Told = Told.NOTHING,
    key: bytes = KEY,
    address: Address = ADDRESS,
) -> bytes:
    """The service data of one frame."""
    raw = layout.pack(epoch, sequence, cause, stage, age, told, False, False, False)
    return sealed(counter, layout.body(counter, 90, layout.BUTTON_NONE, raw), key=key, address=address)


def sealed(counter: int, body: bytes, *, key: bytes = KEY, address: Address = ADDRESS) -> bytes:
    closed = ccm.seal(aes.block(key), bthome.nonce(address, INFORMATION, counter), body, bthome.MIC_SIZE)
    number = counter.to_bytes(4, "little")
    return bytes((INFORMATION,)) + closed[: -bthome.MIC_SIZE] + number + closed[-bthome.MIC_SIZE :]


def panic(
    counter: int,
    *,
    sequence: int = 1,
    stage: Stage = Stage.ALARM,
    told: Told = Told.NOTHING,
    epoch: int = 1,
    age: int = 0,
) -> bytes:
    return frame(counter, epoch=epoch, sequence=sequence, cause=Cause.PANIC, stage=stage, told=told, age=age)


def opened(service_data: bytes, *, key: bytes = KEY, address: Address = ADDRESS, rssi: int = -60) -> HeardFrame:
    return HeardFrame(bthome.decode(address, key, service_data), service_data, rssi, by_hand(address, key))


def from_hub(
    kind: int,
    counter: int,
    code: int,
    *,
    sequence: int = 1,
    epoch: int = 1,
    key: bytes = KEY,
    address: Address = ADDRESS,
) -> bytes:
    """What the hub seals for a device."""
    return downlink.seal(aes.block(key), address.octets, kind, counter, epoch, sequence, code, 0)


def event(number: int, rank: Rank = Rank.ALARM, *, size: int = 10) -> Outgoing:
    return Outgoing(f"event-{number}", rank, b"x" * size, START, f"{ADDRESS}/key" if rank is Rank.ALARM else None)


def ids(payloads: Iterable[bytes]) -> list[str]:
    return [EventEnvelope.from_json(payload).id for payload in payloads]
