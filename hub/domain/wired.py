"""Who may need help where a button on the wall was pressed, with reasons. Whatever comes out, it pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.domain.matching import Match, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.domain.matching import SessionWindow
    from protocols.ids import PlaceId


def match_place(at: datetime, button: str, place: PlaceId | None, sessions: Sequence[SessionWindow]) -> Match:
    """Find whom a press is about.

    Args:
        at: when it happened.
        button: in words: which.
        place: where it hangs, if the hub knows.
        sessions: at that place.
    """
    pressed = f"{button} was pressed"
    if place is None:
        return Match(Verdict.UNMATCHED, None, None, None, (pressed, "the gateway was given no place"))
    there = _there(at, [session for session in sessions if session.place == place])
    workers = sorted({session.worker for session in there})
    if not workers:
        return Match(Verdict.UNMATCHED, None, None, place, (pressed, "nobody is in session at its place"))
    if len(workers) > 1:
        reason = f"{len(workers)} workers are in session at its place: {', '.join(workers)}"
        return Match(Verdict.AMBIGUOUS, None, None, place, (pressed, reason))
    only = f"nobody else is in session at its place than {workers[0]}"
    if len(there) > 1:
        names = ", ".join(sorted(session.session for session in there))
        reason = f"{len(there)} sessions of theirs cover that time: {names}"
        return Match(Verdict.AMBIGUOUS, workers[0], None, place, (pressed, only, reason))
    return Match(Verdict.MATCHED, workers[0], there[0].session, place, (pressed, only))


def _there(at: datetime, sessions: Sequence[SessionWindow]) -> list[SessionWindow]:
    """Sessions under way then; those about to begin if there is none."""
    covering = [session for session in sessions if session.covers(at)]
    under_way = [session for session in covering if session.covers(at, early=timedelta(0))] or covering
    return [session for session in under_way if session.active] or under_way
