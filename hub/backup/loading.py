"""A PostgreSQL dump read into a SQLite file, so that a backup is checked without a server to restore it to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, DateTime, Float, Integer, LargeBinary, MetaData, insert

from hub.backup import postgres
from hub.backup.inventory import VERSIONS
from hub.backup.manifest import BackupError
from hub.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Table

_COPY: Final = re.compile(r"COPY (?:\S+\.)?(?P<table>\S+) \((?P<columns>.+)\) FROM stdin;\n")
_END: Final = "\\.\n"
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BATCH: Final = 1000


def load(dump: Path, engine: Engine, revision: str) -> None:
    """Make tables of this revision and fill them from the dump.

    Raises:
        BackupError: the dump can't be read.
    """
    schema.upgrade(engine, revision)
    tables = MetaData()
    tables.reflect(engine)
    with postgres.rows_of(dump) as script, engine.begin() as connection:
        for name, columns in _copies(script):
            if name == VERSIONS:
                list(_rows(script))
            else:
                _fill(connection, tables.tables[name], columns, _rows(script))


def _copies(script: IO[str]) -> Iterator[tuple[str, list[str]]]:
    """Each table that data is copied into; its rows are next in the script."""
    for line in script:
        found = _COPY.fullmatch(line)
        if found is not None:
            columns = [name.strip().strip('"') for name in found["columns"].split(",")]
            yield found["table"].strip('"'), columns


def _rows(script: IO[str]) -> Iterator[list[str | None]]:
    for line in script:
        if line == _END:
            return
        yield [_unescaped(value) for value in line.removesuffix("\n").split("\t")]
    raise BackupError("database", "the dump ends in the middle of a table")


def _unescaped(value: str) -> str | None:
    """PostgreSQL's text format (COPY)."""
    return None if value == r"\N" else _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)


def _fill(connection: Connection, table: Table, columns: Sequence[str], rows: Iterator[list[str | None]]) -> None:
    readers = [_reader(table.c[column].type) for column in columns]
    batch: list[dict[str, Any]] = []
    for row in rows:
        values = (None if value is None else read(value) for read, value in zip(readers, row, strict=True))
        batch.append(dict(zip(columns, values, strict=True)))
        if len(batch) == _BATCH:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


def _instant(value: str) -> datetime:
    """As SQLite keeps it: UTC, without saying so."""
    return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)


def _reader(kind: object) -> Callable[[str], Any]:
    readers: tuple[tuple[type, Callable[[str], Any]], ...] = (
        (Boolean, lambda value: value == "t"),
        (Float, float),
        (Integer, int),
        (DateTime, _instant),
        (LargeBinary, lambda value: bytes.fromhex(value.removeprefix("\\x"))),
    )
    return next((read for type_, read in readers if isinstance(kind, type_)), str)
