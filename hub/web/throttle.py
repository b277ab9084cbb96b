"""Guessing passwords gets slow, and shuts nobody out who guesses nothing.

After a few wrong passwords for one account from one place, the next try from there has to wait, twice as long each
time, up to half a minute. Tries that come too early are refused unseen, even with the right password, and prolong
nothing.

A place is a browser in which this account was signed in before, or else an address (of IPv6 its /64, which one
customer has). So guesses from elsewhere delay neither such a browser nor another address. They do delay, by up to
:data:`LONGEST`, a new browser or a program at the very address from which somebody guesses.

Looking at a password takes time and memory, so few are looked at in one moment: in five lanes, so that a crowd in one
of them delays nobody in another. A known browser has a lane of its own; an address from which many wrong passwords came
shares one with its like; one from which somebody lately signed in has the third; one in whose wider network a password
was wrong within the hour has the fourth; everybody else has the fifth. Of each place one is let in at a time, and few
of each wider network.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FREE: Final = 4
MANY: Final = 10
"""Wrong passwords from one address, whatever for: from then on it is in the lane of its like."""
LONGEST: Final = timedelta(seconds=30)
FORGOTTEN: Final = timedelta(hours=1)
MOST: Final = 10_000
"""Keys remembered; the oldest go first."""
LATELY: Final = timedelta(days=14)
PATIENCE_S: Final = 3.0
CROWD: Final = 20
"""How many stand outside a lane at most."""
FEW: Final = 3
_SOON: Final = timedelta(seconds=1)

Key: TypeAlias = tuple[str, str, str]
"""Organisation, account, and the browser or address; for a name that is no account, no organisation and the name."""


class TooManyAttemptsError(Exception):
    """Wrong too often.

    Attributes:
        wait: until the next try is looked at.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wrong too often: try again in {self._seconds(wait)} s")
        self.wait_s = self._seconds(wait)

    @staticmethod
    def _seconds(wait: timedelta) -> int:
        return max(1, round(wait.total_seconds()))


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime

    @property
    def free_at(self) -> datetime:
        if self.count < FREE:
            return self.last
        return self.last + min(timedelta(seconds=2 ** min(self.count - FREE, 10)), LONGEST)


class Lane:
    """Some passwords at a time, and some more that wait.

    Of one place one is inside, of its wider network a few; whoever finds no room waits a little outside.

    Args:
        at_once: each takes 64 MiB, which a small machine needs for alarms.
        waiting: those and the ones that wait: the other threads of the web server are for who is signed in.
        patience_s: how long somebody waits outside.
    """

    def __init__(self, at_once: int, waiting: int, *, patience_s: float = PATIENCE_S) -> None:
        self._looked_at = threading.BoundedSemaphore(at_once)
        self._waiting = waiting
        self._patience_s = patience_s
        self._room = threading.Condition()
        self._inside = self._outside = 0
        self._from: Counter[str] = Counter()

    @contextmanager
    def turn(self, place: str | None = None) -> Iterator[None]:
        """Wait for one's turn; without a place, however many come from there.

        Raises:
            TooManyAttemptsError: too many wait already.
        """
        limits = {} if place is None else {place: 1, f"around {around(place)}": FEW}
        with self._room:
            self._come_in(limits)
        try:
            with self._looked_at:
                yield
        finally:
            with self._room:
                self._inside -= 1
                self._from -= Counter(dict.fromkeys(limits, 1))
                self._room.notify_all()

    def _come_in(self, limits: Mapping[str, int]) -> None:
        if self._outside >= CROWD:
            raise TooManyAttemptsError(_SOON)
        self._outside += 1
        found = self._room.wait_for(lambda: self._has_room(limits), self._patience_s)
        self._outside -= 1
        if not found:
            raise TooManyAttemptsError(_SOON)
        self._inside += 1
        self._from.update(limits.keys())

    def _has_room(self, limits: Mapping[str, int]) -> bool:
        return self._inside < self._waiting and all(self._from[name] < most for name, most in limits.items())


class Throttle:
    """Failed sign-ins of this process, by account and place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()
        self._signed_in: OrderedDict[str, datetime] = OrderedDict()
        self._networks: OrderedDict[str, _Failures] = OrderedDict()
        self.known, self.familiar, self.others = Lane(1, 6), Lane(1, 6), Lane(2, 24)
        self.neighbours, self.guessers = Lane(1, 12), Lane(1, 4)

    def check(self, key: Key, now: datetime) -> None:
        """May this be tried now?

        Raises:
            TooManyAttemptsError: not yet.
        """
        with self._lock:
            known = self._failures.get(key)
        if known is not None and now < known.free_at:
            raise TooManyAttemptsError(known.free_at - now)

    def lane(self, address: str, now: datetime, *, is_known: bool) -> Lane:
        """Where to wait for one's turn."""
        if is_known:
            return self.known
        with self._lock:
            kept, last = self._addresses.get(place_of(address)), self._signed_in.get(place_of(address))
            near = self._networks.get(around(place_of(address)))
        if kept is not None and kept.count >= MANY and now - kept.last <= FORGOTTEN:
            return self.guessers
        if last is not None and now - last <= LATELY:
            return self.familiar
        return self.neighbours if near is not None and now - near.last <= FORGOTTEN else self.others

    def failed(self, key: Key, now: datetime, address: str | None = None) -> None:
        """It was wrong."""
        with self._lock:
            _count(self._failures, key, now)
            if address is not None:
                _count(self._addresses, place_of(address), now)
                _count(self._networks, around(place_of(address)), now)

    def succeeded(self, key: Key, now: datetime, address: str) -> None:
        """It was right: all is forgotten, but not what else came from that address."""
        with self._lock:
            self._failures.pop(key, None)
            self._signed_in[place_of(address)] = now
            self._signed_in.move_to_end(place_of(address))
            if len(self._signed_in) > MOST:
                self._signed_in.popitem(last=False)


def place_of(address: str) -> str:
    """Of IPv6 the network that one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def around(place: str) -> str:
    """The wider network of an address or network, which one attacker may have: of IPv4 the /16, of IPv6 the /48."""
    try:
        network = ipaddress.ip_network(place)
    except ValueError:
        return place
    return str(network.supernet(new_prefix=16 if network.version == 4 else 48))  # noqa: PLR2004 - IPv4


def _count(kept: OrderedDict[Any, _Failures], key: Key | str, now: datetime) -> None:
    known = kept.pop(key, None)
    is_fresh = known is None or now - known.last > FORGOTTEN
    kept[key] = _Failures(1 if known is None or is_fresh else known.count + 1, now)
    if len(kept) > MOST:
        kept.popitem(last=False)
