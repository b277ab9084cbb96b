"""Worlds in which everything goes wrong. Which invariants are looked at: docs/explore.md."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.explore import command, planted
from simulator.explore.world import explore

pytestmark = pytest.mark.timeout(900)

FIXED = range(1, 13)
KEPT = {201: "an alarm between two steps of the clock that were noticed as one climbed three rungs at once"}
"""Seeds that found a fault in the product, and what it was."""
FOUND = {
    "ack-before-commit": (6, {"ack"}),
    "receipt-before-commit": (6, {"receipt"}),
    "ack-of-another-connection": (6, {"ack"}),
    "dead-man-before-backlog": (6, {"backlog"}),
    "mark-before-send": (6, {"sent"}),
    "identity-without-epoch": (6, {"receipt"}),
    "local-time": (6, {"ladder"}),
    "outbox-trusts-broker": (6, {"lost"}),
    "receipts-in-memory": (6, {"receipts last"}),
    "gateway-gives-up": (16, {"drained"}),
    "ladder-from-when-it-ran": (6, {"ladder"}),
    "cancel-closes": (6, {"lawful"}),
    "mail-takes": (6, {"lawful"}),
    "journal-outside": (6, {"journal"}),
    "step-moves-everything": (6, {"moved"}),
    "heard-without-epoch": (6, {"owed"}),
    "silence-limit-doubled": (6, {"limit"}),
}
"""Each planted fault: found within so many seeds, counted from 1, and by one of which rules."""
LEAST = {"raised": 15, "escalated": 20, "silent": 1, "gateway silent": 3, "overrun": 3, "taken": 4, "closed": 2}
"""So often at least the fixed worlds wrote these in the journal: worlds in which nothing happens prove nothing."""
_DIGEST = "import sys; from tests.simulator.explore.test_explore import digest; print(digest(int(sys.argv[1])))"


def digest(seed: int) -> str:
    return hashlib.sha256("\n".join(explore(seed).lines).encode()).hexdigest()


def test_in_none_of_a_fixed_number_of_worlds_is_anything_lost_or_anybody_told_something_false() -> None:
    results = [explore(seed) for seed in FIXED]
    assert {result.seed: result.violations for result in results if result.violations} == {}
    assert sum(result.recorded for result in results) > 2 * len(FIXED)
    assert sum(result.kills for result in results) > len(FIXED)
    happened = sum((result.happened for result in results), Counter())
    assert {action: happened[action] for action in LEAST if happened[action] < LEAST[action]} == {}


@pytest.mark.parametrize("seed", KEPT)
def test_what_a_seed_has_found_once_stays_mended(seed: int) -> None:
    assert explore(seed).violations == ()


@pytest.mark.parametrize("fault", FOUND)
def test_a_planted_fault_is_found_by_its_rule_within_the_stated_number_of_seeds(fault: str) -> None:
    most, rules = FOUND[fault]
    with planted.planted(fault):
        assert any(rules & {broken.rule for broken in explore(seed).violations} for seed in range(1, most + 1))


def test_the_same_seed_tells_the_same_story_to_the_byte_in_another_process() -> None:
    said = []
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        run = subprocess.run(
            [sys.executable, "-c", _DIGEST, "7"],
            env=environment,
            capture_output=True,
            check=True,
            timeout=300,
            text=True,
        )
        said.append(run.stdout.strip())
    assert said == [digest(7), digest(7)]


def test_another_seed_tells_another_story() -> None:
    assert digest(8) != digest(9)


def test_the_command_tells_the_story_of_what_went_wrong_and_fails() -> None:
    ran = CliRunner().invoke(app, ["explore", "--seeds", "1", "--plant", "receipt-before-commit"])
    assert ran.exit_code == 1
    assert "has recorded c0ffee" in ran.output
    assert "is receipted, and not committed" in ran.output


def test_the_command_says_in_json_how_each_seed_went() -> None:
    ran = CliRunner().invoke(app, ["explore", "--seeds", "2", "--first-seed", "3", "--minutes", "1", "--json"])
    assert ran.exit_code == 0, ran.output
    said = [json.loads(line) for line in ran.output.splitlines()]
    assert [(one["seed"], one["violations"]) for one in said] == [(3, []), (4, [])]


def test_a_fault_that_nobody_knows_is_refused_by_name() -> None:
    ran = CliRunner().invoke(app, ["explore", "--plant", "bad-luck"])
    assert ran.exit_code == 2
    assert command.explore.__doc__


def test_every_planted_fault_states_within_how_many_seeds_it_is_found() -> None:
    assert set(FOUND) == set(planted.FAULTS)
