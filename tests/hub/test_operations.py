"""What docs/operations.md tells people to type is there, and its drill works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.store import vault
from tests.hub.desk import Office
from tests.hub.test_backup import Machine
from tocsin.cli import build

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCKS = re.findall(r"```sh(?P<kind> \w+)?\n(?P<lines>.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
TYPED = sorted(
    {line for _, lines in BLOCKS for line in lines.splitlines() if line.startswith("tocsin ")}
    | {found for found in re.findall(r"`(tocsin [^`]+)`", PAGE.read_text("utf-8")) if "|" not in found}
)


@pytest.mark.parametrize("line", TYPED)
def test_every_command_of_the_page_is_there_with_its_options(line: str) -> None:
    done = CliRunner().invoke(build(), [*shlex.split(line)[1:], "--help"])
    assert done.exit_code == 0, done.output
    assert "Commands" not in done.output, f"{line}: something is missing behind it"


def test_the_drill_works_on_another_machine_with_a_copy_of_the_key_file(database_url: str, tmp_path: Path) -> None:
    machine, elsewhere = Machine(tmp_path, database_url), tmp_path / "elsewhere"
    elsewhere.mkdir()
    store = machine.store()
    Office(store, machine.watch).session()
    store.close()
    machine.run("backup", str(tmp_path / "night.tar"))
    vault.write(elsewhere / "drill.keys", [bytes.fromhex((tmp_path / "hub.keys").read_text().strip())])
    if not machine.is_sqlite:
        from tests.hub.test_backup import destroy

        destroy(machine)
    url = f"sqlite:///{elsewhere / 'drill.db'}" if machine.is_sqlite else database_url
    settings = f'database = "{url}"\nkeys_file = "{elsewhere / "drill.keys"}"\n'
    (elsewhere / "drill.toml").write_text(settings)
    (drill,) = [lines for kind, lines in BLOCKS if kind.strip() == "drill"]
    paths = {
        "FILE": tmp_path / "night.tar",
        "drill.toml": elsewhere / "drill.toml",
        "again.tar": elsewhere / "again.tar",
    }
    for line in drill.splitlines():
        words = [str(paths.get(word, word)) for word in shlex.split(line)[1:]]
        done = CliRunner().invoke(build(), words)
        assert done.exit_code == 0, f"{line}: {done.output}"
    assert paths["again.tar"].exists()
