"""The journal: who did what, when. It holds ids, not names; they are looked up here."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hub.store import incidents, sessions
from hub.store import journal as lines
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.guard import viewing
from hub.web.rights import Right
from hub.web.views.entries import row

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.store.incidents import IncidentRecord
    from hub.store.sessions import SessionRecord
    from hub.store.store import Tx
    from protocols.ids import OrganisationId

router = APIRouter(prefix="/journal")

MOST = 100


@router.get("")
def journal(
    request: Request,
    hub: Hub,
    person: Annotated[Person, viewing(Right.JOURNAL_SEE)],
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    chain: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """Newest first, a hundred at a time."""
    return render.page(request, "journal.html", hub.store.read(lambda tx: _context(tx, person, before, chain.strip())))


def _context(tx: "Tx", person: Person, before: int | None, chain: str) -> dict[str, Any]:
    context, names = frame.around(tx, person, "/journal")
    found = lines.latest(tx, person.organisation.id, before=before, chain=chain or None, limit=MOST)
    older = found[-1][0] if len(found) == MOST else None
    known = _known(tx, person.organisation.id, {entry.chain for _, entry in found})
    rows = [row(entry, names, known) for _, entry in found]
    return {**context, "entries": rows, "older": older, "chain": chain, "before": before}


def _known(
    tx: "Tx", organisation: "OrganisationId", chains: "Collection[str]"
) -> "dict[str, IncidentRecord | SessionRecord]":
    """The incidents and sessions that chains are of."""
    found: dict[str, IncidentRecord | SessionRecord] = {}
    for chain in (chain for chain in chains if ":" not in chain):
        record = incidents.get(tx, organisation, chain) or sessions.get(tx, organisation, chain)
        if record is not None:
            found[chain] = record
    return found
