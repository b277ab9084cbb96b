"""``tocsin hub device``: make labels, enrol, assign, replace keys, take out of use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub import labels
from hub.cases import enrolment
from hub.cases.desk import Desk, Routes
from hub.cases.enrolment import AlreadyThereError, AlreadyWearsError
from hub.cases.sessions import UnknownReferenceError
from hub.cli.common import Config, Organisation, chosen, fail, opened
from hub.store import directory
from protocols.ids import Address, AddressError, WorkerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.enrolment import DeviceShown
    from protocols.ids import OrganisationId

device = typer.Typer(no_args_is_help=True, help="Personal alarms: labels, keys, who wears them.")
At = Annotated[str, typer.Argument(metavar="ADDRESS", help="AA:BB:CC:DD:EE:FF")]
Replace = Annotated[bool, typer.Option("--replace", help="Instead of the one that they wear.")]
_BY = "cli"
Result = TypeVar("Result")


@device.command()
def new(count: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 1,
        print_: Annotated[Path | None, typer.Option("--print", help="HTML file to print labels from.")] = None,
        text: Annotated[bool, typer.Option("--text", help="As text on standard output.")] = False,  # noqa: FBT002 - an option
        ) -> None:  # fmt: skip
    """Make root keys with labels for devices that are to be flashed. Nothing is enrolled yet: see 'device add'."""
    if print_ is None and not text:
        raise fail("say where the labels go: --print FILE.html or --text")
    made = labels.fresh(count)
    if print_ is not None:
        _write_secret(print_, labels.page(made))
        typer.echo(f"{count} label(s) in {print_}. Whoever reads them can speak for the devices: print, then delete.")
    if text:
        typer.echo(labels.text(made))


def _write_secret(path: Path, content: str) -> None:
    """Readable by its owner alone; a file that is there already is not overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as failure:
        raise fail(f"{path}: {failure.strerror}") from failure
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


@device.command()
def add(address: Annotated[str | None, typer.Argument(help="Needed with a bare key only.")] = None,
        key_file: Annotated[str | None, typer.Option(help="Holds the code or key; - = standard input.")] = None,
        label: Annotated[str, typer.Option(help="What people call it.")] = "",
        worker: Annotated[str | None, typer.Option(help="Who wears it from now on.")] = None,
        anew: Annotated[bool, typer.Option("--anew", help="It is known, and was given another key.")] = False,  # noqa: FBT002 - an option
        replace: Replace = False,  # noqa: FBT002 - an option
        config: Config = None, organisation: Organisation = None) -> None:  # fmt: skip
    """Enrol a device by its QR code's content, its typed code, or a key in hexadecimal; asked for if left out."""
    given = None if address is None else _address(address)
    if worker is not None:
        _act(config, organisation, lambda desk, own: _know(desk, own, worker))
    said = _key_text(key_file)

    def work(desk: Desk, own: OrganisationId) -> Address:
        known = enrolment.enrol_device(desk, own, said, label, _BY, address=given, anew=anew)
        if worker is not None:
            enrolment.assign(desk, own, known.address, WorkerId(worker), _BY, replace=replace)
        return known.address

    typer.echo(_act(config, organisation, work))


def _address(text: str) -> Address:
    try:
        return Address(text)
    except AddressError as wrong:
        raise fail(str(wrong)) from wrong


def _know(desk: Desk, own: OrganisationId, worker: str) -> None:
    """Before somebody types a long code for nothing."""
    if directory.get_worker(desk.tx, own, worker) is None:
        raise UnknownReferenceError("worker", worker)


