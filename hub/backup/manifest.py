"""What a backup says of itself, before anything in it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackupError(Exception):
    """A backup that can't be made, read or restored.

    Attributes:
        what: the file or program that it is about.
        problem: in words.
    """

    def __init__(self, what: str | Path, problem: str) -> None:
        super().__init__(f"{what}: {problem}")
        self.what = str(what)
        self.problem = problem


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class JournalState(_Part):
    """How far the journal had come.

    Attributes:
        entries: in all chains together.
        chains: how many.
        heads: SHA-256 of the member ``heads.txt``, one chain per line: organisation, chain, length, head.
    """

    entries: int
    chains: int
    heads: Sha256


class Manifest(_Part):
    """First in the archive.

    Attributes:
        version: of the program that made it.
        database: its kind; a backup goes back into the same kind.
        revision: of its tables.
        taken_at: everything committed before is in it, nothing after.
        restore: number of the last restore of the database that was backed up.
        rows: per table.
        journal: how far it had come.
        sealed_under: ids (hexadecimal) of the keys that open its secrets; those keys are not in it.
        sha256: of the member that holds the database.
        size: of that member, in bytes.
    """

    format: Literal[1] = FORMAT
    version: str
    database: Literal["sqlite", "postgresql"]
    revision: str
    taken_at: AwareDatetime
    restore: int = 0
    rows: dict[str, int]
    journal: JournalState
    sealed_under: tuple[str, ...] = ()
    sha256: Sha256
    size: int
