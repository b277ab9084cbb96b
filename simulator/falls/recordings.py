"""Recorded movement: ``NAME.i16.gz`` (x, y, z as little-endian 16 bit, one recording after another) and ``NAME.csv``.

The table has one row per recording: ``offset`` and ``n`` (in triples), ``fs_hz``, ``counts_per_g``, ``dataset``,
``position``, ``subject``, ``activity``, ``is_fall`` and, of falls, ``impact_idx``, the index of the highest magnitude.
"""

from __future__ import annotations

import array
import csv
import gzip
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Sample = tuple[int, int, int]
"""Milli-g on three axes."""


class RecordingsError(Exception):
    """A folder or file that holds no recordings.

    Attributes:
        path: which.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Recording:
    """Somebody moves.

    Attributes:
        name: data set, subject, activity and trial.
        rate_hz: samples per second.
        impact_s: of a fall, when it hits; None if nobody falls.
        samples: in milli-g.
    """

    name: str
    dataset: str
    position: str
    subject: str
    activity: str
    rate_hz: float
    impact_s: float | None
    samples: list[Sample]

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz


def of_folder(folder: Path) -> Iterator[Recording]:
    """Everything in a folder, one recording at a time.

    Raises:
        RecordingsError: it holds none, or a file is damaged.
    """
    tables = sorted(folder.glob("*.csv"))
    if not tables:
        raise RecordingsError(folder, "no recordings (NAME.csv with NAME.i16.gz) in this folder")
    for table in tables:
        yield from of_table(table)


def of_table(table: Path) -> Iterator[Recording]:
    """The recordings of one data set."""
    counts = _counts(table.with_suffix(".i16.gz"))
    with table.open(encoding="utf-8") as rows:
        for number, row in enumerate(csv.DictReader(rows), 2):
            try:
                yield _recording(row, counts)
            except (KeyError, ValueError, IndexError, ZeroDivisionError) as wrong:
                raise RecordingsError(table, f"line {number}: {wrong!r}") from wrong


def _counts(path: Path) -> array.array[int]:
    counts = array.array("h")
    try:
        counts.frombytes(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError) as wrong:
        raise RecordingsError(path, f"can't be read: {wrong}") from wrong
    if sys.byteorder == "big":
        counts.byteswap()
    return counts


def _recording(row: dict[str, str], counts: array.array[int]) -> Recording:
    first, end, per_g = int(row["offset"]), int(row["offset"]) + int(row["n"]), int(row["counts_per_g"])
    part = [count * 1000 // per_g for count in counts[3 * first : 3 * end]]
    if len(part) != 3 * (end - first):
        raise ValueError("ends before the recording does")
    rate = float(row["fs_hz"])
    return Recording(
        name=" ".join(row[key] for key in ("dataset", "subject", "activity", "trial")),
        dataset=row["dataset"],
        position=row["position"],
        subject=row["subject"],
        activity=row["activity"],
        rate_hz=rate,
        impact_s=int(row["impact_idx"]) / rate if row["is_fall"] == "1" else None,
        samples=list(zip(part[::3], part[1::3], part[2::3], strict=True)),
    )
