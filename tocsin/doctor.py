"""Looking a program over: each check by itself, with a time limit; what was measured, and what to do.

Exit codes of the commands: 0 all well, 1 something needs care, 2 something is broken.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import threading
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import typer

from tocsin.log import configure
from tocsin.settings import LogSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LIMIT_S: Final = 20.0
"""A check that has not come back by then has failed; the others don't wait for it."""
_SAID_MAX: Final = 500
_PLAIN: Final[dict[type[BaseException], str]] = {
    socket.gaierror: "no machine of that name is found: is it spelt rightly, and does the name server answer?",
    ConnectionRefusedError: "the machine is there, but nothing listens at that port",
    TimeoutError: "no answer in time",
    smtplib.SMTPAuthenticationError: "the mail server takes neither this name nor this password",
}


class Verdict(IntEnum):
    """How bad it is; also the exit code."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        measured: in words, without secrets.
        advice: what to do; empty when all is well.
    """

    verdict: Verdict
    measured: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: short and lasting: monitoring goes by it.
        look: looks; whatever it raises is a failure.
        advice: what to do when it raises, or does not come back.
    """

    name: str
    look: Callable[[], Finding]
    advice: str


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with the name of its check."""

    name: str
    verdict: str
    measured: str
    advice: str


def ok(measured: str) -> Finding:
    return Finding(Verdict.OK, measured)


def warn(measured: str, advice: str) -> Finding:
    return Finding(Verdict.WARN, measured, advice)


def fail(measured: str, advice: str) -> Finding:
    return Finding(Verdict.FAIL, measured, advice)


def examine(checks: Sequence[Check], *, limit_s: float = LIMIT_S) -> list[Result]:
    """All checks side by side, in the order given. One that hangs holds up nothing, not even the end of the program."""
    futures = [_begin(check) for check in checks]
    wait(futures, timeout=limit_s)
    return [_result(check, future, limit_s) for check, future in zip(checks, futures, strict=True)]


def _begin(check: Check) -> Future[Finding]:
    future: Future[Finding] = Future()

    def run() -> None:
        try:
            future.set_result(check.look())
        except BaseException as failure:  # noqa: BLE001 - it is what the check found
            future.set_exception(failure)

    threading.Thread(target=run, name=f"check-{check.name}", daemon=True).start()
    return future


def _result(check: Check, future: Future[Finding], limit_s: float) -> Result:
    if not future.done():
        found = fail(f"no answer within {limit_s:g} s", check.advice)
    elif (failure := future.exception()) is not None:
        found = fail(words(failure), check.advice)
    else:
        found = future.result()
    return Result(check.name, found.verdict.name.lower(), found.measured, found.advice)


def words(failure: BaseException) -> str:
    """What went wrong, for people; a settings error says where by itself."""
    if isinstance(failure, SettingsError):
        return " ".join(str(failure).split())[:_SAID_MAX]
    plain = next((said for each in _causes(failure) if (said := _plainly(each)) is not None), None)
    said = " ".join(str(failure).split()) or type(failure).__name__
    return plain or f"{type(failure).__name__}: {said}"[:_SAID_MAX]


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """The failure, and what it came from."""
    cause: BaseException | None = failure
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _plainly(failure: BaseException) -> str | None:
    """The common ones; None for others."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {failure.verify_message}"
    if isinstance(failure, FileNotFoundError):
        return f"there is no {failure.filename}" if failure.filename else str(failure)
    if isinstance(failure, PermissionError) and failure.filename:
        return f"{failure.filename} may not be read by this user"
    return next((said for kind, said in _PLAIN.items() if isinstance(failure, kind)), None)


def worst(results: Sequence[Result]) -> Verdict:
    return max((Verdict[result.verdict.upper()] for result in results), default=Verdict.OK)


def as_json(results: Sequence[Result]) -> str:
    """For monitoring: ``{"verdict": …, "checks": [{"name", "verdict", "measured", "advice"}, …]}``."""
    found = {"verdict": worst(results).name.lower(), "checks": [asdict(result) for result in results]}
    return json.dumps(found, indent=2, ensure_ascii=False)


def as_lines(results: Sequence[Result]) -> Iterator[str]:
    """For a person."""
    width = max((len(result.name) for result in results), default=0)
    for result in results:
        yield f"{result.verdict:<5} {result.name:<{width}}  {result.measured}"
        if result.advice:
            yield f"{'':<5} {'':<{width}}  -> {result.advice}"


def report(checks: Sequence[Check], *, json_: bool) -> None:
    """Look, print, and end with the exit code that says how bad it is."""
    configure(LogSettings(level="error"))
    results = examine(checks)
    if json_:
        typer.echo(as_json(results))
    else:
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        for line in as_lines(results):
            typer.secho(line, fg=colours.get(line.split(maxsplit=1)[0] if line.strip() else ""))
    raise typer.Exit(code=int(worst(results)))
