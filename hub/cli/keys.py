"""``tocsin hub keys``: the keys that are kept outside the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hub.cli.common import Config, fail, opened, settings
from hub.store import sealed, vault
from hub.store.vault import SealedError
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.store import Store

keys = typer.Typer(no_args_is_help=True, help="The keys that are kept outside the database.")


@keys.callback()
def _keys() -> None:
    """The keys that are kept outside the database."""


@keys.command()
def rotate(config: Config = None) -> None:
    """Make a new key, seal everything anew under it, drop the old one. Interrupted at any point, run it again."""
    path = settings(config).keys_path
    with opened(config) as store:
        try:
            count = rotate_vault(store, path)
        except (SealedError, SettingsError) as wrong:
            raise fail(f"{wrong}; the old key is still in {path}") from wrong
    typer.secho(f"{count} secret(s) sealed anew. Copy {path} to where you keep its copy.", fg="green")


def rotate_vault(store: Store, path: Path) -> int:
    """Seal everything under a new key; how many values. A hub that runs beside it reads the file again by itself.

    The file holds both keys until nothing is left under the old one: at every moment everything opens.

    Raises:
        SealedError: a value opens under none of the keys.
        SettingsError: the key file can't be read.
    """
    known = vault.keys_in(path)
    if len(known) == 1:  # else one was interrupted: it is finished
        known = [vault.new_key(), *known]
        vault.write(path, known)
    newest, count = vault.key_id(known[0]), 0
    while store.read(lambda tx: sealed.left(tx, newest)):
        count += store.write(lambda tx: sealed.reseal(tx, newest))
    vault.write(path, known[:1])
    return count
