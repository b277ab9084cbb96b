"""The command imports what it calls, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from hub.cli.main import COMMANDS
from hub.cli.main import app as hub
from tocsin import __version__
from tocsin.cli import build
from tocsin.lazy import Late, group

if TYPE_CHECKING:
    from typer.core import TyperGroup

SLOW = {"sqlalchemy", "alembic", "fastapi", "amqtt", "segno", "structlog", "simulator", "gateway"}
LOOK = """
import json, sys
from tocsin.cli import build
try:
    build()(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _imported(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOOK, *words], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [("hub", "healthy", "--config", "/dev/null"), ("hub", "prepare", "--help")])
def test_a_small_command_of_the_hub_imports_no_database_and_no_web_server(words: tuple[str, ...]) -> None:
    assert not _imported(*words) & SLOW


@pytest.mark.parametrize("words", [("--help",), ("hub", "--help"), ("--version",)])
def test_what_only_tells_of_commands_imports_none_of_them(words: tuple[str, ...]) -> None:
    assert not _imported(*words) & {*SLOW, "httpx", "pydantic_settings"}


@pytest.mark.parametrize("group_", [typer.main.get_command(build()), typer.main.get_command(hub)])
def test_the_list_of_commands_says_what_each_says_of_itself(group_: TyperGroup) -> None:
    context = group_.make_context("x", [], resilient_parsing=True)
    listed = {name: command.help for name, command in group_.commands.items()}
    assert len(listed) > 5
    for name, said in listed.items():
        command = group_.get_command(context, name)
        assert said
        assert " ".join(command.help.split()).startswith(said.rstrip(".")), name


def test_the_version_is_asked_for_without_a_command() -> None:
    done = CliRunner().invoke(build(), ["--version"])
    assert (done.exit_code, done.output) == (0, f"{__version__}\n")


def test_the_list_names_every_command_and_a_slip_is_answered_with_what_was_meant() -> None:
    assert all(name in CliRunner().invoke(hub, ["--help"]).output for name in COMMANDS)
    assert "Did you mean 'healthy'" in CliRunner().invoke(hub, ["helthy"]).output


def test_a_program_that_is_not_installed_says_so_when_it_is_called() -> None:
    app = typer.Typer(cls=group({"radio": Late("no_such_module:app", "Hear."), "other": Late("json:tool", "x")}))
    app.callback()(lambda: None)
    done = CliRunner().invoke(app, ["radio"])
    assert done.exit_code == 1
    assert "'radio' needs the Python module 'no_such_module'" in done.output
