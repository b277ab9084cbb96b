"""The table for people, and the file for machines."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import targets
from tests.services import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from io import FileIO

    from benchmarks.figures import Figure

RESULTS: Final = Path(__file__).with_name("results")
_SYNCS: Final = 50


def table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    rows = [("figure", "ours", "baseline", "ours / baseline", "target", "baseline is")]
    rows += [
        (
            figure.name,
            _number(figure.ours, figure.unit),
            _number(figure.bare, figure.unit),
            f"{figure.ratio:.2f}",
            targets.told(figure),
            figure.against,
        )
        for figure in figures
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "|-" + "-|-".join("-" * width for width in widths) + "-|", *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _number(value: float, unit: str) -> str:
    return f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def save(figures: Sequence[Figure], machine: dict[str, Any], began: datetime) -> Path:
    """One file per run, named by date and commit."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{began:%Y-%m-%dT%H%M%SZ}-{commit()}.json"
    lines = [_as_json(figure) for figure in figures]
    path.write_text(json.dumps({"began": began.isoformat(), "machine": machine, "figures": lines}, indent=1) + "\n")
    return path


def _as_json(figure: Figure) -> dict[str, Any]:
    told = {"ours": figure.ours, "bare": figure.bare, "ratio": figure.ratio, "target": targets.told(figure)}
    return asdict(figure) | told


def commit() -> str:
    """Of the code that ran; ``-changed`` when it was not committed."""
    return _said("git", "describe", "--always", "--dirty=-changed", "--abbrev=12", "--exclude=*") or "no-commit"


def machine(folder: Path) -> dict[str, Any]:
    """What the figures depend on; ``folder`` is where the databases were."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "mosquitto": _mosquitto(),
        "file_system": _file_system(folder),
        "synced_write_ms": round(_sync_ms(folder), 3),
        "load_before": os.getloadavg(),
    }


def _processor() -> str:
    lines = _lines_of(Path("/proc/cpuinfo"))
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """Kind of the file system that ``folder`` is on, as far as the system says."""
    mounts = [line.split()[1:3] for line in _lines_of(Path("/proc/mounts"))]
    around = [(where, kind) for where, kind in mounts if folder.is_relative_to(where)]
    return max(around, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []


def _mosquitto() -> str:
    return _said(program("mosquitto"), "-h").partition("\n")[0]


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip()


def _sync_ms(folder: Path) -> float:
    """Median milliseconds of 4 KiB written and synced: what a commit can't be faster than."""
    with (folder / "synced").open("wb", buffering=0) as file:
        return statistics.median(_synced(file) for _ in range(_SYNCS)) * 1000


def _synced(file: FileIO) -> float:
    start = time.monotonic()
    file.write(bytes(4096))
    os.fsync(file.fileno())
    return time.monotonic() - start
