"""The journal: who did what, when. It holds ids, not names; they are looked up here."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hub.store import journal as rows
from hub.web import frame, render
from hub.web.accounts import Person
from hub.web.context import Hub
from hub.web.guard import viewing
from hub.web.rights import Right

if TYPE_CHECKING:
    from hub.store.store import Tx

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
    context, _ = frame.around(tx, person, "/journal")
    found = rows.latest(tx, person.organisation.id, before=before, chain=chain or None, limit=MOST)
    older = found[-1][0] if len(found) == MOST else None
    return {**context, "entries": [entry for _, entry in found], "older": older, "chain": chain, "before": before}
