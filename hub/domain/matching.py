"""From a device's event to a worker, a session and a place, with reasons. Whatever comes out, the event still pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from protocols.ids import PlaceId, SessionId, WorkerId  # noqa: TC001 - part of the public record

if TYPE_CHECKING:
    from collections.abc import Sequence

EARLY = timedelta(minutes=30)
"""A planned session already counts this long before its start: people arrive early."""

_REPLACED = "the device was replaced, but by one that has not been heard yet: it still counts as worn by"


class Verdict(StrEnum):
    """How sure the hub is."""

    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who wore a device, from when until when (None = still).

    Attributes:
        kept: it was replaced by a device that has not been heard yet: it still counts.
    """

    worker: WorkerId
    since: datetime
    until: datetime | None
    kept: bool = False

    def covers(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """When a session may explain an event.

    Attributes:
        ended_at: when it really ended; None = not yet, however late it is.
    """

    session: SessionId
    worker: WorkerId
    place: PlaceId
    starts_at: datetime
    ended_at: datetime | None
    active: bool

    def covers(self, at: datetime, early: timedelta = EARLY) -> bool:
        return self.starts_at - early <= at and (self.ended_at is None or at <= self.ended_at)


@dataclass(frozen=True, slots=True)
class Match:
    """What was found.

    Attributes:
        verdict: how sure.
        worker: who, if known.
        session: which session, if exactly one explains the event.
        place: where, by the session.
        reasons: in words, for whoever has to decide at 3 a.m.
    """

    verdict: Verdict
    worker: WorkerId | None
    session: SessionId | None
    place: PlaceId | None
    reasons: tuple[str, ...]


def match(at: datetime, assignments: Sequence[Assignment], sessions: Sequence[SessionWindow]) -> Match:
    """Find the worker and session behind an event of one device, observed ``at``.

    Args:
        at: when it happened.
        assignments: all of this device.
        sessions: of the workers in ``assignments``.
    """
    worn = [assignment for assignment in assignments if assignment.covers(at)]
    wearers = sorted({assignment.worker for assignment in worn})
    if not wearers:
        return Match(Verdict.UNMATCHED, None, None, None, (_nobody(assignments),))
    if len(wearers) > 1:
        reason = f"the device is assigned to {len(wearers)} workers at that time: {', '.join(wearers)}"
        return Match(Verdict.AMBIGUOUS, None, None, None, (reason,))
    return _with_worker(at, wearers[0], sessions, kept=all(assignment.kept for assignment in worn))


def _nobody(assignments: Sequence[Assignment]) -> str:
    if not assignments:
        return "the device was never assigned to anybody"
    last = max(assignments, key=lambda assignment: assignment.since)
    return f"the device was assigned to nobody at that time; last to {last.worker}"


def _with_worker(at: datetime, worker: WorkerId, sessions: Sequence[SessionWindow], *, kept: bool) -> Match:
    worn = f"{_REPLACED if kept else 'the device is assigned to'} {worker}"
    theirs = [session for session in sessions if session.worker == worker and session.covers(at)]
    under_way = [session for session in theirs if session.covers(at, early=timedelta(0))] or theirs
    chosen = [session for session in under_way if session.active] or under_way
    if not chosen:
        return Match(Verdict.UNMATCHED, worker, None, None, (worn, "no session of theirs covers that time"))
    if len(chosen) > 1:
        names = ", ".join(sorted(session.session for session in chosen))
        return Match(Verdict.AMBIGUOUS, worker, None, None, (worn, f"{len(chosen)} sessions cover that time: {names}"))
    only = chosen[0]
    state = "is under way" if only.active else "covers that time"
    return Match(Verdict.MATCHED, worker, only.session, only.place, (worn, f"session {only.session} {state}"))
