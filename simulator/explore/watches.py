"""The deadlines of sessions and gateways: set as stated, handled when due. No figure is read from the product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from simulator.explore.disk import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from simulator.explore.hub import HubProcess
    from simulator.explore.story import Story

LATE_S: Final = 6.0
"""A deadline is handled within this of coming up, or of the hub being able to: see docs/explore.md."""
EARLY_S: Final = 0.1
SILENCE_S: Final = {"high": 90.0, "normal": 180.0}
"""A silent alarm is noticed within this, by the risk of its session."""
GATEWAY_S: Final = 45.0
GRACE: Final = timedelta(minutes=5)
HOLD_S: Final = 30.0
"""So long nobody's silence is believed when the hub was away."""
_STEP_S: Final = 10.0
"""Until then the hub may not have noticed a step of its clock."""
_SLACK_S: Final = 1.0
_WORDS: Final = {"session_start": "started", "overrun": "overrun", "silence": "silent"}
_WAITS_FOR_BACKLOG: Final = frozenset({"silence", "gateway"})
_ROWS: Final = "SELECT kind, subject, due_at FROM deadlines WHERE kind NOT IN ('incident', 'keys')"
_SESSION: Final = "SELECT risk, starts_at, ends_at FROM sessions WHERE id = ?"

Key = tuple[str, str]
"""Kind and subject."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One deadline: by the hub's clock, and by the true one."""

    due: datetime
    true: float


class Watches:
    """Follows every deadline from commit to commit.

    Attributes:
        unnoticed_s: by how much the hub's clock was set back when it could not notice.
    """

    def __init__(self, story: Story, hub: HubProcess) -> None:
        self._story, self._hub = story, hub
        self._known: dict[Key, Watch] = {}
        self._stepped: list[tuple[float, float]] = []
        self.unnoticed_s = 0.0

    def clock_stepped(self, seconds: float) -> None:
        """The hub's clock was set; forward, what is due comes up sooner."""
        now = self._story.clock()
        if seconds < 0:
            self._stepped.append((now, -seconds))
            return
        for key, watch in self._known.items():
            self._known[key] = Watch(watch.due, max(watch.true - seconds, min(now, watch.true)))

    def look(self, actions: Mapping[str, list[str]]) -> None:
        """Something was committed.

        Args:
            actions: written in the journal by the same commit, by chain.
        """
        rows = {(kind, subject): due for kind, subject, due in self._hub.disk.connection.look(_ROWS)}
        for key in sorted(self._known.keys() | rows.keys()):
            before, due = self._known.get(key), instant(rows.get(key))
            if before is None or due != before.due:
                self._changed(key, before, due, actions.get(key[1], []))

    def at_the_end(self) -> None:
        """What is overdue now was not handled."""
        for key, watch in self._known.items():
            self._late(key, watch)

    def _changed(self, key: Key, before: Watch | None, due: datetime | None, actions: Iterable[str]) -> None:
        if before is not None:
            self._late(key, before)
            if _WORDS.get(key[0], "") in actions and self._story.clock() < before.true - EARLY_S:
                self._bad("early", key, f"{before.true - self._story.clock():.1f} s before it was due")
        if due is None:
            self._known.pop(key)
            return
        ahead_s = (due - self._hub.clock.now()).total_seconds()
        self._as_stated(key, due, ahead_s - self.doubt_s(), is_new=before is None)
        self._known[key] = Watch(due, max(self._story.clock(), self._story.clock() + ahead_s))

    def _as_stated(self, key: Key, due: datetime, ahead_s: float, *, is_new: bool) -> None:
        kind, subject = key
        if kind == "gateway":
            limit_s = GATEWAY_S
        else:
            risk, starts, ends = self._hub.disk.connection.look(_SESSION, subject)[0]
            if kind != "silence":
                if is_new:
                    self._planned(key, due, instant(starts) if kind == "session_start" else instant(ends))
                return
            limit_s = SILENCE_S[risk]
        if ahead_s > limit_s + _SLACK_S:
            self._bad("limit", key, f"is looked for in {ahead_s:.0f} s, and {limit_s:.0f} s are stated")

    def _planned(self, key: Key, due: datetime, at: datetime | None) -> None:
        stated = at if at is None or key[0] == "session_start" else at + GRACE
        if due != stated:
            self._bad("limit", key, f"is due {due}, and {stated} is stated")

    def _late(self, key: Key, watch: Watch) -> None:
        able = self._hub.able_since + (HOLD_S if key[0] in _WAITS_FOR_BACKLOG else 0.0)
        late_s = self._story.clock() - max(watch.true, able) - self.unnoticed_s
        if self._hub.is_up and not self._hub.full and late_s > LATE_S:
            self._bad("late", key, f"{late_s:.1f} s after it was due")

    def doubt_s(self) -> float:
        """By how much the hub's clock may have been set back without its knowledge."""
        lately = self._story.clock() - _STEP_S
        return self.unnoticed_s + sum(seconds for when, seconds in self._stepped if when > lately)

    def _bad(self, rule: str, key: Key, what: str) -> None:
        kind, subject = key
        self._story.violated(rule, f"{kind} of {subject[:6]}: {what}")
