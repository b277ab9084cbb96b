"""Bringing a database to the tables this version needs. Nothing is upgraded under a live session unasked.

Alembic is imported only where there is something to upgrade: a hub that starts again has alarms waiting for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import column, delete, func, insert, inspect, select, table, text

from hub.domain.session import SessionPhase
from hub.store.tables import hub_facts, sessions

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection, Engine

    from hub.store.vault import Vault

_VERSION: Final = table("alembic_version", column("version_num"))
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x70C51  # one replica migrates at a time
_OLDEST: Final = "oldest program"
UNFINISHED: Final = "restore_unfinished"
"""A table that is there from the beginning of a restore to its end; for SQLite see :func:`marker_of`."""


class SchemaError(Exception):
    """The tables are not as this program needs them."""


class LiveSessionsError(SchemaError):
    """The database wants an upgrade while people are out.

    Attributes:
        sessions: how many sessions are under way.
    """

    def __init__(self, live: int) -> None:
        super().__init__(
            f"the database is of an older version and {live} session(s) are under way; "
            "run 'tocsin hub migrate' when they have ended, or now if you must"
        )
        self.sessions = live


class NewerDatabaseError(SchemaError):
    """The database was upgraded by a newer program, beside which this one does not run.

    Attributes:
        revision: of the database.
    """

    def __init__(self, revision: str) -> None:
        super().__init__(f"the database is of revision {revision}, which is newer than this program: run the newer one")
        self.revision = revision


class UnfinishedRestoreError(SchemaError):
    """A restore was interrupted: what is in the database is not to be believed yet."""

    def __init__(self) -> None:
        super().__init__("a restore of this database was interrupted; run 'tocsin hub restore' again")


def prepare(engine: Engine, vault: Vault, *, asked: bool = False, unfinished: bool = False) -> None:
    """Create or upgrade the tables.

    Args:
        engine: of the database.
        vault: seals what an older version left open.
        asked: upgrade even while sessions are under way.
        unfinished: this is part of a restore.

    Raises:
        LiveSessionsError: an upgrade is due, sessions are under way, and nobody asked for it.
        NewerDatabaseError: a newer program upgraded it, and did not leave it fit for this one.
        UnfinishedRestoreError: a restore was interrupted.
    """
    if not unfinished and engine.dialect.name == "sqlite" and marker_of(Path(str(engine.url.database))).exists():
        raise UnfinishedRestoreError
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        if not unfinished and inspect(connection).has_table(UNFINISHED):
            raise UnfinishedRestoreError
        if _is_ready(connection):
            return
        live = _live_sessions(connection)
        if live and not asked:
            raise LiveSessionsError(live)
        _alembic_upgrade(connection, vault, "head")
        _note_oldest(connection)


def marker_of(file: Path) -> Path:
    """A file that is there, beside a SQLite database, while what it holds is being replaced."""
    return file.with_name(f"{file.name}.restore-unfinished")


def _is_ready(connection: Connection) -> bool:
    """Whether this program can work with the tables as they are.

    Raises:
        NewerDatabaseError: it can't, and an upgrade is not for it to make.
    """
    present, known = revision(connection), known_revisions()
    if present is None or present in known:
        return present == known[-1]
    oldest = connection.execute(select(hub_facts.c.value).where(hub_facts.c.id == _OLDEST)).scalar_one_or_none()
    if oldest not in known:
        raise NewerDatabaseError(present)
    return True


def _note_oldest(connection: Connection) -> None:
    """Leave word for older programs: a migration says with ``oldest`` which revision's program still runs on it."""
    head = _scripts().get_revision("head")
    oldest = getattr(head.module, "oldest", head.revision)
    connection.execute(delete(hub_facts).where(hub_facts.c.id == _OLDEST))
    connection.execute(insert(hub_facts).values(id=_OLDEST, value=oldest))


def revision(connection: Connection) -> str | None:
    """Of the tables as they are; None = there are none."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
    return found


def known_revisions() -> tuple[str, ...]:
    """All that this program knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")))


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def upgrade(engine: Engine, to: str, vault: Vault | None = None) -> None:
    """Bring the tables to one revision, and no further. Without a vault, only empty ones."""
    with engine.begin() as connection:
        _alembic_upgrade(connection, vault, to)


def _alembic_upgrade(connection: Connection, vault: Vault | None, to: str) -> None:
    from alembic import command

    command.upgrade(_config(connection, vault), to)


def _config(connection: Connection | None = None, vault: Vault | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["vault"] = vault
    return config


def _live_sessions(connection: Connection) -> int:
    if not inspect(connection).has_table(sessions.name):
        return 0
    active = select(func.count()).select_from(sessions).where(sessions.c.phase == SessionPhase.ACTIVE)
    return int(connection.execute(active).scalar_one())
