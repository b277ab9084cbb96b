"""Whether this gateway still belongs to its organisation.

========  =================================================  ==========================
state     what the hub says                                  leads to
========  =================================================  ==========================
MEMBER    it does not know the credential                    DOUBTED
DOUBTED   it does not know it, 60 s after the first time     REVOKED: forget the keys
any       it knows it                                        MEMBER
any       nothing, or nonsense                               the same
========  =================================================  ==========================

A hub that is down, or that answers nonsense, never makes a gateway forget anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SURE_AFTER_S: Final = 60.0


class State(StrEnum):
    MEMBER = "member"
    DOUBTED = "doubted"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Membership:
    """Where it stands.

    Attributes:
        doubted_at: ticks of the first refusal since the hub last knew the gateway.
    """

    state: State = State.MEMBER
    doubted_at: float | None = None


def known() -> Membership:
    """The hub took the credential."""
    return Membership()


def unknown(membership: Membership, *, now: float) -> Membership:
    """The hub does not know the credential. ``now`` in ticks."""
    if membership.state is State.REVOKED:
        return membership
    if membership.doubted_at is None:
        return Membership(State.DOUBTED, now)
    if now - membership.doubted_at >= SURE_AFTER_S:
        return Membership(State.REVOKED, membership.doubted_at)
    return membership
