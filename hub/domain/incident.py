"""The life of an incident: from the first sign to a named person's outcome.

========== ============================ ===========================================================
phase      event                        becomes
========== ============================ ===========================================================
(none)     Raised: a pre-alarm, or a    PENDING: only the wearer is asked; a deadline runs
           question (WELFARE)
(none)     Raised, otherwise            OPEN: the ladder starts
PENDING    Raised: pre-alarm, question  PENDING, of the graver kind
PENDING    Withdrawn                    WITHDRAWN: nobody else was told
PENDING    Raised otherwise, Duress,    OPEN: the ladder starts
           DeadlinePassed
OPEN       Raised                       OPEN; everyone is told of it
OPEN       DuressHeard                  OPEN; everyone is told of it
OPEN       DeadlinePassed               OPEN, next rung; the last one again and again
OPEN       Taken                        TAKEN
OPEN,      HelpSent                     HELP_SENT
TAKEN
TAKEN,     DeadlinePassed               the same; everyone is reminded
HELP_SENT
TAKEN,     Taken                        the same, in other hands
HELP_SENT
TAKEN,     Raised: an alarm or          OPEN: what was taken before it came says nothing about it,
HELP_SENT  pre-alarm; DuressHeard       the ladder starts anew
TAKEN,     Raised: a question           the same; everyone is told
HELP_SENT
OPEN,      Withdrawn by the wearer      the same; everyone is told. It closes nothing: red alerts latch
TAKEN,
HELP_SENT
OPEN,      Closed                       CLOSED, with an outcome and a name
TAKEN,
HELP_SENT
========== ============================ ===========================================================

Anything else raises :class:`NotPossibleError`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from hub.domain.ladder import LADDER, PRE_ALARM_WINDOW, REMINDER, WELFARE_WINDOW, Audience, next_due
from protocols.events import Told


class Kind(StrEnum):
    """What an incident is about."""

    PANIC = "panic"
    DISCREET_PANIC = "discreet_panic"
    FALL = "fall"
    NO_MOTION = "no_motion"
    REMOVED = "removed"
    TAMPER = "tamper"
    SILENCE = "silence"
    OVERRUN = "overrun"
    UNREADABLE = "unreadable"

    @property
    def label(self) -> str:
        """In words, for a person: ``discreet panic``."""
        return self.value.replace("_", " ")


WELFARE = frozenset({Kind.SILENCE, Kind.OVERRUN, Kind.REMOVED})
"""Kinds in which the worker's own device is asked first."""


class Phase(StrEnum):
    """Where an incident stands."""

    PENDING = "pending"
    OPEN = "open"
    TAKEN = "taken"
    HELP_SENT = "help_sent"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


LIVE = frozenset({Phase.PENDING, Phase.OPEN, Phase.TAKEN, Phase.HELP_SENT})
IN_HAND = frozenset({Phase.TAKEN, Phase.HELP_SENT})
RED = LIVE - {Phase.PENDING}


class Outcome(StrEnum):
    """What an alert turned out to be."""

    GENUINE = "genuine"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    NO_CONTACT_NEEDED = "no_contact_needed"


@dataclass(frozen=True, slots=True)
class Incident:
    """State of one incident.

    Attributes:
        kind: the gravest thing it is about.
        phase: where it stands.
        rung: of the ladder; the one last reached.
        round: how often the last rung was told.
        due: when the next step runs by itself; None once nothing is open.
        duress: the wearer cancelled under threat. The device must never show anything but a cancel.
        cancelled_by_wearer: the wearer says it was nothing. Told to whoever has it; closes nothing.
        holder: account of the person who has it.
        outcome: what it turned out to be.
    """

    kind: Kind
    phase: Phase
    due: datetime | None
    rung: int = 0
    round: int = 0
    duress: bool = False
    cancelled_by_wearer: bool = False
    holder: str | None = None
    outcome: Outcome | None = None

    @property
    def silenced(self) -> bool:
        """True when the device may not be told anything beyond its receipts."""
        return self.duress or self.cancelled_by_wearer


