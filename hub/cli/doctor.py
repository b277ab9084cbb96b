"""``tocsin hub doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from hub import doctor as looking
from hub.cli.common import Config, fail, settings
from hub.doctor import ways
from tocsin.doctor import Check, Verdict, report
from tocsin.settings import SettingsError


def doctor(
    config: Config = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="For monitoring.")] = False,
    send_test: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Also send a test mail there.")] = None,
) -> None:
    """Look everything over, and say what to do. Exit code 0: all well, 1: needs care, 2: broken."""
    try:
        checks = looking.checks(config)
    except SettingsError as wrong:
        fail(str(wrong))
        raise typer.Exit(code=Verdict.FAIL) from wrong
    if send_test is not None:
        loaded = settings(config)
        checks.append(Check("test mail", lambda: ways.send_test(loaded, send_test), "see [email] in the settings"))
    report(checks, json_=json)
