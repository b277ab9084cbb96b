"""The pages on what can fail name tests; these are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(test_\w+)`")
_WRITTEN = re.compile(r"^\s*(?:async )?def (test_\w+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def written() -> set[str]:
    return {name for path in (ROOT / "tests").rglob("test_*.py") for name in _WRITTEN.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "docs/faults.md"])
def test_every_test_that_the_pages_name_is_there(page: str, written: set[str]) -> None:
    named = set(_NAMED.findall((ROOT / page).read_text("utf-8")))
    assert len(named) > 10
    assert named - written == set()


def test_each_part_that_can_fail_has_a_row_with_a_test() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## What can fail")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert all(_NAMED.search(row) for row in rows)
    assert {row.split("|")[1].strip() for row in rows} >= {
        "device",
        "air",
        "gateway process",
        "outbox disk",
        "gateway's clock",
        "network",
        "broker",
        "hub process",
        "hub's loops",
        "database",
        "hub's disk",
        "hub's clock",
        "mail server",
        "webhook",
        "console",
        "backup",
        "certificate",
        "key file",
    }
