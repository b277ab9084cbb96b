"""Events from the rows of an outbox file that may be damaged, or written by a newer gateway.

A row whose envelope and id can be read is an event, whatever else of it can't: of unknown rank it may be an alarm, and
is sent as one. The hub judges it for itself, since the frame inside is sealed.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.domain.outgoing import Outgoing, Rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = tuple[object, ...]
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands where text could not be decoded."""
COLUMNS: Final = "id, rank, payload, received_at, device"
"""Whether it is offered again follows as a sixth."""


def read(rows: Iterable[Row], *, now: datetime, problems: list[str]) -> Iterator[Outgoing]:
    """The events in ``rows``, each of :data:`COLUMNS` and whether it is offered again after a restore of the hub.

    Args:
        rows: as SQLite yields them.
        now: stands in for a time of hearing that can't be read.
        problems: one line is added for each row that was mended or left out.
    """
    for row in rows:
        id_, rank, payload, received, device, replayed = row
        if not isinstance(id_, str) or not isinstance(payload, bytes | str) or not payload:
            problems.append("a row without an envelope is left out")
            continue
        name = None if device is None else str(device)
        event = Outgoing(id_, _rank(rank), _bytes(payload), _time(received) or now, name, replayed=bool(replayed))
        read_back = (event.rank, event.received.isoformat(), event.device)
        if read_back != (rank, received, device) or REPLACED in f"{id_}{device}":
            problems.append("a row is not as it was written, but is sent")
        yield event


def _rank(value: object) -> Rank:
    return next((rank for rank in Rank if rank == value), Rank.ALARM)


def _bytes(value: bytes | str) -> bytes:
    return value.encode(errors="replace") if isinstance(value, str) else value


def _time(value: object) -> datetime | None:
    """Only with a time zone: without one it can't be told how long ago it was."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
