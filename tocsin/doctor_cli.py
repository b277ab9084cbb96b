"""``tocsin doctor``: look over whatever of Tocsin is set up on this machine."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.config_cli import GROUP
from tocsin.doctor import Check, Finding, fail, report, warn
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def doctor(*, json: Annotated[bool, typer.Option("--json", help="For monitoring.")] = False) -> None:
    """Look over what is set up here, hub or gateway. Exit code 0: all well, 1: needs care, 2: broken."""
    checks = [check for name, program in _programs() for check in _checks(name, program)]
    report(checks or [Check("set up", _nothing, "")], json_=json)


def _nothing() -> Finding:
    return warn(
        "nothing of Tocsin is set up in /etc/tocsin, and no gateway is enrolled here",
        "elsewhere: tocsin hub doctor --config FILE, or tocsin gateway doctor --config FILE",
    )


def _programs() -> Iterator[tuple[str, ModuleType]]:
    """Those that are installed and set up here. Each has a module ``doctor``."""
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            program = import_module(f"{entry.module.partition('.')[0]}.doctor")
        except ModuleNotFoundError:
            continue
        if program.is_set_up():
            yield entry.name, program


def _checks(name: str, program: ModuleType) -> list[Check]:
    config = program.CONFIG if program.CONFIG.exists() else None
    try:
        return [replace(check, name=f"{name}: {check.name}") for check in program.checks(config)]
    except SettingsError as wrong:
        finding = fail(" ".join(str(wrong).split()), "correct the settings")
        return [Check(f"{name}: settings", lambda: finding, "")]