@dataclass(frozen=True, slots=True)
class Raised:
    """A sign that somebody may need help.

    Attributes:
        kind: what it is.
        withdrawable: a pre-alarm: the wearer may still cancel.
        age: since it happened, as far as known.
    """

    kind: Kind
    withdrawable: bool = False
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The wearer cancelled, answered, or is heard again.

    Attributes:
        why: for the journal.
        by_wearer: a press of the wearer's; False when merely heard again.
    """

    why: str
    by_wearer: bool = True


@dataclass(frozen=True, slots=True)
class DuressHeard:
    """A cancel that isn't one."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The state's own deadline came up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A named person has it."""

    by: str


@dataclass(frozen=True, slots=True)
class HelpSent:
    """A named person says that help is on its way."""

    by: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A named person ends it."""

    by: str
    outcome: Outcome
    note: str


Event: TypeAlias = Raised | Withdrawn | DuressHeard | DeadlinePassed | Taken | HelpSent | Closed


class Message(StrEnum):
    """What a notification says."""

    ALARM = "alarm"
    DURESS = "duress"
    JOINED = "joined"
    CANCELLED_BY_WEARER = "cancelled_by_wearer"
    REMINDER = "reminder"
    WELFARE = "welfare"


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people.

    Attributes:
        audience: who.
        message: what.
    """

    audience: Audience
    message: Message


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the wearer, on every event of this incident that is on the air."""

    told: Told


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the wearer through the device: are you all right?"""


@dataclass(frozen=True, slots=True)
class CancelPending:
    """Notifications that were not sent yet are no longer wanted."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the journal.

    Attributes:
        action: a short name.
        by: account of the person who did it; None = the hub by itself.
        detail: facts, without personal data.
    """

    action: str
    by: str | None = None
    detail: tuple[tuple[str, str], ...] = ()


Effect: TypeAlias = Notify | Tell | Ask | CancelPending | Note
Decision: TypeAlias = tuple[Incident, tuple[Effect, ...]]


class NotPossibleError(Exception):
    """An action that this incident does not allow.

    Attributes:
        phase: where the incident stands.
        event: what was asked.
    """

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__(f"{type(event).__name__} is not possible: the incident is {phase.label}")
        self.phase = phase
        self.event = event


def decide(state: Incident | None, event: Event, *, now: datetime) -> Decision:
    """What an event makes of an incident.

    Raises:
        NotPossibleError: the incident's phase does not allow it.
    """
    if state is None or state.phase not in LIVE:
        if isinstance(event, Raised):
            return _begin(event, now)
        raise NotPossibleError(Phase.CLOSED if state is None else state.phase, event)
    if isinstance(event, Raised):
        return _joined(state, event, now)
    if isinstance(event, Withdrawn):
        return _withdrawn(state, event)
    if isinstance(event, DuressHeard):
        return _duress(state, now)
    if isinstance(event, DeadlinePassed):
        return _deadline(state, now)
    return _by_person(state, event, now)


def _begin(event: Raised, now: datetime) -> Decision:
    raised = Note("raised", detail=(("kind", event.kind), ("withdrawable", str(event.withdrawable).lower())))
    if event.kind in WELFARE:
        pending = Incident(event.kind, Phase.PENDING, now + WELFARE_WINDOW)
        return pending, (raised, Ask(), Notify(Audience.WEARER, Message.WELFARE))
    window_left = PRE_ALARM_WINDOW - max(timedelta(0), event.age)
    if event.withdrawable and window_left > timedelta(0):
        return Incident(event.kind, Phase.PENDING, now + window_left), (raised,)
    return _open(Incident(event.kind, Phase.OPEN, now), raised, now)


def _open(state: Incident, note: Note, due: datetime, message: Message = Message.ALARM) -> Decision:
    """The ladder's first rung, due at ``due``."""
    rung = LADDER[0]
    opened = replace(state, phase=Phase.OPEN, rung=0, round=0, due=due + rung.wait)
    return opened, (note, Notify(rung.audience, message))


