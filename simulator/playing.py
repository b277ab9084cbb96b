"""A scenario played in the world that is on the page, step by step."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from simulator import scenario
from simulator.part import NotReadyError
from simulator.play import Player, StoryError
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.deployment import Deployment
    from simulator.scenario import Scenario, Step

SHIPPED: Final = Path(str(files("simulator") / "scenarios"))


class StepState(StrEnum):
    """How far a sentence has come."""

    WAITING = "waiting"
    DOING = "doing"
    TRUE = "true"
    FALSE = "false"


class StepView(BaseModel):
    text: str
    state: StepState = StepState.WAITING
    said: str = ""


class PlayView(BaseModel):
    """A scenario on the stage. ``over`` when nothing more will happen."""

    name: str
    title: str
    steps: list[StepView]
    over: bool = False


class BusyStageError(Exception):
    """Another scenario is being played."""

    def __init__(self, title: str) -> None:
        super().__init__(f"already playing: {title}")
        self.title = title


def shipped() -> dict[str, Scenario]:
    """By name."""
    return {path.stem: scenario.load(path) for path in sorted(SHIPPED.glob("*.toml"))}


def find(name: str) -> Scenario:
    """A shipped scenario.

    Raises:
        UnknownNameError: there is none of that name.
    """
    known = shipped()
    if name not in known:
        raise UnknownNameError("scenario", name, known)
    return known[name]


class Playing:
    """One at a time, on a thread of its own.

    Args:
        deployment: on what it is played.
        prepare: puts everything as it was.
    """

    def __init__(self, deployment: Deployment, prepare: Callable[[], None]) -> None:
        self._deployment = deployment
        self._prepare = prepare
        self._lock = threading.Lock()
        self.view: PlayView | None = None

    def play(self, name: str) -> None:
        """Begin.

        Raises:
            UnknownNameError: there is none of that name, or somebody in it is not in this world.
            BusyStageError: another one is being played.
        """
        story = find(name)
        for person in story.people:
            self._deployment.hosted.site.person(person)
        with self._lock:
            if self.view is not None and not self.view.over:
                raise BusyStageError(self.view.title)
            self.view = PlayView(name=name, title=story.title, steps=[StepView(text=line) for line in story.story])
        threading.Thread(target=self._run, args=(story, self.view), name="scenario", daemon=True).start()

    def _run(self, story: Scenario, view: PlayView) -> None:
        try:
            self._prepare()
            with closing(Player(self._deployment)) as player:
                all(self._step(player, step, shown) for step, shown in zip(story.steps(), view.steps, strict=True))
        except NotReadyError as failure:
            view.steps[0].state, view.steps[0].said = StepState.FALSE, str(failure)
        finally:
            view.over = True

    def _step(self, player: Player, step: Step, shown: StepView) -> bool:
        shown.state, began = StepState.DOING, time.monotonic()
        try:
            player.play(step)
        except StoryError as failure:
            shown.state, shown.said = StepState.FALSE, f"found {failure.found!r}"
            return False
        shown.state, shown.said = StepState.TRUE, f"{time.monotonic() - began:.1f} s"
        return True
