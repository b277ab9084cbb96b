"""Every run that was kept.

``python -m benchmarks.history [PART OF A NAME]``  prints how each figure went from run to run
``python -m benchmarks.history --write-docs``      puts the newest of each into docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import Figure
from benchmarks.report import RESULTS, table

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
LATELY: Final = 10
BEGIN: Final = "<!-- figures: written by python -m benchmarks.history --write-docs -->"
END: Final = "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Run:
    """One file of results.

    Attributes:
        commit: of the code that ran.
        load: of the machine when it began, over one minute.
    """

    began: datetime
    commit: str
    machine: dict[str, Any]
    load: float
    figures: Sequence[Figure]

    @property
    def when(self) -> str:
        return f"{self.began:%Y-%m-%d %H:%M} {self.commit}, load {self.load:.1f}"


def runs(folder: Path = RESULTS) -> list[Run]:
    """All of them, oldest first."""
    return sorted((_run(path) for path in folder.glob("*.json")), key=lambda run: run.began)


def _run(path: Path) -> Run:
    kept = json.loads(path.read_text("utf-8"))
    names = Figure.__slots__
    figures = [Figure(**{name: one[name] for name in names}) for one in kept["figures"]]
    machine, began = kept["machine"], datetime.fromisoformat(kept["began"])
    return Run(began, path.stem.partition("Z-")[2], machine, machine["load_before"][0], figures)


def newest(kept: Sequence[Run]) -> dict[str, tuple[Run, Figure]]:
    """The latest of each figure, by its name, and the run it is of; what was not measured of late is left out."""
    return {figure.name: (run, figure) for run in kept[-LATELY:] for figure in run.figures}


def trend(kept: Sequence[Run], part: str = "") -> str:
    """A block per figure, a line per run."""
    names = [name for name in newest(kept) if part.lower() in name.lower()]
    return "\n\n".join("\n".join([name, *_lines(kept, name)]) for name in names)


def _lines(kept: Sequence[Run], name: str) -> list[str]:
    return [
        f"  {figure.ours:12,.3f} {figure.unit:10} {figure.ratio:8.3f} x baseline   {run.when}"
        for run in kept
        for figure in run.figures
        if figure.name == name
    ]


def as_markdown(kept: Sequence[Run]) -> str:
    """Each run that still has the newest of something, its machine, and those figures."""
    latest = newest(kept)
    parts = []
    for run in reversed(kept):
        figures = [figure for of, figure in latest.values() if of is run]
        if figures:
            parts.append(f"{_heading(run)}\n\n{table(figures)}")
    return "\n\n".join(parts)


def _heading(run: Run) -> str:
    machine = run.machine
    return (
        f"{run.began:%d %B %Y}, commit {run.commit}, {machine['cores']} cores ({machine['processor']}), Python "
        f"{machine['python']}, {machine['file_system']} with {machine['synced_write_ms']} ms per synced write, "
        f"load {run.load:.1f} before the run:"
    )


def write_docs(text: str, kept: Sequence[Run]) -> str:
    """``text`` with what is between the two marks replaced."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{as_markdown(kept)}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--write-docs", action="store_true")
    asked = parser.parse_args()
    if asked.write_docs:
        DOCS.write_text(write_docs(DOCS.read_text("utf-8"), runs()), "utf-8")
    else:
        print(trend(runs(), asked.part))


if __name__ == "__main__":
    main()
