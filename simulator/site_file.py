"""The file that tells others where a running site is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "site.json"


class Ports(BaseModel):
    """Where a running site is.

    Attributes:
        api: URL of the page and the control API, without a slash at the end.
        smtp_port: of the mailbox, on loopback.
        hci: ``host:port`` of each gateway's controller, by the gateway's name.
        clock: file of the world's time.
    """

    api: str
    smtp_port: int
    hci: dict[str, str]
    clock: str


def write(state: Path, ports: Ports) -> None:
    new = state / f"{FILE}.new"
    new.write_text(ports.model_dump_json(indent=2), "utf-8")
    new.replace(state / FILE)


def remove(state: Path) -> None:
    (state / FILE).unlink(missing_ok=True)


def find(state: Path) -> Ports:
    """Where the site with this state directory is.

    Raises:
        SettingsError: no site runs there.
    """
    file = state / FILE
    try:
        return Ports.model_validate_json(file.read_text("utf-8"))
    except OSError as missing:
        raise SettingsError(str(file), ["no site runs here; start one with 'tocsin simulate site'"]) from missing
    except ValidationError as broken:
        raise SettingsError(str(file), ["is not what a site writes"]) from broken
