"""Fit the trees of device/waist.py anew, and say how they do on people they have not seen.

    pip install scikit-learn
    python tools/fit_falls.py FOLDER/sisfall_waist_100hz.csv

The figures come from the device's own code. Each recording is used as it is, at 50 and 25 Hz, clipped at 4 g, and with
5 % off in gain, 50 mg in offset and 5 % of the samples lost, so that no sensor's own ways are learnt. Nothing of Tocsin
needs this program to run.
"""

from __future__ import annotations

import itertools
import random
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from device.impact import Impact
from device.motion import Motion
from device.trees import SIZE
from simulator.falls import recordings
from simulator.falls.score import FOUND_WITHIN_S, SAME_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.falls.recordings import Recording, Sample

WRITTEN = Path("device/waist.py")
LEAST_MG = 1350
TREES = 120
UNIT = 64
LIMIT = 45
FOLDS = 5
ASKED = range(3)

Timed = tuple[int, "Sample"]


@dataclass(frozen=True)
class Candidate:
    """An impact of a recording, as one kind of sensor sees it."""

    recording: int
    sensor: str
    at_s: float
    figures: list[int]


def as_is(timed: list[Timed]) -> list[Timed]:
    return timed


def slower(timed: list[Timed], by: int) -> list[Timed]:
    groups = [timed[at : at + by] for at in range(0, len(timed) - by + 1, by)]
    return [(group[0][0], tuple(sum(axis) // by for axis in zip(*[one for _, one in group], strict=True)))  # type: ignore[misc]
            for group in groups]  # fmt: skip


def clipped(timed: list[Timed]) -> list[Timed]:
    return [(at, tuple(max(-4000, min(4000, value)) for value in one)) for at, one in slower(timed, 2)]  # type: ignore[misc]


def wrong(timed: list[Timed]) -> list[Timed]:
    dice = random.Random(len(timed))
    gain, offset = [dice.choice((0.95, 1.05)) for _ in ASKED], [dice.choice((-50, 50)) for _ in ASKED]
    return [(at, tuple(round(value * gain[axis]) + offset[axis] for axis, value in enumerate(one)))  # type: ignore[misc]
            for at, one in slower(timed, 2) if dice.random() > 0.05]  # fmt: skip


SENSORS = {
    "as recorded": as_is,
    "50 Hz": lambda timed: slower(timed, 2),
    "25 Hz": lambda timed: slower(timed, 4),
    "4 g": clipped,
    "wrong": wrong,
}


def candidates(number: int, recording: Recording) -> Iterator[Candidate]:
    timed = [(round(at * 1000 / recording.rate_hz), sample) for at, sample in enumerate(recording.samples)]
    for sensor, change in SENSORS.items():
        motion = Motion()
        impact = Impact(motion)
        for at, sample in change(timed):
            if motion.take(*sample, at) and impact.stands_out(LEAST_MG):
                yield Candidate(number, sensor, at / 1000, impact.figures())


class Study:
    """All candidates of a data set."""

    def __init__(self, table: Path) -> None:
        self.recordings = []
        self.candidates: list[Candidate] = []
        for number, recording in enumerate(recordings.of_table(table)):
            self.candidates += candidates(number, recording)
            self.recordings.append(recording)
        self.figures = np.array([one.figures for one in self.candidates])
        self.falls = np.array([self._is_fall(one) for one in self.candidates])
        in_fall = np.array([self.recordings[one.recording].impact_s is not None for one in self.candidates])
        self.usable = self.falls | ~in_fall

    def _is_fall(self, one: Candidate) -> bool:
        impact_s = self.recordings[one.recording].impact_s
        return impact_s is not None and 0 <= one.at_s - impact_s <= FOUND_WITHIN_S

    def folds(self) -> np.ndarray[Any, Any]:
        subjects = sorted({one.subject for one in self.recordings})
        random.Random(1).shuffle(subjects)
        fold = {subject: number % FOLDS for number, subject in enumerate(subjects)}
        return np.array([fold[self.recordings[one.recording].subject] for one in self.candidates])

    def unseen(self) -> np.ndarray[Any, Any]:
        """Of each candidate, the odds by trees that have not seen its subject."""
        folds, odds = self.folds(), np.zeros(len(self.candidates))
        for fold in range(FOLDS):
            fitted = fit(self.figures[(folds != fold) & self.usable], self.falls[(folds != fold) & self.usable])
            odds[folds == fold] = fitted.decision_function(self.figures[folds == fold])
        return odds

    def tell(self, odds: np.ndarray[Any, Any], sensor: str) -> str:
        chosen = [at for at, one in enumerate(self.candidates) if one.sensor == sensor and odds[at] > LIMIT / UNIT]
        found = {self.candidates[at].recording for at in chosen if self.falls[at]}
        false = [(self.candidates[at].recording, self.candidates[at].at_s) for at in chosen if self.usable[at]]
        false = [one for one in false if self.recordings[one[0]].impact_s is None]
        falls = sum(one.impact_s is not None for one in self.recordings)
        quiet = [one for one in self.recordings if one.impact_s is None]
        disturbed = len({number for number, _ in false})
        alarms = sum(a[0] != b[0] or b[1] - a[1] >= SAME_S for a, b in itertools.pairwise([(-1, 0.0), *false]))
        hours = sum(one.seconds for one in quiet) / 3600
        f1 = 200 * len(found) / (len(found) + falls + disturbed)
        return (
            f"{sensor:<12} sensitivity {100 * len(found) / falls:.2f}  specificity "
            f"{100 - 100 * disturbed / len(quiet):.2f}  F1 {f1:.2f}  false alarms {alarms / hours:.2f}/h"
        )


def fit(figures: np.ndarray[Any, Any], falls: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401 - no types there
    model = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_depth=2,
        learning_rate=0.1,
        l2_regularization=1,
        max_features=0.4,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(figures, falls)


def packed(nodes: Any) -> bytes:  # noqa: ANN401 - no types there
    """One tree, see device/trees.py. A branch that ends early asks something that is always so."""

    def answer(node: Any) -> int:  # noqa: ANN401
        return max(-127, min(127, round(float(node["value"]) * UNIT)))

    def question(node: Any) -> tuple[int, int]:  # noqa: ANN401
        return (0, 32767) if node["is_leaf"] else (int(node["feature_idx"]), int(np.floor(node["num_threshold"])))

    def answers(node: Any) -> list[int]:  # noqa: ANN401
        return [answer(node)] * 2 if node["is_leaf"] else [answer(nodes[node["left"]]), answer(nodes[node["right"]])]

    root = nodes[0]
    below = [root, root] if root["is_leaf"] else [nodes[root["left"]], nodes[root["right"]]]
    asked = [*question(root), *question(below[0]), *question(below[1])]
    return struct.pack("<BhBhBhbbbb", *asked, *answers(below[0]), *answers(below[1]))


def module(model: Any) -> str:  # noqa: ANN401 - no types there
    trees = b"".join(packed(stage[0].nodes) for stage in model._predictors)
    rows = [trees[at : at + 2 * SIZE] for at in range(0, len(trees), 2 * SIZE)]
    lines = ["".join(f"\\x{byte:02x}" for byte in row) for row in rows]
    head = WRITTEN.read_text("utf-8").split("IMPACT_MG")[0]
    base = round(float(model._baseline_prediction[0, 0]) * UNIT)
    numbers = f'IMPACT_MG = {LEAST_MG}\n"""A lower peak is no impact."""\nBASE = {base}\nLIMIT = {LIMIT}\n'
    return head + numbers + "TREES = (\n" + "".join(f'    b"{line}"\n' for line in lines) + ")\n"


def main() -> None:
    study = Study(Path(sys.argv[1]))
    odds = study.unseen()
    for sensor in SENSORS:
        print(study.tell(odds, sensor))
    text = module(fit(study.figures[study.usable], study.falls[study.usable]))
    WRITTEN.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
