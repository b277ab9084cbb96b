"""``tocsin hub backup``, ``restore``, ``migrate``. Exit codes: 0 done; 1 not done; 2 done, but something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from sqlalchemy.exc import SQLAlchemyError

from hub.backup import checking, keeping, restore, take
from hub.backup.manifest import BackupError
from hub.cases import restoring
from hub.cases.desk import Desk, Routes
from hub.cli.common import Config, fail, open_store, opened, settings
from hub.store import restores, schema, vault
from hub.store.store import StoreUnavailableError
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.backup.manifest import Manifest
    from hub.backup.target import Restored
    from hub.cases.restoring import Aftermath
    from hub.settings import HubSettings
    from hub.store.credentials import CredentialRecord
    from hub.store.store import Store
    from hub.store.vault import Vault

WRONG: Final = 2
_FAILURES: Final = (BackupError, StoreUnavailableError, schema.SchemaError, SQLAlchemyError, SettingsError)


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; a folder gets a file named by the time.")],
    config: Config = None,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Make none; check the one at FILE.")] = False,
    keep: Annotated[int | None, typer.Option(min=1, help="In a folder: how many backups stay.")] = None,
) -> None:
    """Back up the database while the hub runs, and check the backup."""
    loaded = settings(config)
    try:
        if verify:
            _say_checked(*checking.check(file, _keys(loaded)), file)
            return
        _back_up(loaded, file, keep)
    except _FAILURES as wrong:
        raise fail(str(wrong)) from wrong


def _back_up(loaded: HubSettings, file: Path, keep: int | None) -> None:
    into_folder = file.is_dir() or keep is not None
    path = file / keeping.name(datetime.now(UTC)) if into_folder else file
    store = open_store(loaded)
    try:
        manifest = take.backup(store, path)
        problems = checking.check(path, store.vault)[1]
        _say_checked(manifest, problems, path)
        _note(store, manifest)
    finally:
        store.close()
    typer.echo(_not_inside(loaded))
    for gone in () if keep is None else keeping.thin(file, keep):
        typer.echo(f"Removed {gone.name}.")


def _note(store: Store, manifest: Manifest) -> None:
    if manifest.revision == schema.known_revisions()[-1]:
        store.write(lambda tx: restores.note_backup(tx, manifest.taken_at))


def _say_checked(manifest: Manifest, problems: list[str], path: Path) -> None:
    rows = sum(manifest.rows.values())
    about = f"{path}: {manifest.database}, taken {manifest.taken_at:%Y-%m-%d %H:%M:%S %Z}, {rows} rows, "
    typer.echo(f"{about}{manifest.journal.entries} journal entries, tables of revision {manifest.revision}.")
    for problem in problems:
        typer.secho(f"  {problem}", fg="red", err=True)
    if problems:
        raise typer.Exit(code=WRONG)
    typer.secho("Whole: its sums are right, its journal holds, and the key file opens its secrets.", fg="green")


def _not_inside(loaded: HubSettings) -> str:
    return (
        f"Not in it: the key file {loaded.keys_path}. Without it the secrets in this backup open for nobody. Keep a "
        "copy of it, and of the settings and certificates, in another place than the backups (a sealed envelope in a "
        "safe, a password manager): whoever has both has everything."
    )


def _keys(loaded: HubSettings) -> Vault:
    """The keys at hand; none is made here, it would open nothing.

    Raises:
        SettingsError: there are none.
    """
    return vault.read(loaded.keys_path)


def restore_(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    config: Config = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Move aside what is in the database.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Though checking finds something wrong.")] = False,
) -> None:
    """Restore a backup. Stop the hub first. What is in the database is moved aside, never deleted."""
    loaded = settings(config)
    try:
        _check_before(file, loaded, anyway=anyway)
        now = datetime.now(UTC)
        done = restore.restore(file, loaded.database_url(), _keys(loaded), _routes(loaded), replace=replace, now=now)
    except _FAILURES as wrong:
        raise fail(str(wrong)) from wrong
    for line in _report(done):
        typer.echo(line)


def _check_before(file: Path, loaded: HubSettings, *, anyway: bool) -> None:
    problems = checking.check(file, _keys(loaded))[1]
    for problem in problems:
        typer.secho(f"  {problem}", fg="red", err=True)
    if problems and not anyway:
        raise BackupError(file, "something is wrong with it; --anyway restores it all the same")


def _routes(loaded: HubSettings) -> Routes:
    """How people are reached, as the hub itself sees it."""
    from hub.app import routes_of

    return routes_of(loaded)


def _report(done: Restored) -> Iterator[str]:
    after = done.aftermath
    yield f"Restored as of {done.manifest.taken_at:%Y-%m-%d %H:%M:%S %Z} (restore {after.restore.number})."
    yield f"What was in the database is now in {done.aside}." if done.aside else "The database was empty before."
    yield f"Ended: {after.sign_ins} sign-ins, {after.codes} enrolment codes, {after.tokens} API tokens."
    yield f"Dropped: {after.notices} old notices. Live: {after.incidents} incidents, {after.sessions} sessions."
    yield from _carried(after) if after.remembers else _to_review(after.to_review)
    yield ""
    yield "Then start the hub, and:"
    yield "  1. Find out who is out now and log their sessions: those logged since the backup are not known."
    yield "  2. Deal with each alarm that comes in again; it says when it was observed."
    yield "  3. Run 'tocsin hub doctor'; gateways it misses need a new code (they keep their alarms meanwhile)."
    yield "  4. When all is looked through: tocsin hub reviewed YOUR-NAME"


def _carried(after: Aftermath) -> Iterator[str]:
    yield "Gateways, devices, people and tokens are as they were before the restore: what was revoked stays revoked,"
    yield "what was enrolled since is known, and everybody has today's password and role."
    if after.left_out:
        yield ""
        yield "BUT NOT THESE: look at each before you start the hub."
    for each in after.left_out:
        yield f"  {each}"


def _to_review(records: tuple[CredentialRecord, ...]) -> Iterator[str]:
    yield ""
    yield "BEFORE you start the hub: these gateways may connect again. Was one lost, stolen or revoked since the"
    yield "backup? Then: tocsin hub gateway revoke ID"
    for record in records:
        proved = "never used" if record.proved_at is None else f"first used {record.proved_at:%Y-%m-%d}"
        yield f"  {record.organisation}/{record.gateway}: credential {record.generation}, {proved}"
    yield "A gateway that changed its credential since the backup can't come in with the new one: give it a new code."
    yield "Look through devices and accounts in the same way: what was revoked, closed or demoted since is open again,"
    yield "what was enrolled since is unknown, and passwords are those of the backup."


def reviewed(by: Annotated[str, typer.Argument(help="Who looked.")], config: Config = None) -> None:
    """Say that everything that a restore may have made good again was looked through."""
    with opened(config) as store:
        done = store.write(lambda tx: restoring.reviewed(Desk(tx, Routes()), by))
    typer.echo("Noted." if done else "There is nothing to look through.")


def migrate(
    config: Config = None,
    *,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="You have one.")] = False,
) -> None:
    """Bring the database to this version, even while sessions are under way; a backup is made first."""
    loaded = settings(config)
    store = open_store(loaded)
    try:
        if not no_backup:
            _back_up_first(loaded, store)
        schema.prepare(store.engine, store.vault, asked=True)
    except _FAILURES as wrong:
        raise fail(str(wrong)) from wrong
    finally:
        store.close()
    typer.secho("The database is up to date.", fg="green")


def _back_up_first(loaded: HubSettings, store: Store) -> None:
    """Unless the tables are up to date, or there are none. Beside the key file, since both are the hub's."""
    with store.engine.connect() as connection:
        present = schema.revision(connection)
    if present is None or present == schema.known_revisions()[-1]:
        return
    path = loaded.keys_path.with_name(f"before-{present}-{keeping.name(datetime.now(UTC))}")
    take.backup(store, path)
    typer.echo(f"Backed up to {path}.")
