"""Where a scenario is played: a whole Tocsin in a folder that is thrown away."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.deployment import Deployment, Plan
from simulator.part import NotReadyError
from simulator.play import Player, StoryError
from simulator.scenario import world_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.scenario import Scenario


def play(scenario: Scenario, *, say: Callable[[str], None]) -> bool:
    """Play a scenario on processes of its own, and tell how it goes; True when all of it came true."""
    say(scenario.title)
    with tempfile.TemporaryDirectory(prefix="tocsin-scenario-") as name:
        world = Path(name) / "world.toml"
        world.write_text(world_of(scenario), "utf-8")
        deployment = Deployment(Plan(Path(name), world, password="scenario"))  # noqa: S106 - lives for one story
        try:
            deployment.start()
            return _play_on(deployment, scenario, say)
        except NotReadyError as failure:
            say(str(failure))
            return False
        finally:
            deployment.stop()


def _play_on(deployment: Deployment, scenario: Scenario, say: Callable[[str], None]) -> bool:
    with closing(Player(deployment)) as player:
        for step in scenario.steps():
            began = time.monotonic()
            try:
                player.play(step)
            except StoryError as failure:
                say(f"  ✗ {failure}")
                return False
            say(f"  ✓ {step.text}  ({time.monotonic() - began:.1f} s)")
    return True
