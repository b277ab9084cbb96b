"""Nobody closes what they have not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.cases import incidents
from hub.store import journal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hub.cases.desk import Desk
    from hub.domain.incident import Outcome
    from hub.store.incidents import IncidentRecord
    from hub.store.store import Tx
    from hub.web.accounts import Person
    from protocols.ids import OrganisationId

SIGNS: Final = frozenset({"raised", "joined", "duress"})
"""Journal entries by which somebody calls for help, or calls again."""
HIGHEST: Final = 2**31 - 1
"""No journal entry has a higher number."""


class SomethingNewError(Exception):
    """The incident is not any more what it was when it was looked at.

    Attributes:
        incident: which.
        what: was written in its journal since.
    """

    def __init__(self, incident: str, what: str) -> None:
        super().__init__(f"Something new came in: look again before you close. Since then: {what}")
        self.incident = incident
        self.what = what


def shown(tx: Tx, organisation: OrganisationId, chosen: Collection[str]) -> Mapping[str, int]:
    """By incident, the number of the newest sign that somebody sees who looks at it now."""
    return journal.last(tx, organisation, chosen, SIGNS)


def close(
    desk: Desk, person: Person, number: str, outcome: Outcome, note: str, *, seen: int | None = None
) -> IncidentRecord:
    """Close it, if no new sign came in after journal entry ``seen``; None asks nothing.

    Raises:
        SomethingNewError: one did. Nothing was changed.
        UnknownIncidentError, NotPossibleError: as they say.
    """
    own = person.organisation.id
    incidents.get(desk, own, number)  # locks it: nothing joins between looking and closing
    new = [] if seen is None else [one for one in journal.newer(desk.tx, own, number, seen) if one in SIGNS]
    if new:
        raise SomethingNewError(number, ", ".join(new))
    return incidents.close(desk, own, number, person.by, outcome, note)
