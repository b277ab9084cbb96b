"""PostgreSQL's own tools, and what they are told: never a password on a command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from psycopg.conninfo import make_conninfo

from hub.backup.manifest import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

_SAID_MAX: Final = 2000


def dump(engine: Engine, snapshot: str, schema: str, target: Path) -> None:
    """Write every table of ``schema`` to a file, as the snapshot sees them.

    Raises:
        BackupError: ``pg_dump`` is missing, older than the server, or fails.
    """
    options = ["--format=custom", f"--snapshot={snapshot}", f"--table={schema}.*", f"--file={target}"]
    _run(engine, "pg_dump", [*options, "--no-owner", "--no-privileges"])


def restore(engine: Engine, source: Path) -> None:
    """Bring every table of a dump into the database, or none of them.

    Raises:
        BackupError: ``pg_restore`` is missing or fails.
    """
    _run(
        engine, "pg_restore", ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source)]
    )


@contextmanager
def rows_of(source: Path) -> Iterator[IO[str]]:
    """The data of a dump as a script of ``COPY`` statements.

    Raises:
        BackupError: ``pg_restore`` is missing or can't read the dump.
    """
    command = [program("pg_restore"), "--data-only", "--file=-", str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8") as run:  # noqa: S603 - our own words
        assert run.stdout is not None  # noqa: S101 - it was asked for
        assert run.stderr is not None  # noqa: S101
        yield run.stdout
        said = run.stderr.read()
    if run.returncode:
        raise BackupError("pg_restore", said.strip()[-_SAID_MAX:])


def _run(engine: Engine, tool: str, options: Sequence[str]) -> None:
    known = {**engine.url.translate_connect_args(username="user", database="dbname"), **engine.url.query}
    password = known.pop("password", None)
    environment = os.environ if password is None else {**os.environ, "PGPASSWORD": str(password)}
    command = [program(tool), *options, f"--dbname={make_conninfo(**known)}", "--no-password"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if done.returncode:
        raise BackupError(tool, done.stderr.strip()[-_SAID_MAX:])


def program(name: str) -> str:
    """Where it is.

    Raises:
        BackupError: it is missing.
    """
    found = shutil.which(name)
    if found is None:
        raise BackupError(name, "is not installed: it comes with PostgreSQL's client programs (postgresql-client)")
    return found
