from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from benchmarks import history, report, targets
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from pathlib import Path

ADVERTS = Figure("gateway: advert to decoded, verified", "adverts/s", [20_000, 30_000, 1_000], "bare", [400_000])
MACHINE = {
    "processor": "x", "cores": 2, "python": "3.11", "file_system": "ext4", "synced_write_ms": 0.1,
    "load_before": [1.5, 1, 1],
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path


def kept(results: Path, hour: int, *figures: Figure) -> None:
    report.save(figures, MACHINE, datetime(2026, 11, 22, hour, tzinfo=UTC))
    assert len(list(results.iterdir())) == len(history.runs(results))


@pytest.mark.parametrize(("rate", "word"), [(9_999, "not met"), (10_000, "met"), (27_000, "met")])
def test_beside_a_figure_stands_whether_its_target_was_met(rate: float, word: str) -> None:
    figure = replace(ADVERTS, repeats=[rate])
    assert targets.told(figure) == f"≥ 10,000: {word}"
    assert f" {targets.told(figure)} " in report.table([figure])


def test_a_ratio_has_a_target_of_its_own() -> None:
    recorded = Figure("hub on SQLite: check-ins recorded, journalled", "events/s", [300], "counter", [1_000])
    assert targets.told(recorded) == "≥ 0.3 x baseline: met"
    assert targets.told(replace(recorded, repeats=[299])) == "≥ 0.3 x baseline: not met"


def test_a_figure_without_a_target_is_shown_without_one() -> None:
    assert targets.told(Figure("something else", "ms", [1], "bare", [1])) == ""


def test_what_is_kept_says_whether_the_target_was_met(results: Path) -> None:
    kept(results, 9, ADVERTS)
    (file,) = results.iterdir()
    assert json.loads(file.read_text())["figures"][0]["target"] == "≥ 10,000: met"


def test_history_tells_how_a_figure_went(results: Path) -> None:
    kept(results, 9, ADVERTS)
    kept(results, 11, replace(ADVERTS, repeats=[40_000]))
    lines = history.trend(history.runs(results), "advert").splitlines()
    assert [line.split()[0] for line in lines] == ["gateway:", "20,000.000", "40,000.000"]
    assert "load 1.5" in lines[1]
    assert history.trend(history.runs(results), "restart") == ""


def test_the_docs_show_the_newest_of_each_and_keep_what_people_wrote(results: Path) -> None:
    other = Figure("gateway: memory", "MB", [73], "Python", [40])
    kept(results, 9, ADVERTS, other)
    kept(results, 11, replace(ADVERTS, repeats=[40_000]))
    text = f"before\n{history.BEGIN}\nold\n{history.END}\nafter\n"
    written = history.write_docs(text, history.runs(results))
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written
    assert "40,000 adverts/s" in written
    assert "20,000 adverts/s" not in written
    assert "73.0 MB" in written
    assert history.write_docs(written, history.runs(results)) == written


def test_the_docs_have_their_place_for_figures() -> None:
    text = history.DOCS.read_text("utf-8")
    assert 0 < text.index(history.BEGIN) < text.index(history.END)
