"""The logged session: who is where, until when, and how soon silence is noticed.

========= ================= ==============================================================
phase     event             becomes
========= ================= ==============================================================
PLANNED   Started           ACTIVE; overrun and silence are watched (also by itself, on time)
PLANNED   Cancelled         CANCELLED
ACTIVE    OverrunDue        ACTIVE; an overrun incident is raised
ACTIVE    SilenceDue        ACTIVE; by when the device was last heard: the watch moves on,
                            or a fault (normal risk) or an incident (high risk) is raised
ACTIVE    Heard             ACTIVE; a watch that had fired is set again
ACTIVE    Extended          ACTIVE, with a later end
ACTIVE    Ended             ENDED
========= ================= ==============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

GRACE = timedelta(minutes=5)
"""After the expected end, before an overrun is anybody's business."""


LONGEST = timedelta(days=7)
"""A longer session is a mistake in its times."""


class Risk(StrEnum):
    """How dangerous a session is judged to be; decides how soon silence counts, and as what."""

    NORMAL = "normal"
    HIGH = "high"

    @property
    def silence_limit(self) -> timedelta:
        """Link loss is noticed within this (90 s is the tighter class of EN 50136; design.md, Facts)."""
        return timedelta(seconds=90 if self is Risk.HIGH else 180)


class SessionPhase(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Session:
    """State of one session.

    Attributes:
        phase: where it stands.
        starts_at: planned, or real once active.
        ends_at: expected end.
        risk: how dangerous it is judged to be.
        overrun_due: when overrunning is noticed; None when not watched.
        silence_due: when silence is looked for next; None when not watched, or when it has been noticed.
        wears_device: False when the worker has no device; then silence can't be watched.
    """

    phase: SessionPhase
    starts_at: datetime
    ends_at: datetime
    risk: Risk
    wears_device: bool
    start_due: datetime | None = None
    overrun_due: datetime | None = None
    silence_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """It begins: by a person, or because its time has come."""


@dataclass(frozen=True, slots=True)
class OverrunDue:
    """The overrun deadline came up."""


@dataclass(frozen=True, slots=True)
class SilenceDue:
    """The dead-man deadline came up.

    Attributes:
        last_heard: when the device was last heard alive; None = never.
    """

    last_heard: datetime | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The device is heard after silence had been noticed."""


@dataclass(frozen=True, slots=True)
class Extended:
    """It takes longer."""

    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It will not take place."""


SessionEvent: TypeAlias = Started | OverrunDue | SilenceDue | Heard | Extended | Ended | Cancelled


class SessionEffect(StrEnum):
    """What a session asks of the rest of the hub."""

    RAISE_OVERRUN = "raise overrun"
    RAISE_SILENCE = "raise silence"
    FAULT_SILENCE = "fault silence"
    CLEAR_SILENCE = "clear silence"


class SessionError(Exception):
    """An action that this session does not allow.

    Attributes:
        phase: where the session stands.
        event: what was asked.
    """

    def __init__(self, phase: SessionPhase, event: SessionEvent) -> None:
        super().__init__(f"{type(event).__name__} is not possible: the session is {phase}")
        self.phase = phase
        self.event = event


class SessionTimeError(ValueError):
    """A session that would end before it starts, or last longer than a week.

    Attributes:
        starts_at: its start.
        ends_at: its expected end.
    """

    def __init__(self, starts_at: datetime, ends_at: datetime) -> None:
        why = "it starts" if ends_at <= starts_at else "a week is the most, and it starts"
        super().__init__(f"a session can't end at {ends_at.isoformat()} when {why} at {starts_at.isoformat()}")
        self.starts_at = starts_at
        self.ends_at = ends_at


class SessionTooFarError(SessionTimeError):
    """A session planned so far ahead that its date must be a mistake."""

    def __init__(self, starts_at: datetime, ends_at: datetime, latest: datetime) -> None:
        super().__init__(starts_at, ends_at)
        self.args = (f"a session can't be planned for {starts_at.isoformat()}: {latest.date()} is the latest",)


SessionDecision: TypeAlias = tuple[Session, tuple[SessionEffect, ...]]


def plan(starts_at: datetime, ends_at: datetime, risk: Risk, *, wears_device: bool) -> Session:
    """A new session, waiting for its start.

    Raises:
        SessionTimeError: the end is not after the start.
    """
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise SessionTimeError(starts_at, ends_at)
    return Session(SessionPhase.PLANNED, starts_at, ends_at, risk, wears_device, start_due=starts_at)


def decide(state: Session, event: SessionEvent, *, now: datetime) -> SessionDecision:
    """What an event makes of a session.

    Raises:
        SessionError: the session's phase does not allow it.
        SessionTimeError: an extension that would end before now.
    """
    if state.phase is SessionPhase.PLANNED:
        return _planned(state, event, now)
    if state.phase is SessionPhase.ACTIVE:
        return _active(state, event, now)
    raise SessionError(state.phase, event)


def _planned(state: Session, event: SessionEvent, now: datetime) -> SessionDecision:
    if isinstance(event, Cancelled):
        return replace(state, phase=SessionPhase.CANCELLED, start_due=None), ()
    if not isinstance(event, Started):
        raise SessionError(state.phase, event)
    silence = now + state.risk.silence_limit if state.wears_device else None
    active = replace(
        state,
        phase=SessionPhase.ACTIVE,
        starts_at=min(state.starts_at, now),
        start_due=None,
        overrun_due=state.ends_at + GRACE,
        silence_due=silence,
    )
    return active, ()


def _active(state: Session, event: SessionEvent, now: datetime) -> SessionDecision:
    if isinstance(event, SilenceDue):
        return _silence(state, event, now)
    if isinstance(event, OverrunDue):
        return replace(state, overrun_due=None), (SessionEffect.RAISE_OVERRUN,)
    if isinstance(event, Heard):
        return replace(state, silence_due=now + state.risk.silence_limit), (SessionEffect.CLEAR_SILENCE,)
    if isinstance(event, Extended):
        return _extended(state, event, now)
    if isinstance(event, Ended):
        over = replace(state, phase=SessionPhase.ENDED, overrun_due=None, silence_due=None)
        return over, (SessionEffect.CLEAR_SILENCE,)
    raise SessionError(state.phase, event)


def _silence(state: Session, event: SilenceDue, now: datetime) -> SessionDecision:
    limit = state.risk.silence_limit
    if event.last_heard is not None and event.last_heard + limit > now:
        return replace(state, silence_due=event.last_heard + limit), ()
    effect = SessionEffect.RAISE_SILENCE if state.risk is Risk.HIGH else SessionEffect.FAULT_SILENCE
    return replace(state, silence_due=None), (effect,)


def _extended(state: Session, event: Extended, now: datetime) -> SessionDecision:
    if not now < event.ends_at <= now + LONGEST:
        raise SessionTimeError(now, event.ends_at)
    return replace(state, ends_at=event.ends_at, overrun_due=event.ends_at + GRACE), ()
