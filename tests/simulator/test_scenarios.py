from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import simulator
from simulator import scenario, theatre, world
from simulator.cli import app
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED = sorted((Path(simulator.__file__).parent / "scenarios").glob("*.toml"))


def _write(folder: Path, story: str, more: str = "") -> Path:
    path = folder / "story.toml"
    path.write_text(f'title = "t"\npeople = ["alice"]\nstory = [{story}]\n{more}', "utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_understood_and_plays_in_a_world(path: Path, tmp_path: Path) -> None:
    story = scenario.load(path)
    assert len(story.steps()) == len(story.story)
    (tmp_path / "world.toml").write_text(scenario.world_of(story), "utf-8")
    assert {person.name for person in world.load(tmp_path / "world.toml").people} == set(story.people)


def test_a_sentence_says_who_does_what(tmp_path: Path) -> None:
    (step,) = scenario.load(_write(tmp_path, '"within 15 s alice\'s alarm shows person has it"')).steps()
    assert (step.verb, step.words) == ("shows", {"within": "15", "who": "alice", "told": "person has it"})


def test_a_line_that_is_not_understood_is_named_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="story line 2 is not understood: 'alice flies'"):
        scenario.load(_write(tmp_path, '"alice falls", "alice flies"'))


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="weather"):
        scenario.load(_write(tmp_path, '"alice falls"', 'weather = "rain"'))


def test_every_sentence_there_is_can_be_played() -> None:
    from simulator.play import Player

    for verb in scenario.SENTENCES:
        assert callable(getattr(Player, f"_{verb}"))


def test_a_story_that_can_not_be_read_ends_the_command_with_its_reason(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", str(_write(tmp_path, '"alice flies"'))])
    assert result.exit_code == 1
    assert "story line 1" in result.output


@pytest.mark.timeout(240)
def test_everything_that_can_fail_fails_and_the_alarm_still_arrives() -> None:
    said: list[str] = []
    say: Callable[[str], None] = said.append
    path = next(path for path in SHIPPED if path.stem == "bad-evening")
    assert theatre.play(scenario.load(path), say=say), "\n".join(said)


@pytest.mark.timeout(120)
def test_a_story_that_does_not_come_true_says_which_sentence(tmp_path: Path) -> None:
    said: list[str] = []
    path = _write(tmp_path, '"alice presses once", "within 1 s a mail says elephants"')
    assert not theatre.play(scenario.load(path), say=said.append)
    assert "✗ 'within 1 s a mail says elephants' did not come true" in said[-1]
