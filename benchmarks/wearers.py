"""People with personal alarms: what their devices say, sealed, and as a gateway passes it on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.domain.hearing import HeardFrame
from gateway.domain.keyring import by_hand
from gateway.domain.moment import Moment
from gateway.domain.outgoing import Speaker, frame_event
from protocols.ble import aes, bthome, keys
from protocols.events import Cause, Stage, Told
from protocols.ids import Address, GatewayId, OrganisationId
from protocols.mqtt.topics import Channel, Topic
from tests.gateway.air import frame

if TYPE_CHECKING:
    from collections.abc import Iterator

ORGANISATION: Final = OrganisationId("bench")
SPEAKER: Final = Speaker(ORGANISATION, GatewayId("north"), "b007")
GATEWAYS: Final = 10
"""The hub keeps so many messages of one gateway and no more; those of 5,000 come through several, as they would."""


class Message(NamedTuple):
    """An envelope, and where its gateway publishes it."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Wearer:
    """One device, its counters rising.

    Attributes:
        address: of the device; its wearer goes by the same name.
        speaker: the gateway that hears it.
        root: the key that the hub knows.
        key: under which it speaks.
    """

    address: Address
    root: bytes
    key: bytes
    speaker: Speaker = SPEAKER
    counter: int = 0
    sequence: int = 1

    @property
    def worker(self) -> str:
        return self.address.replace(":", "").lower()

    def heartbeat(self) -> bytes:
        return self._frame(Cause.HEARTBEAT, Stage.NOTICE)

    def panic(self, *, told: Told = Told.NOTHING, again: bool = False) -> bytes:
        """A press, or (``again``) the one before it, still advertised."""
        self.sequence += not again
        return self._frame(Cause.PANIC, Stage.ALARM, told)

    def check_in(self) -> bytes:
        self.sequence += 1
        return self._frame(Cause.CHECK_IN, Stage.NOTICE)

    def _frame(self, cause: Cause, stage: Stage, told: Told = Told.NOTHING) -> bytes:
        self.counter += 1
        return frame(
            self.counter,
            sequence=self.sequence,
            cause=cause,
            stage=stage,
            told=told,
            key=self.key,
            address=self.address,
        )


def wearers(number: int, gateways: int = 1) -> list[Wearer]:
    """People within reach of so many gateways, each of one."""
    speakers = [SPEAKER, *(replace(SPEAKER, gateway=GatewayId(f"north-{index}")) for index in range(1, gateways))]
    return [replace(_wearer(index), speaker=speakers[index % gateways]) for index in range(number)]


def _wearer(index: int) -> Wearer:
    root = hashlib.sha256(b"%d" % index).digest()[:16]
    return Wearer(_address(index), root, keys.working(aes.block(root), 0))


def _address(index: int) -> Address:
    return Address(f"C0:FF:EE:00:{index >> 8:02X}:{index & 0xFF:02X}")


def check_ins(people: list[Wearer], number: int) -> Iterator[Message]:
    """Envelopes, each wearer in turn."""
    for index in range(number):
        wearer = people[index % len(people)]
        yield envelope(wearer, wearer.check_in())


def envelope(wearer: Wearer, service_data: bytes) -> Message:
    """As the gateway publishes it."""
    heard = HeardFrame(
        bthome.decode(wearer.address, wearer.key, service_data), service_data, -60, by_hand(wearer.address, wearer.key)
    )
    now = Moment(datetime.now(UTC), 0.0, synchronised=True)
    outgoing = frame_event(wearer.speaker, heard, device=wearer.address, now=now)
    return Message(str(Topic(ORGANISATION, wearer.speaker.gateway, Channel.EVENT)), outgoing.payload)
