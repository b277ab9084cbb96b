"""The keys of the devices that are expected, several per address while one follows another.

Of one address the newest key comes first, and is tried first. A key that is no longer given by the hub opens no frame
any more; but an event that was heard under it may still wait in the outbox, and its receipt is sealed under the very
same key, so the last few former keys are kept for that proof alone.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from protocols.ble import bthome
from protocols.enrolment import DeviceKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from protocols.events import DeviceReport
    from protocols.ids import Address

FORMER_MAX: Final = 8
"""Former keys kept per address."""

Keys = tuple[DeviceKey, ...]


class Keyring:
    """Keys by address. Replaced as a whole by one thread, read by all.

    Args:
        keys: of the expected devices; of one address newest first.
        former: keys of before, newest first.

    Attributes:
        keys: by address; another object whenever they change.
        former: of before, by address.
    """

    def __init__(self, keys: Iterable[DeviceKey] = (), former: Iterable[DeviceKey] = ()) -> None:
        self.keys: Mapping[Address, Keys] = _by_address(keys)
        self.former: Mapping[Address, Keys] = _by_address(former)

    def __contains__(self, address: object) -> bool:
        return address in self.keys

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, address: Address) -> Keys:
        """Newest first; none for a stranger."""
        return self.keys.get(address, ())

    def proving(self, device: str) -> Keys:
        """Every key, of now and before, of a device by its :func:`device_name`."""
        address = address_in(device)
        every = (*self.keys.get(address, ()), *self.former.get(address, ()))
        return tuple(key for key in every if device_name(key) == device)

    def replace(self, keys: Iterable[DeviceKey]) -> None:
        """From now on these."""
        new = _by_address(keys)
        if new == self.keys:
            return
        self.former = {
            address: former for address in (*self.keys, *self.former) if (former := self._past(address, new))
        }
        self.keys = new

    def forget(self) -> None:
        """Know nobody any more, and nobody of before."""
        self.keys, self.former = {}, {}

    def _past(self, address: Address, new: Mapping[Address, Keys]) -> Keys:
        past = (*self.keys.get(address, ()), *self.former.get(address, ()))
        return tuple(key for key in dict.fromkeys(past) if key not in new.get(address, ()))[:FORMER_MAX]


def by_hand(address: Address, key: bytes) -> DeviceKey:
    """A key from a file that somebody wrote. With another key it is another device: it counts anew."""
    return DeviceKey(
        address=address, enrolment=1 + int.from_bytes(sha256(key).digest()[:4], "big"), generation=0, key=key
    )


def device_name(key: DeviceKey) -> str:
    """Under which the events of a device are remembered: the same for every key of one enrolment."""
    return f"{key.address}/{key.enrolment}"


def address_in(device: str) -> Address:
    """The address in a :func:`device_name`; of a name that is damaged, none that is on any keyring."""
    return device.partition("/")[0]  # type: ignore[return-value]  # compared only: Address would refuse what is damaged


def open_frame(keys: Sequence[DeviceKey], frame: bytes) -> tuple[DeviceReport, DeviceKey]:
    """What a frame says, and under which of its device's keys it was sealed.

    Args:
        keys: of one address, newest first; at least one.
        frame: the service data.

    Raises:
        FrameError: it is not taken under any of them.
    """
    last = keys[-1]
    for key in keys:
        try:
            return bthome.decode(key.address, key.key, frame), key
        except bthome.AuthenticationError:
            if key is last:
                raise
    raise ValueError("a device has at least one key")


def _by_address(keys: Iterable[DeviceKey]) -> dict[Address, Keys]:
    ordered = sorted(keys, key=attrgetter("address"))  # stable: of one address the order stays
    return {address: tuple(group) for address, group in groupby(ordered, attrgetter("address"))}
