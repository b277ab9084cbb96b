"""Who is told, in which order, and how long each has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Audience(StrEnum):
    """Who a notification is for."""

    WEARER = "wearer"
    SUPERVISOR = "supervisor"
    EVERYONE = "everyone"
    CALL_SHEET = "call_sheet"  # everyone, with what to say to 999 or 101 in hand


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder.

    Attributes:
        audience: who is told.
        wait: how long before the next step.
    """

    audience: Audience
    wait: timedelta


LADDER = (
    Rung(Audience.SUPERVISOR, timedelta(seconds=60)),
    Rung(Audience.EVERYONE, timedelta(seconds=60)),
    Rung(Audience.CALL_SHEET, timedelta(seconds=120)),
)
"""Supervisor at once, everyone after a minute, the call sheet after two; then the last rung, round after round."""

WELFARE_WINDOW = timedelta(seconds=60)
"""How long the wearer's own device is asked before silence or an overrun goes to other people."""

PRE_ALARM_WINDOW = timedelta(seconds=45)
"""A pre-alarm not cancelled by then is an alarm, whether the device still says so or not (DGUV 112-139: ≤ 45 s)."""

REMINDER = timedelta(minutes=20)
"""An alarm in somebody's hands is brought back to everybody's mind this often until it is closed."""


def next_due(rung: int, due: datetime, now: datetime, *, again: bool) -> datetime:
    """When the step after ``rung`` is due, counted from when this one was *due*.

    A step missed in an outage runs at once. Rounds of the last rung (``again``) that were missed are not made up for.
    """
    following = due + LADDER[rung].wait
    return now + LADDER[rung].wait if again and following <= now else following
