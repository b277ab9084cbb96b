"""The database and what keeps it: tables, keys, journal, backups."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hub.backup import seals
from hub.doctor.wording import age
from hub.store import directory, faults, journal, outbox, restores, schema, vault
from hub.store.faults import FaultKind
from hub.store.store import Store, StoreUnavailableError, open_engine
from hub.store.tables import outbox as outbox_rows
from hub.store.vault import Vault, new_key
from tocsin import checks as common
from tocsin.doctor import Finding, fail, ok, warn
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.settings import HubSettings
    from hub.store.store import Tx

_BACKUP_WARN: Final = timedelta(hours=26)
_BACKUP_FAIL: Final = timedelta(days=8)
_WAITS_WARN: Final = timedelta(minutes=2)


@contextmanager
def opened(settings: HubSettings, keys: Vault | None = None) -> Iterator[Store]:
    """The database as it is. Without its keys, everything but what is sealed can still be looked at."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise FileNotFoundError(f"there is no database at {url.database}: wrong settings, or never started")
    with closing(Store(open_engine(settings.database_url()), keys or Vault([new_key()]))) as store:
        yield store


def look(settings: HubSettings, work: Callable[[Tx], Finding]) -> Finding:
    """What ``work`` finds. Why the database can't be read is the finding of :func:`database`."""
    try:
        with opened(settings) as store:
            return store.read(work)
    except (OSError, SettingsError, SQLAlchemyError, StoreUnavailableError):
        return fail("the database can't be read, or is not of this version", "see 'database'")


def database(settings: HubSettings) -> Finding:
    with opened(settings) as store:
        return store.read(_sqlite if store.is_sqlite else _postgres)


def _revision(tx: Tx) -> Finding | None:
    present, known = schema.revision(tx.connection), schema.known_revisions()
    if present == known[-1]:
        return None
    if present in known:
        return warn(f"its tables are of revision {present}, this program's of {known[-1]}", "run 'tocsin hub migrate'")
    return fail(f"its tables are of revision {present}, which this program does not know", "run the newer program")


def _sqlite(tx: Tx) -> Finding:
    problem = tx.connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if problem != "ok":
        return fail(f"SQLite is damaged: {problem}", "stop the hub, and restore the last backup with --replace")
    return _revision(tx) or ok(f"SQLite, whole, synchronous=FULL, revision {schema.revision(tx.connection)}")


def _postgres(tx: Tx) -> Finding:
    wanted = ("fsync", "synchronous_commit", "full_page_writes")
    off = [name for name in wanted if tx.connection.execute(text(f"SHOW {name}")).scalar_one() == "off"]
    if off:
        return fail(f"PostgreSQL with {', '.join(off)} off: a power cut may lose alarms", "switch them on")
    if shutil.which("pg_dump") is None:
        return warn("answers, but pg_dump is missing here: no backup can be made", "install postgresql-client")
    version = tx.connection.execute(text("SHOW server_version")).scalar_one()
    return _revision(tx) or ok(f"PostgreSQL {version}, commits are synced, revision {schema.revision(tx.connection)}")


def keys(settings: HubSettings) -> Finding:
    path = settings.keys_path
    mode = common.secret_file(path)
    if mode.advice:
        return mode
    with opened(settings, vault.read(path)) as store:
        closed = store.read(lambda tx: list(seals.unopened(tx)))
    if closed:
        advice = "put the right key file back; see 'the key file is lost' in the docs"
        return fail(f"{len(closed)} secrets don't open: {closed[0]}", advice)
    return ok(f"{mode.measured}, opens everything that is sealed")


def chains(settings: HubSettings) -> Finding:
    return look(settings, _journal_holds)


def _journal_holds(tx: Tx) -> Finding:
    breaks = list(journal.verify(tx))
    if breaks:
        first = breaks[0]
        where = f"{first.organisation} {first.chain} entry {first.number}: {first.what}"
        return fail(
            f"{len(breaks)} places where it does not hold: {where}",
            "keep the database as it is, and find out who changed it",
        )
    return ok(f"every chain holds, {journal.newest(tx)} entries")


def backup(settings: HubSettings) -> Finding:
    return look(settings, _backed_up)


def _backed_up(tx: Tx) -> Finding:
    at = restores.backed_up_at(tx)
    advice = "run 'tocsin hub backup' every night: deploy/systemd/tocsin-backup.timer does"
    if at is None:
        return warn("none was ever made", advice)
    past = tx.now - at
    measured = f"the last whole one was taken {age(past)} ago"
    if past > _BACKUP_FAIL:
        return fail(measured, advice)
    return warn(measured, advice) if past > _BACKUP_WARN else ok(measured)


def restore(settings: HubSettings) -> Finding:
    return look(settings, _restored)


def _restored(tx: Tx) -> Finding:
    done = restores.last(tx)
    if done is None:
        return ok("never restored from a backup")
    measured = f"restored {age(tx.now - done.at)} ago from a backup of {done.taken_at:%Y-%m-%d %H:%M %Z}"
    kinds = {each.kind for known in directory.all_organisations(tx) for each in faults.listed(tx, known.id)}
    if FaultKind.RESTORED in kinds:
        return warn(
            f"{measured}, and not looked through", "see 'the restore drill' in the docs, then 'tocsin hub reviewed'"
        )
    return ok(f"{measured}, and looked through since")


def waiting(settings: HubSettings) -> Finding:
    return look(settings, _waits)


def _waits(tx: Tx) -> Finding:
    depth = outbox.depth(tx)
    unsent = outbox_rows.c.due_at.is_not(None)
    oldest = tx.connection.execute(select(func.min(outbox_rows.c.created_at)).where(unsent)).scalar_one()
    if oldest is None:
        return ok("nothing waits")
    measured = f"{depth} to be sent, the oldest for {age(tx.now - oldest)}"
    late = tx.now - oldest > _WAITS_WARN
    return warn(measured, "see which channel fails, on the page of faults") if late else ok(measured)
