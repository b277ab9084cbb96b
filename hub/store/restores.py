"""Whether, when and from what this database was restored, and when it was last backed up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from hub.store import facts, journal

if TYPE_CHECKING:
    from hub.store.store import Tx
    from protocols.ids import OrganisationId

_RESTORE: Final = "restore"
_BACKUP: Final = "backup"


class Label(StrEnum):
    """Why somebody may have dealt with an incident already; also an action in its journal."""

    RESTORED = "restored"  # it was live in the backup
    REPLAYED = "replayed after a restore"  # its alarm was receipted before, by the hub that is lost


_FRESH: Final = ("raised", "joined", "duress")
"""Actions after which an earlier label says nothing any more."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The last one.

    Attributes:
        number: higher than that of any earlier restore: gateways offer again what they keep when it rises.
        at: when.
        taken_at: when the backup was taken; what happened from then to ``at`` is not in it.
    """

    number: int
    at: datetime
    taken_at: datetime


def last(tx: Tx) -> Restore | None:
    """None = never restored."""
    text = facts.get(tx, _RESTORE)
    if text is None:
        return None
    found = json.loads(text)
    return Restore(found["number"], datetime.fromisoformat(found["at"]), datetime.fromisoformat(found["taken_at"]))


def number(tx: Tx) -> int:
    """Of the last restore; 0 = none."""
    found = last(tx)
    return 0 if found is None else found.number


def note(tx: Tx, restore: Restore) -> None:
    fields = {"number": restore.number, "at": restore.at.isoformat(), "taken_at": restore.taken_at.isoformat()}
    facts.put(tx, _RESTORE, json.dumps(fields))


def backed_up_at(tx: Tx) -> datetime | None:
    """When the last backup was taken that was checked and found whole."""
    text = facts.get(tx, _BACKUP)
    return None if text is None else datetime.fromisoformat(text)


def note_backup(tx: Tx, taken_at: datetime) -> None:
    facts.put(tx, _BACKUP, taken_at.isoformat())


def note_replayed(tx: Tx, organisation: OrganisationId, incident: str, observed_at: datetime) -> None:
    """A gateway offered the incident's alarm again. Without a restore since it was observed, that means nothing."""
    restore = last(tx)
    if restore is not None and observed_at < restore.at:
        detail = {"observed": observed_at.isoformat(timespec="seconds"), "restore": str(restore.number)}
        journal.append(tx, organisation, incident, Label.REPLAYED, detail=detail)


def label(tx: Tx, organisation: OrganisationId, incident: str) -> Label | None:
    """None unless the newest alarm of the incident is older than the restore."""
    if last(tx) is None:
        return None
    newest = journal.newest_of(tx, organisation, incident, (*Label, *_FRESH))
    fresh = max((newest.get(action, 0) for action in _FRESH), default=0)
    action = max(Label, key=lambda label: newest.get(label, 0))
    return action if newest.get(action, 0) > fresh else None
