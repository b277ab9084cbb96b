"""Somebody was refused: administrators are told, about the gateway whose name was used or the address it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.cases import notify
from hub.store import credentials, directory, faults, journal, presence
from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.cases.desk import Desk
    from hub.store.store import Tx
    from protocols.ids import OrganisationId

STANDS: Final = timedelta(days=1)
"""How long such a fault stays open; a refusal after that opens it, and tells of it, again."""
MOST_ADDRESSES: Final = 5
"""Faults about addresses that are open at once; a stranger who has many addresses is told of as one."""
OTHERS: Final = "other addresses"
_PASSING: Final = frozenset(
    {FaultKind.ACCESS_REFUSED, FaultKind.GATEWAY_FLOODS, FaultKind.GATEWAY_REFUSED, FaultKind.CLOCK_STEP}
)
"""Faults that nothing shows to be over."""


class RefusalKind(StrEnum):
    """What was refused."""

    CODE_UNKNOWN = "unknown code"
    CODE_EXPIRED = "expired code"
    CODE_USED = "used code"
    CREDENTIAL_WRONG = "wrong credential"
    CREDENTIAL_ENDED = "revoked credential"
    CONNECT = "connection to the broker"
    PUBLISH = "publication"
    SUBSCRIBE = "subscription"
    WILL = "last will"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal.

    Attributes:
        source: address it came from, if that is known; it names the fault where no gateway does.
        detail: one sentence for administrators.
        organisation: whose gateway it is about; None if nobody knows.
        gateway: which; None if nobody knows.
    """

    kind: RefusalKind
    source: str
    detail: str
    organisation: OrganisationId | None = None
    gateway: str | None = None


def tell(desk: Desk, refusal: Refusal) -> None:
    """Open the fault, in the gateway's organisation or, where no gateway is known, in those it concerns."""
    if refusal.organisation is not None and is_known(desk.tx, refusal.organisation, refusal.gateway):
        subject = str(refusal.gateway)
        detail = {"what": refusal.kind.value, "source": refusal.source}
        journal.append(desk.tx, refusal.organisation, f"gateway:{subject}", "refused", detail=detail)
        _fault(desk, refusal.organisation, f"{subject}, {refusal.kind}", refusal.detail)
        return
    for organisation in _concerned(desk.tx, refusal.source):
        _fault(desk, organisation, _stranger(desk.tx, organisation, refusal.source), refusal.detail)


def _concerned(tx: Tx, source: str) -> list[OrganisationId]:
    """Who has a gateway at this address; if nobody has, the only organisation there is.

    Of several, none is told of what may be another's gateway: it is logged and counted for whoever runs the hub.
    """
    every = [organisation.id for organisation in directory.all_organisations(tx)]
    there = [organisation for organisation in every if credentials.is_used_from(tx, organisation, source)]
    return there or (every if len(every) == 1 else [])


def is_known(tx: Tx, organisation: OrganisationId, gateway: str | None) -> bool:
    """Whether there is, or was, or may soon be, this gateway."""
    if gateway is None or directory.get_organisation(tx, organisation) is None:
        return False
    return (
        presence.get_gateway(tx, organisation, gateway) is not None
        or bool(credentials.of_gateway(tx, organisation, gateway))
        or any(code.gateway == gateway for code in credentials.codes(tx, organisation))
    )


def _stranger(tx: Tx, organisation: OrganisationId, source: str) -> str:
    known = {fault.subject for fault in _open(tx, organisation) if "." in fault.subject or ":" in fault.subject}
    return source[:80] if source in known or len(known) < MOST_ADDRESSES else OTHERS


def _open(tx: Tx, organisation: OrganisationId) -> Iterator[faults.Fault]:
    return (fault for fault in faults.listed(tx, organisation) if fault.kind is FaultKind.ACCESS_REFUSED)


def _fault(desk: Desk, organisation: OrganisationId, subject: str, detail: str) -> None:
    notify.fault(desk, organisation, FaultKind.ACCESS_REFUSED, subject, detail)


def forget_old(desk: Desk) -> int:
    """End the faults that have stood long enough; how many."""
    ended = 0
    for organisation in directory.all_organisations(desk.tx):
        for fault in faults.listed(desk.tx, organisation.id):
            if fault.kind in _PASSING and fault.raised_at + STANDS <= desk.now:
                ended += faults.clear(desk.tx, organisation.id, fault.kind, fault.subject)
    return ended
