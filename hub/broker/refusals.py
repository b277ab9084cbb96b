"""What the broker refused, taken from its log, counted and told to administrators."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from hub.broker.log_file import LogFile
from hub.broker.log_lines import LogLines
from hub.cases.access import RefusalKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.cases.access import Refusal

log = structlog.get_logger()

PIECES: Final = 8
"""Read in one step, at most; see :data:`hub.broker.log_file.PIECE`."""
HELD_S: Final = 10.0
"""A broker that has just lost its list turns everybody away until the hub has written it anew. So a refused connection
is told of this much later, if nobody had to be let in meanwhile."""
_MOST_HELD: Final = 1_000
_Key: TypeAlias = tuple[str | None, str | None, str]
"""Organisation, gateway, address."""


class RefusalWatch:
    """Follows the log of one broker.

    Args:
        path: of the log file.
        count: called with every refusal at once.
        tell: called with those that administrators are to hear of.
        let_in_at: when the hub last let somebody in at the broker, by ``monotonic``.
        monotonic: seconds that only rise.
    """

    def __init__(
        self,
        path: Path,
        *,
        count: Callable[[Refusal], None],
        tell: Callable[[Refusal], None],
        let_in_at: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._file = LogFile(path)
        self._lines = LogLines()
        self._count = count
        self._tell = tell
        self._let_in_at = let_in_at
        self._monotonic = monotonic
        self._held: OrderedDict[_Key, tuple[float, Refusal]] = OrderedDict()
        self.trouble: str | None = None

    def step(self) -> bool:
        """Read on, and tell of what was held back long enough; True if there is more to read at once.

        Raises:
            StoreUnavailableError: something could not be told of; it is counted.
        """
        more = self._read()
        self._release()
        return more

    def close(self) -> None:
        self._file.close()

    def _read(self) -> bool:
        try:
            for _ in range(PIECES):
                if not (lines := self._file.read()):
                    self.trouble = None if self._file.is_there else f"the broker's log {self._path} is not there"
                    return False
                self._take(lines)
        except OSError as unreadable:
            self._fail(f"the broker's log can't be read, so nobody hears of refusals there: {unreadable}")
            return False
        return True

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            for refusal in self._lines.feed(line):
                self._count(refusal)
                if refusal.kind is RefusalKind.CONNECT:
                    self._hold(refusal)
                else:
                    self._tell(refusal)

    def _hold(self, refusal: Refusal) -> None:
        """The same is held once: whoever tries again and again hides nobody. Of too many, the newest go unheard."""
        key = (refusal.organisation, refusal.gateway, refusal.source)
        known = self._held.get(key)
        if known is not None and known[0] <= self._let_in_at():
            del self._held[key]  # it would be taken for one whom the broker had forgotten
        if key not in self._held and len(self._held) < _MOST_HELD:
            self._held[key] = self._monotonic(), refusal

    def _release(self) -> None:
        now = self._monotonic()
        while self._held and now - next(iter(self._held.values()))[0] >= HELD_S:
            _, (seen_at, refusal) = self._held.popitem(last=False)
            if self._let_in_at() < seen_at:
                self._tell(refusal)

    def _fail(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("broker log", error=trouble)
        self.trouble = trouble
        self._file.close()
