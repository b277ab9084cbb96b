"""A benchmark says nothing that it did not measure."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks import alarms, deadman, digests, targets
from benchmarks.soak.run import Plan, Result

if TYPE_CHECKING:
    from pathlib import Path

TIMES = alarms.Times([10.0, 11.0, 12.0], [20.0, 21.0, 22.0])
RESULT = Result(
    Plan(rate=200), [], [], faults=[], made=9, again=0, duplicates=0, lost=0, breaks=0, rate=100, calm_rate=150
)


@pytest.mark.parametrize(
    ("part", "words"), [(1.0, ["≤ 3 x baseline: met"]), (0.96, ["≤ 3 x baseline: met"]), (0.9, [])]
)
def test_of_alarms_among_digests_nothing_is_judged_when_too_few_were_sent(part: float, words: list[str]) -> None:
    figures = alarms._beside([[9.0, 10.0]], TIMES, sent=part * digests.A_SECOND, recorded=2_500)
    assert [told for figure in figures if (told := targets.told(figure))] == words
    assert (figures[-1].ours, figures[-1].bare) == (2_500, part * digests.A_SECOND)


def test_rows_are_counted_not_how_far_counters_came(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE presence (address PRIMARY KEY, gateway, counter)")
        connection.execute("INSERT INTO presence VALUES ('before', 'crowd-1', 7)")
        alarms.count_rows(path)
        put = "INSERT INTO presence VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET counter = excluded.counter"
        for row in (("a", "crowd-1", 100), ("a", "crowd-1", 900), ("b", "crowd-2", 50), ("c", "north", 1)):
            connection.execute(put, row)
    assert alarms.rows_recorded(path) == 3


def test_how_many_devices_were_told_of_is_what_the_sender_says() -> None:
    assert digests.told_of("listening\n20\n40\n") == 40 * digests.PER_GATEWAY
    assert digests.told_of("listening\n") == 0


def test_a_soak_in_which_the_hub_recorded_next_to_nothing_is_not_good() -> None:
    assert RESULT.is_good
    slow = replace(RESULT, calm_rate=17)
    assert not slow.is_good
    assert "40/s at least" in str(slow)
    assert str(slow).endswith("NOT GOOD")


def test_watching_says_at_what_risk_and_that_nobody_is_mailed() -> None:
    run = deadman._Run([1.0], [1.0], 100.0, [0.1, 0.2], 4.0, 2.0)
    late, at_once = deadman._figures("hub on SQLite", run, 90.0)[2:]
    assert "normal risk" in late.name
    assert "normal risk" in at_once.name
    assert "no mail" in at_once.name
    assert targets.told(late) == "≤ 1: met"
    assert targets.told(at_once) == "≤ 5: met"
