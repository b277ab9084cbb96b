"""Lines of the journal, as people read them. The journal itself holds ids and ISO 8601 only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hub.store.incidents import IncidentRecord
from hub.web.views import naming
from hub.web.views.alarms import HEADLINES, who
from hub.web.views.times import Clock, Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.store.journal import Entry
    from hub.store.sessions import SessionRecord
    from hub.web.reading import Names

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$")


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of the journal.

    Attributes:
        about: what its chain is about, in words.
    """

    chain: str
    about: str
    number: int
    at: Moment
    action: str
    by: str
    detail: str
    digest: str


def row(entry: Entry, names: Names, known: Mapping[str, IncidentRecord | SessionRecord] | None = None) -> EntryRow:
    """One line. ``known`` are the incidents and sessions that chains of this page are of."""
    clock = Clock.of(names)
    return EntryRow(
        chain=entry.chain,
        about=_about(entry.chain, names, known or {}),
        number=entry.number,
        at=clock.at(entry.at),
        action=entry.action,
        by=names.account(entry.by) or "the hub",
        detail=", ".join(_said(entry, names, clock)),
        digest=entry.digest,
    )


def _about(chain: str, names: Names, known: Mapping[str, IncidentRecord | SessionRecord]) -> str:
    record = known.get(chain)
    if record is None:
        kind, name = naming.chain(chain, names)
        return f"{kind} {name}".strip()
    if isinstance(record, IncidentRecord):
        return f"{HEADLINES[record.state.kind]}: {who(record, names)}"
    return f"session of {names.worker(record.worker)}"


def _said(entry: Entry, names: Names, clock: Clock) -> Iterator[str]:
    """Outcomes before notes; what is empty says nothing."""
    for key, value in sorted(entry.detail.items(), key=lambda one: one[0] == "note"):
        if value:
            yield f"{key.replace('_', ' ')}: {_plain(key, value, names, clock)}"


def _plain(key: str, value: str, names: Names, clock: Clock) -> str:
    """Moments are kept as ISO 8601; what people wrote may look like one and be none."""
    if key == "worker":
        return names.worker(value)
    if key == "for":
        return names.device(value)
    if key == "outcome":
        return value.replace("_", " ")
    if not _MOMENT.match(value):
        return value
    try:
        return clock.at(datetime.fromisoformat(value)).full
    except ValueError:
        return value
