"""``tocsin simulate explore``: many seeds, and the story of each that went wrong."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from simulator.explore.story import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from simulator.explore.world import Result

_MINUTE_S: Final = 60.0
_MINUTES: Final = 2.5


def explore(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.5, help="How long things go wrong in each.")] = _MINUTES,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the seeds.")] = 1,
    plant: Annotated[str | None, typer.Option(help="Put this fault into the product first; see docs.")] = None,
    story: Annotated[bool, typer.Option("--story", help="Tell every story, not only those that went wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON per seed.")] = False,
) -> None:
    """Let worlds happen in which everything goes wrong, and look for lost alarms in them."""
    from simulator.explore.planted import FAULTS

    if plant is not None and plant not in FAULTS:
        raise typer.BadParameter(f"no such fault; there are: {', '.join(FAULTS)}", param_hint="--plant")
    live = partial(one, storm_s=minutes * _MINUTE_S, plant=plant)
    wrong = 0
    for result in _each(live, range(first_seed, first_seed + seeds), jobs):
        wrong += bool(result.violations)
        _say(result, whole=story, as_json=as_json)
    if not as_json:
        typer.echo(f"{seeds} seeds from {first_seed} on, {wrong} went wrong")
    if wrong:
        raise typer.Exit(code=1)


def one(seed: int, *, storm_s: float = _MINUTES * _MINUTE_S, plant: str | None = None) -> Result:
    """One seed, in a product with or without a planted fault."""
    from simulator.explore import world
    from simulator.explore.planted import planted

    with nullcontext() if plant is None else planted(plant):
        return world.explore(seed, storm_s=storm_s)


def _each(live: Callable[[int], Result], seeds: Iterable[int], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(live, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(live, seeds, chunksize=4)


def _say(result: Result, *, whole: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_facts(result, whole=whole)))
        return
    if result.violations or whole:
        typer.echo(f"\nseed {result.seed}:\n" + "\n".join(result.lines))
    for violation in result.violations:
        typer.secho(f"seed {result.seed}: {stamp(violation.at)} {violation.rule}: {violation.what}", fg="red")


def _facts(result: Result, *, whole: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "seed": result.seed,
        "recorded": result.recorded,
        "kills": result.kills,
        "violations": [{"rule": one.rule, "what": one.what, "at": round(one.at, 3)} for one in result.violations],
    }
    return facts | ({"story": result.lines} if whole or result.violations else {})
