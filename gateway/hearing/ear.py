"""Every advertisement passes here: whose is it, is it genuine, is it new?

This is the path that a crowded radio exercises thousands of times a second: a repeat costs two dictionary look-ups,
and nothing is logged per advertisement.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.domain import hearing
from gateway.domain.keyring import device_name, open_frame
from gateway.hearing.unopened import Unopened
from protocols.ble import bthome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.domain.keyring import Keyring, Keys
    from gateway.domain.moment import Moment
    from protocols.enrolment import DeviceKey
    from protocols.ids import Address

STRANGERS_MAX: Final = 10_000


class _Device:
    """One expected device: its keys, what is remembered of it by enrolment, and the newest frame of it."""

    __slots__ = ("address", "keys", "newest_frame", "newest_key", "states")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.keys: Keys = ()
        self.states: dict[int, hearing.Device] = {}
        self.newest_frame: bytes | None = None
        self.newest_key: DeviceKey | None = None

    def take(self, keys: Keys) -> None:
        """Other keys. What was heard under one that is gone is heard no more."""
        self.keys = keys
        if self.newest_key not in keys:
            self.newest_frame = self.newest_key = None


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
        keyring: of the expected devices. Whenever its keys are others, those count from the next advertisement on.
        known: ids of events published before, oldest first, by :func:`~gateway.domain.keyring.device_name`.
        publish: takes each new event: what was heard, the device's name, when.
        answer: takes each event frame whose wearer was told nothing yet.
        now: the start, from when on silence counts.

    Attributes:
        adverts: how many advertisements of anybody.
        refused: frames of expected devices that were not taken, by reason.
        unopened: of which of them no key opens the frames.
        heard_at: ticks of the last advertisement of anybody.
    """

    def __init__(
        self,
        keyring: Keyring,
        known: Mapping[str, Sequence[str]],
        *,
        publish: Callable[[hearing.HeardFrame, str, Moment], None],
        answer: Callable[[hearing.HeardFrame, Moment], None],
        now: Moment,
    ) -> None:
        self._keyring = keyring
        self._keys: Mapping[Address, Keys] = {}
        self._known = known
        self._met: dict[Address, _Device] = {}
        self._devices: dict[str, _Device] = {}
        self._publish = publish
        self._answer = answer
        self.presence = Presence()
        self.adverts = 0
        self.refused: Counter[str] = Counter()
        self.unopened = Unopened()
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
        if self._keyring.keys is not self._keys:
            self._take_keys(now)
        device = self._devices.get(address.upper())
        if device is None:
            self.presence.stranger(address)
        elif service_data is not None:
            self._frame(device, service_data, rssi, now)

    def _take_keys(self, now: Moment) -> None:
        """What is remembered of a device outlives its key, and its absence from the keyring."""
        self._keys = self._keyring.keys
        for address, keys in self._keys.items():
            device = self._met.setdefault(address, _Device(address))
            device.take(keys)
            for key in keys:
                if key.enrolment not in device.states:
                    before = remembered(self._known.get(device_name(key), ()))
                    device.states[key.enrolment] = hearing.remembering(before, now=now.ticks)
        self._devices = {address: self._met[address] for address in self._keys}

    def _frame(self, device: _Device, frame: bytes, rssi: int, now: Moment) -> None:
        if frame == device.newest_frame:
            self.presence.repeated(device.address, rssi, now)
            return
        try:
            report, key = open_frame(device.keys, frame)
        except bthome.FrameError as refusal:
            self.refused[refusal.reason] += 1
            if refusal.reason == bthome.AuthenticationError.reason:
                self.unopened.note(device.address, now.ticks)
            return
        heard = hearing.HeardFrame(report, bytes(frame), rssi, key)
        state, effects = hearing.decide(device.states[key.enrolment], heard, now=now.ticks)
        device.states[key.enrolment] = state
        if heard.order == state.newest:  # a replayed frame never becomes the one whose repeats count
            device.newest_frame, device.newest_key = heard.frame, key
        for effect in effects:
            self._do(effect, now)

    def _do(self, effect: hearing.Effect, now: Moment) -> None:
        match effect:
            case hearing.Publish(heard):
                self._publish(heard, device_name(heard.key), now)
            case hearing.Answer(heard):
                self._answer(heard, now)
            case hearing.Alive(heard):
                self.presence.alive(heard, now)
            case hearing.Replayed():
                self.refused[bthome.ReplayError.reason] += 1
