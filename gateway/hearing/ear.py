"""Every advertisement passes here: whose is it, is it genuine, is it new?

This is the path that a crowded radio exercises thousands of times a second: a repeat costs two dictionary look-ups,
and nothing is logged per advertisement.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.domain import hearing
from protocols.ble import bthome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.domain.moment import Moment
    from protocols.ids import Address

STRANGERS_MAX: Final = 10_000


class _Device:
    """One expected device: its key, and the newest frame of it."""

    __slots__ = ("address", "key", "name", "newest_frame", "state")

    def __init__(self, address: Address, key: bytes, state: hearing.Device) -> None:
        self.address = address
        self.key = key
        self.name = hearing.device_name(address, key)
        self.state = state
        self.newest_frame: bytes | None = None


def remembered(ids: Sequence[str]) -> list[hearing.EventKey]:
    """Event keys from envelope ids. An id that is damaged is left out: its event is published once more."""
    return [key for event in ids if (key := hearing.key_in(event)) is not None]


class Presence:
    """The newest frame of each expected device, and how many strangers, since the last digest."""

    def __init__(self) -> None:
        self._heard: dict[Address, tuple[hearing.HeardFrame, Moment]] = {}
        self._strangers: set[str] = set()

    def alive(self, heard: hearing.HeardFrame, now: Moment) -> None:
        self._heard[heard.report.identity.address] = heard, now

    def repeated(self, address: Address, rssi: int, now: Moment) -> None:
        """The newest frame again. A frame that went into an earlier digest says nothing new."""
        if address in self._heard:
            heard, _ = self._heard[address]
            self._heard[address] = replace(heard, rssi=rssi), now

    def stranger(self, address: str) -> None:
        if len(self._strangers) < STRANGERS_MAX:
            self._strangers.add(address)

    def take(self) -> tuple[list[tuple[hearing.HeardFrame, Moment]], int]:
        heard, strangers = list(self._heard.values()), len(self._strangers)
        self._heard.clear()
        self._strangers.clear()
        return heard, strangers


class Ear:
    """Hears expected devices and hands on what is new.

    Args:
        keys: of the expected devices.
        known: ids of events published before, oldest first, by :func:`~gateway.domain.hearing.device_name`.
        publish: takes each new event: what was heard, the device's name, when.
        answer: takes each event frame whose wearer was told nothing yet.
        now: the start, from when on silence counts.

    Attributes:
        adverts: how many advertisements of anybody.
        refused: frames of expected devices that were not taken, by reason.
        heard_at: ticks of the last advertisement of anybody.
    """

    def __init__(
        self,
        keys: Mapping[Address, bytes],
        known: Mapping[str, Sequence[str]],
        *,
        publish: Callable[[hearing.HeardFrame, str, Moment], None],
        answer: Callable[[hearing.HeardFrame, Moment], None],
        now: Moment,
    ) -> None:
        self._devices: dict[str, _Device] = {}
        for address, key in keys.items():
            before = remembered(known.get(hearing.device_name(address, key), ()))
            self._devices[address] = _Device(address, key, hearing.remembering(before, now=now.ticks))
        self._publish = publish
        self._answer = answer
        self.presence = Presence()
        self.adverts = 0
        self.refused: Counter[str] = Counter()
        self.heard_at = now.ticks

    def hear(self, address: str, service_data: bytes | None, rssi: int, now: Moment) -> None:
        """One advertisement.

        Args:
            address: the advertiser's, as the radio writes it.
            service_data: what follows the UUID 0xFCD2, None if it has none.
            rssi: dBm.
            now: when.
        """
        self.adverts += 1
        self.heard_at = now.ticks
        device = self._devices.get(address.upper())
        if device is None:
            self.presence.stranger(address)
        elif service_data is not None:
            self._frame(device, service_data, rssi, now)

    def _frame(self, device: _Device, frame: bytes, rssi: int, now: Moment) -> None:
        if frame == device.newest_frame:
            self.presence.repeated(device.address, rssi, now)
            return
        try:
            report = bthome.decode(device.address, device.key, frame)
        except bthome.FrameError as refusal:
            self.refused[refusal.reason] += 1
            return
        heard = hearing.HeardFrame(report, bytes(frame), rssi)
        device.state, effects = hearing.decide(device.state, heard, now=now.ticks)
        if report.counter == device.state.counter:  # a replayed frame never becomes the one whose repeats count
            device.newest_frame = heard.frame
        for effect in effects:
            self._do(device, effect, now)

    def _do(self, device: _Device, effect: hearing.Effect, now: Moment) -> None:
        match effect:
            case hearing.Publish(heard):
                self._publish(heard, device.name, now)
            case hearing.Answer(heard):
                self._answer(heard, now)
            case hearing.Alive(heard):
                self.presence.alive(heard, now)
            case hearing.Replayed():
                self.refused[bthome.ReplayError.reason] += 1
