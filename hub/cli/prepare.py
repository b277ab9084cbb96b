"""``tocsin hub prepare``: everything that hub and broker need before their first start."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub import authority
from hub.authority import AUTHORITY, LEAVES, AuthorityError
from hub.cli import access
from hub.cli.common import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOR: Final = {
    "tocsin-broker": ("tls/authority.pem", "tls/broker.pem", "tls/broker.key", "access/seed.json"),
    "tocsin-hub": ("tls/authority.pem", "tls/web.pem", "tls/web.key", "access/hub.password", "access/admin.password"),
}
"""Service, and name of its directory -> what it gets. In the order in which they are restarted."""


def prepare(
    host: Annotated[list[str], typer.Option(help="Name or address by which hub and broker are reached; repeat.")],
    under: Annotated[
        Path, typer.Option(envvar="TOCSIN_STATE_DIR", help="Gets tocsin-authority, tocsin-hub and tocsin-broker.")
    ] = Path("/var/lib"),
) -> None:
    """Make certificates and passwords, and give hub and broker theirs. What is there stays, unless it runs out.

    May be run again at any time, as who runs hub and broker. Restart both when it says that there is something new.
    """
    authority_dir = under / "tocsin-authority"
    try:
        _certificates(authority_dir / "tls", host, datetime.now(UTC))
        access.make(authority_dir / "access", if_missing=True)
        new = {name: _deliver(authority_dir, under / name, files) for name, files in _FOR.items()}
    except (AuthorityError, OSError, ValueError) as wrong:
        raise fail(str(wrong)) from wrong
    typer.echo("\n".join(_said(new)))


def _said(new: dict[str, list[Path]]) -> Iterator[str]:
    for paths in new.values():
        yield from (f"new: {path}" for path in paths)
    changed = [name for name, paths in new.items() if paths]
    yield f"Restart, if it runs already: {', '.join(changed)}." if changed else "Nothing to do."


def _certificates(folder: Path, hosts: list[str], now: datetime) -> None:
    if not (folder / f"{AUTHORITY}.key").exists():
        authority.create(folder, hosts, now)
    elif any(_is_to_be_renewed(folder / f"{leaf}.pem", hosts, now) for leaf in LEAVES):
        authority.renew(folder, now, hosts)


def _is_to_be_renewed(certificate: Path, hosts: list[str], now: datetime) -> bool:
    if authority.runs_out(certificate, now) is not None:
        return True
    return not set(hosts) <= set(authority.names_of(authority.read(certificate)))


def _deliver(source: Path, target: Path, names: tuple[str, ...]) -> list[Path]:
    """Copy what differs; only the owner may look into the folders. Returns what was copied."""
    new = [name for name in names if not _same(source / name, target / name)]
    for name in new:
        (target / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target / f"{name}.new"
        shutil.copy2(source / name, fresh)
        fresh.replace(target / name)
    return [target / name for name in new]


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()
