"""Bringing a database to the tables this version needs. Nothing is upgraded under a live session unasked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, inspect, select, text

from hub.domain.session import SessionPhase
from hub.store.tables import sessions

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x70C51  # one replica migrates at a time


class LiveSessionsError(Exception):
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


def prepare(engine: Engine, *, asked: bool = False) -> None:
    """Create or upgrade the tables.

    Args:
        engine: of the database.
        asked: upgrade even while sessions are under way.

    Raises:
        LiveSessionsError: an upgrade is due, sessions are under way, and nobody asked for it.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        config = _config(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        if current == ScriptDirectory.from_config(config).get_current_head():
            return
        live = _live_sessions(connection)
        if live and not asked:
            raise LiveSessionsError(live)
        command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _live_sessions(connection: Connection) -> int:
    if not inspect(connection).has_table(sessions.name):
        return 0
    active = select(func.count()).select_from(sessions).where(sessions.c.phase == SessionPhase.ACTIVE)
    return int(connection.execute(active).scalar_one())
