"""``tocsin device``: what the personal alarm's program can be asked without a personal alarm."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.falls import recordings
from simulator.falls.score import score as score_all

if TYPE_CHECKING:
    from simulator.falls.score import Score

app = typer.Typer(no_args_is_help=True, help="The personal alarm's own program.")


@app.callback()
def _group() -> None:
    """The personal alarm's own program."""


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(help="With NAME.csv and NAME.i16.gz, see docs/falls.md.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002 - typer
) -> None:
    """Run the fall detector over recordings: what it found, missed, and took for a fall."""
    try:
        scores = score_all(recordings.of_folder(folder))
    except recordings.RecordingsError as wrong:
        typer.secho(str(wrong), fg="red", err=True)
        raise typer.Exit(code=1) from wrong
    if as_json:
        found = [{"dataset": name, "position": at, **one.as_json()} for (name, at), one in scores.items()]
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(_HEAD)
    for (name, position), one in scores.items():
        typer.echo(_line(name, position, one))


_HEAD = "data set            position       falls others    Se %    Sp %    F1 %  false/h  delay s"


def _line(name: str, position: str, one: Score) -> str:
    figures = [(one.sensitivity, 8), (one.specificity, 8), (one.f1, 8), (one.false_per_hour, 9), (one.delay_s, 9)]
    shown = "".join(f"{'-' if figure is None else format(figure, '.2f'):>{width}}" for figure, width in figures)
    details = "".join(
        f"\n    {what} in " + ", ".join(f"{activity} {times}" for activity, times in sorted((+counted).items()))
        for what, counted in (("false alarms", one.disturbed), ("missed", one.missed))
        if counted.total()
    )
    return f"{name:<20.19}{position:<14.13}{one.falls:>6}{one.others:>7}{shown}{details}"
