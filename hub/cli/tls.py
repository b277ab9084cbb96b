"""``tocsin hub tls``: an authority of the hub's own, and certificates of it for web server and broker."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from hub import authority
from hub.authority import AuthorityError
from hub.cli.common import fail
from protocols import codes

tls = typer.Typer(no_args_is_help=True, help="Certificates for the web server and the broker.")

Folder = Annotated[Path, typer.Option("--dir", help="Where the files are.")]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="Name or address by which it is reached; repeat.")]
_HERE = Path("tls")


@tls.command()
def init(host: Annotated[list[str], typer.Option(help="Name or address by which hub and broker are reached; repeat.")],
         folder: Folder = _HERE,
         *, if_missing: Annotated[bool, typer.Option("--if-missing", help="Leave what is there.")] = False,
         ) -> None:  # fmt: skip
    """Make an authority and the first certificates. Gateways will pin the authority: keep its key safe."""
    if if_missing and (folder / f"{authority.AUTHORITY}.key").exists():
        return
    try:
        authority.create(folder, host, datetime.now(UTC))
    except (AuthorityError, OSError, ValueError) as wrong:
        raise fail(str(wrong)) from wrong
    show(folder)


@tls.command()
def renew(folder: Folder = _HERE, host: Hosts = None) -> None:
    """New certificates of the same authority, good for 397 days. Then restart the hub, and reload the broker."""
    try:
        authority.renew(folder, datetime.now(UTC), host or ())
    except (AuthorityError, OSError, ValueError) as wrong:
        raise fail(str(wrong)) from wrong
    show(folder)


@tls.command()
def show(folder: Folder = _HERE) -> None:
    """Who the certificates are for, how long they are good, and by what gateways know the authority."""
    for name in (authority.AUTHORITY, *authority.LEAVES):
        try:
            certificate = authority.read(folder / f"{name}.pem")
        except AuthorityError as wrong:
            raise fail(str(wrong)) from wrong
        typer.echo(f"{name}: {', '.join(authority.names_of(certificate)) or certificate.subject.rfc4514_string()}")
        typer.echo(f"  until {certificate.not_valid_after_utc:%Y-%m-%d}")
        typer.echo(f"  SHA-256 {certificate.fingerprint(hashes.SHA256()).hex(':')}")
        if name == authority.AUTHORITY:
            mark = codes.fingerprint(certificate.public_bytes(Encoding.DER))
            typer.echo(f"  in codes {codes.Code('', mark)}")
