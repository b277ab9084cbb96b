"""The soak of an hour in three quarters of a minute: the same programs, the same faults, the same looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.soak.run import Plan, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)
PLAN = Plan(seconds=45, rate=40, faults_every_s=8, gone_s=2, sample_s=0.5)


def test_nothing_is_lost_and_nothing_grows_while_hub_broker_and_database_go_away(tmp_path: Path) -> None:
    result = run(tmp_path, PLAN)
    print(result)  # noqa: T201

    assert result.lost == 0
    assert result.breaks == 0
    assert result.made > 200
    assert result.faults[0] == "kill hub"
    assert len(result.faults) >= 2
    judged = {verdict.name: verdict for verdict in result.verdicts}
    assert {"hub memory", "hub handles", "gateway memory", "deadlines, late by"} <= judged.keys()
    growing = [str(verdict) for name, verdict in judged.items() if verdict.grows and "late" not in name]
    assert [one for one in growing if "receipts" not in one] == []