def _joined(state: Incident, event: Raised, now: datetime) -> Decision:
    """A further sign. What somebody took before it came says nothing about it: the ladder starts anew."""
    joined = Note("joined", detail=(("kind", event.kind), ("withdrawable", str(event.withdrawable).lower())))
    graver = replace(state, kind=_graver(state.kind, event.kind))
    question = event.withdrawable or event.kind in WELFARE
    if state.phase is Phase.PENDING:
        return (graver, (joined,)) if question else _open(graver, joined, now)
    if event.kind in WELFARE:
        return graver, (joined, Notify(Audience.EVERYONE, Message.JOINED))
    fresh = replace(graver, cancelled_by_wearer=False)
    if state.phase in IN_HAND:
        return _open(fresh, joined, now)
    return fresh, (joined, Notify(Audience.EVERYONE, Message.JOINED))


def _graver(one: Kind, other: Kind) -> Kind:
    order = list(Kind)
    return min(one, other, key=order.index)


def _withdrawn(state: Incident, event: Withdrawn) -> Decision:
    if state.phase is Phase.PENDING:
        gone = replace(state, phase=Phase.WITHDRAWN, due=None)
        return gone, (Note("withdrawn", detail=(("why", event.why),)), CancelPending())
    if not event.by_wearer:
        return state, (Note("heard again", detail=(("why", event.why),)),)
    cancelled = replace(state, cancelled_by_wearer=True)
    note = Note("cancelled by wearer", detail=(("why", event.why),))
    return cancelled, (note, Notify(Audience.EVERYONE, Message.CANCELLED_BY_WEARER))


def _duress(state: Incident, now: datetime) -> Decision:
    """The ladder starts, or starts anew, unless it is running already; then everyone is told where it stands."""
    under_threat = replace(state, duress=True)
    if state.phase is Phase.OPEN:
        return under_threat, (Note("duress"), Notify(Audience.EVERYONE, Message.DURESS))
    return _open(under_threat, Note("duress"), now, Message.DURESS)


def _deadline(state: Incident, now: datetime) -> Decision:
    due = state.due or now
    if state.phase is Phase.PENDING:
        return _open(state, Note("no cancel came"), due)
    if state.phase in IN_HAND:
        reminded = replace(state, due=now + REMINDER)
        return reminded, (Note("reminder"), Notify(Audience.EVERYONE, Message.REMINDER))
    return _next_rung(state, due, now)


def _next_rung(state: Incident, due: datetime, now: datetime) -> Decision:
    rung = min(state.rung + 1, len(LADDER) - 1)
    again = rung == state.rung
    rounds = state.round + again
    climbed = replace(state, rung=rung, round=rounds, due=next_due(rung, due, now, again=again))
    note = Note("escalated", detail=(("rung", str(rung)), ("round", str(rounds))))
    return climbed, (note, Notify(LADDER[rung].audience, _alarm_message(state)))


def _alarm_message(state: Incident) -> Message:
    return Message.DURESS if state.duress else Message.ALARM


def _by_person(state: Incident, event: Taken | HelpSent | Closed, now: datetime) -> Decision:
    if state.phase is Phase.PENDING:
        raise NotPossibleError(state.phase, event)
    if isinstance(event, Taken):
        return _taken(state, event, now)
    if isinstance(event, HelpSent):
        return _help_sent(state, event, now)
    return _closed(state, event)


def _taken(state: Incident, event: Taken, now: datetime) -> Decision:
    phase = Phase.HELP_SENT if state.phase is Phase.HELP_SENT else Phase.TAKEN
    taken = replace(state, phase=phase, holder=event.by, due=now + REMINDER)
    return taken, (Note("taken", by=event.by), CancelPending(), *_tell(taken, Told.PERSON_HAS_IT))


def _help_sent(state: Incident, event: HelpSent, now: datetime) -> Decision:
    sent = replace(state, phase=Phase.HELP_SENT, holder=state.holder or event.by, due=now + REMINDER)
    return sent, (Note("help sent", by=event.by), CancelPending(), *_tell(sent, Told.HELP_SENT))


def _closed(state: Incident, event: Closed) -> Decision:
    closed = replace(state, phase=Phase.CLOSED, outcome=event.outcome, due=None, holder=state.holder or event.by)
    note = Note("closed", by=event.by, detail=(("outcome", event.outcome), ("note", event.note)))
    return closed, (note, CancelPending(), *_tell(closed, Told.CLOSED))


def _tell(state: Incident, told: Told) -> tuple[Effect, ...]:
    return () if state.silenced else (Tell(told),)