def _key_text(key_file: str | None) -> str:
    """Asked for without an echo at a terminal; elsewhere the next line of standard input."""
    if key_file is None and sys.stdin.isatty():
        asked: str = typer.prompt("Code or key", hide_input=True)
        return asked
    if key_file is None:
        typer.echo("Code or key, from standard input:", err=True)
        return sys.stdin.readline()
    try:
        return sys.stdin.read() if key_file == "-" else Path(key_file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise fail(f"{key_file}: {failure}") from failure


def _act(config: Path | None, organisation: str | None, work: Callable[[Desk, OrganisationId], Result]) -> Result:
    with opened(config) as store:
        try:
            return store.write(lambda tx: work(Desk(tx, Routes()), chosen(tx, organisation)))
        except AlreadyThereError as wrong:
            raise fail(f"{wrong}; with a new key: --anew") from wrong
        except AlreadyWearsError as wrong:
            raise fail(f"{wrong} Then with --replace") from wrong


@device.command("list")
def list_(config: Config = None, organisation: Organisation = None) -> None:
    """Every device: who wears it, when it was heard, how far it has come with its keys."""
    with opened(config) as store:
        for shown in store.read(lambda tx: enrolment.devices_shown(tx, chosen(tx, organisation))):
            typer.echo(_line(shown))


@device.command()
def show(address: At, config: Config = None, organisation: Organisation = None) -> None:
    """One device."""
    with opened(config) as store:
        own = store.read(lambda tx: chosen(tx, organisation))
        store.read(lambda tx: enrolment.known_device(tx, own, Address(address)))
        found = store.read(lambda tx: enrolment.devices_shown(tx, own))
        typer.echo("\n".join(_facts(next(one for one in found if one.device.address == Address(address)))))


def _line(shown: DeviceShown) -> str:
    heard = "never heard" if shown.seen is None else f"heard {shown.seen.heard_at.isoformat(timespec='seconds')}"
    return f"{shown.device.address}  {_state(shown):<12} {shown.device.label}  {heard}"


def _state(shown: DeviceShown) -> str:
    if shown.device.revoked_at is not None:
        return "revoked"
    if shown.device.withdrawn_at is not None:
        return "withdrawn"
    return shown.worker or "pooled"


def _facts(shown: DeviceShown) -> list[str]:
    said = [_line(shown)]
    if shown.seen is not None:
        said.append(f"battery {shown.seen.battery} %, last heard by {shown.seen.gateway}")
    if shown.key is not None:
        taken = "none yet" if shown.key.taken is None else str(shown.key.taken)
        said.append(f"root key {shown.key.enrolment}, working key {shown.key.ordered} ordered, taken: {taken}")
    if shown.device.proved_at is not None:
        said.append(f"last tested {shown.device.proved_at.isoformat(timespec='seconds')}")
    return said


@device.command()
def assign(address: At, worker: str, config: Config = None, organisation: Organisation = None,
           replace: Replace = False) -> None:  # noqa: FBT002 - an option  # fmt: skip
    """From now on this worker, and nobody else, wears it."""
    which = _address(address)
    _act(
        config,
        organisation,
        lambda desk, own: enrolment.assign(desk, own, which, WorkerId(worker), _BY, replace=replace),
    )
    typer.echo(f"{which} is worn by {worker}.")


@device.command()
def unassign(address: At, config: Config = None, organisation: Organisation = None) -> None:
    """From now on nobody wears it."""
    _act(config, organisation, lambda desk, own: enrolment.unassign(desk, own, Address(address), _BY))


@device.command()
def swap(old: At, new_: Annotated[str, typer.Argument(metavar="NEW")], config: Config = None,
         organisation: Organisation = None) -> None:  # fmt: skip
    """Whoever wears the one wears the other from now on."""
    typer.echo(
        _act(config, organisation, lambda desk, own: enrolment.swap(desk, own, Address(old), Address(new_), _BY))
    )


@device.command()
def withdraw(address: At, config: Config = None, organisation: Organisation = None) -> None:
    """Out of use; should somebody press it, it still pages."""
    _act(config, organisation, lambda desk, own: enrolment.withdraw(desk, own, Address(address), _BY))


@device.command()
def revoke(address: At, config: Config = None, organisation: Organisation = None) -> None:
    """Lost or stolen: its key leaves the gateways and proves nothing any more."""
    _act(config, organisation, lambda desk, own: enrolment.revoke_device(desk, own, Address(address), _BY))


@device.command()
def rekey(address: At, config: Config = None, organisation: Organisation = None,
          suspect: Annotated[bool, typer.Option("--suspect", help="Somebody may have the old key.")] = False,  # noqa: FBT002 - an option
          ) -> None:  # fmt: skip
    """Order the next working key; the device takes it when it is heard."""
    _act(
        config,
        organisation,
        lambda desk, own: enrolment.rekey_device(desk, own, Address(address), _BY, suspect=suspect),
    )
