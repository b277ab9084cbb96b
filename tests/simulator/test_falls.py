from __future__ import annotations

import array
import gzip
import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from device import trees, waist
from simulator.falls import recordings
from simulator.falls.recordings import RecordingsError
from simulator.falls.score import score
from tocsin.cli import build

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "rec,offset,n,fs_hz,counts_per_g,dataset,position,subject,activity,trial,is_fall,impact_idx\n"
UPRIGHT, HIT, LYING = (0, -512, 0), (768, -921, 460), (512, 0, 0)
FALL = [UPRIGHT] * 300 + [HIT, HIT, UPRIGHT, UPRIGHT] * 10 + [LYING] * 360
WALK = [UPRIGHT] * 700


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flat = [value for sample in FALL + WALK for value in sample]
    (tmp_path / "staged.i16.gz").write_bytes(gzip.compress(array.array("h", flat).tobytes()))
    rows = [f"1,0,{len(FALL)},100,512,staged,waist,S1,F01,1,1,300"]
    rows += [f"2,{len(FALL)},{len(WALK)},100,512,staged,waist,S2,D01,1,0,-1"]
    (tmp_path / "staged.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return tmp_path


def test_recordings_are_read_in_milli_g(folder: Path) -> None:
    fall, walk = recordings.of_folder(folder)
    assert (fall.impact_s, fall.subject, fall.samples[0]) == (3.0, "S1", (0, -1000, 0))
    assert (walk.impact_s, walk.seconds, walk.name) == (None, 7.0, "staged S2 D01 1")


def test_a_fall_found_and_a_walk_left_alone_are_a_full_score(folder: Path) -> None:
    (staged,) = score(recordings.of_folder(folder)).values()
    assert (staged.sensitivity, staged.specificity, staged.f1, staged.false_per_hour) == (100, 100, 100, 0)
    assert staged.delay_s == pytest.approx(1.5, abs=0.11)


def test_the_command_prints_a_table_and_json(folder: Path) -> None:
    table = CliRunner().invoke(build(), ["device", "score", str(folder)])
    assert "staged              waist              1      1  100.00  100.00  100.00     0.00     1.5" in table.output
    figures = CliRunner().invoke(build(), ["device", "score", str(folder), "--json"])
    assert json.loads(figures.output)[0]["sensitivity"] == 100


def test_a_folder_without_recordings_and_a_damaged_one_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingsError, match="no recordings"):
        list(recordings.of_folder(tmp_path / "nowhere"))
    (folder / "staged.csv").write_text(HEAD + "1,0,99999,100,512,staged,waist,S1,F01,1,1,300\n")
    with pytest.raises(RecordingsError, match="line 2"):
        list(recordings.of_folder(folder))
    (folder / "staged.i16.gz").write_bytes(b"\x1f\x8bnot gzip")
    assert CliRunner().invoke(build(), ["device", "score", str(folder)]).exit_code == 1


def asked(trees_: bytes, figures: list[int]) -> int:
    """The same sum, tree by tree, as the format's description says it."""
    total = 0
    for at in range(0, len(trees_), 13):
        tree = struct.unpack("<BhBhBhbbbb", trees_[at : at + 13])
        first_is_yes = figures[tree[0]] <= tree[1]
        second, limit = (tree[2], tree[3]) if first_is_yes else (tree[4], tree[5])
        total += tree[6 + 2 * (not first_is_yes) + (figures[second] > limit)]
    return total


@given(st.lists(st.integers(-40_000, 40_000), min_size=26, max_size=26))
def test_the_sum_of_the_trees_is_what_their_format_says(figures: list[int]) -> None:
    assert trees.score(waist.TREES, figures) == asked(waist.TREES, figures)


def test_every_question_of_the_trees_is_about_a_figure_there_is() -> None:
    assert len(waist.TREES) % trees.SIZE == 0
    for at in range(0, len(waist.TREES), trees.SIZE):
        assert all(waist.TREES[at + offset] < 26 for offset in (0, 3, 6))
