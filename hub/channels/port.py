"""What a channel is, what it is given, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Field(StrEnum):
    """Kinds of facts; a channel states which of them it may carry."""

    WHO = "who"
    WHAT = "what"
    WHEN = "when"
    LINK = "link"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known, cut down to what the channel may carry. None = unknown, or not for this channel.

    Attributes:
        message: what kind of notification this is (``hub.domain.incident.Message`` or ``fault``).
        audience: who is told (``hub.domain.ladder.Audience``).
        what: kind of incident or fault, in words.
        who: the worker's name.
        phase: where the incident stands, in words.
        duress: the wearer cancelled under threat.
        discreet: the wearer asked for help unseen.
        certain: False when it is not sure who or where.
        reasons: why it is sure, or is not.
        observed_at: when it happened.
        opened_at: when the hub recorded it.
        age_s: seconds since ``observed_at``.
        zone: IANA zone of the organisation, for showing times.
        holder: name of the person who has it.
        round: how often the last rung was told.
        count: further signs that this speaks of.
        link: page with all the rest.
        place: name of the place.
        after_restore: the hub was restored from a backup, and somebody may have dealt with this already: why
            (``hub.store.restores.Label``).
    """

    message: str
    audience: str
    what: str
    observed_at: datetime
    opened_at: datetime
    age_s: float
    zone: str
    link: str
    who: str | None = None
    phase: str = ""
    duress: bool = False
    discreet: bool = False
    certain: bool = True
    reasons: tuple[str, ...] = ()
    holder: str | None = None
    round: int = 0
    count: int = 1
    place: str | None = None
    after_restore: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one recipient.

    Attributes:
        id: of the outbox row: the same at every attempt.
        target: an e-mail address, or the name of a webhook.
        incident: id, if it is about one.
        organisation: whose.
    """

    id: str
    organisation: str
    target: str
    incident: str | None
    facts: Facts


class ChannelError(Exception):
    """A message that did not go out.

    Attributes:
        channel: which.
        detail: what the other side said.
        permanent: True when trying again can't help (no such recipient).
    """

    def __init__(self, channel: str, detail: str, *, permanent: bool) -> None:
        super().__init__(f"{channel}: {detail}")
        self.channel = channel
        self.detail = detail
        self.permanent = permanent


class Channel(Protocol):
    """One way of reaching somebody."""

    carries: frozenset[Field]

    def send(self, outgoing: Outgoing) -> str:
        """Hand it over; the other side's word of receipt.

        Raises:
            ChannelError: it was not taken.
        """
        ...
