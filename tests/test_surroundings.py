"""What somebody's shell says of a hub at work does not reach one that is only tried out or measured."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.places import Program
from simulator.part import Part
from tests.services import Process, eventually

if TYPE_CHECKING:
    from pathlib import Path

SAY = [sys.executable, "-c", "import os; print(sorted(os.environ), 'said', flush=True); input()"]


@pytest.fixture(autouse=True)
def at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_HUB_DATABASE", "postgresql+psycopg://tocsin@production/tocsin")


def test_no_settings_reach_a_program_under_test(tmp_path: Path) -> None:
    process = Process(SAY, log=tmp_path / "log")
    process.start()
    eventually(lambda: "said" in process.output(), within_s=60)
    process.kill()
    assert "TOCSIN_" not in process.output()
    assert "PATH" in process.output()


def test_no_settings_reach_a_program_that_is_measured(tmp_path: Path) -> None:
    with Program(SAY, log=tmp_path / "log", ready="said"):
        assert "TOCSIN_" not in (tmp_path / "log").read_text()


def test_no_settings_reach_a_program_of_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part("part", tmp_path, [], lambda: True)
    monkeypatch.setattr(part, "_command", SAY)
    part.start()
    eventually(lambda: "said" in part.said(), within_s=60)
    part.kill()
    assert "TOCSIN_" not in part.said()
