"""How well the detector tells falls from everything else, by data set and position."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from device.detector import Detector
from device.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.falls.recordings import Recording

FOUND_WITHIN_S: Final = 3.0
"""A fall is found by a decision so soon after its impact: half of it for deciding, half for when the impact was."""
SAME_S: Final = 5.0
"""Decisions closer together are one alarm."""


@dataclass(slots=True)
class Score:
    """Counts of one data set at one position.

    Attributes:
        falls: recordings of a fall.
        found: of them with an alarm at the right time.
        others: recordings without a fall.
        false_alarms: in those.
        disturbed: of those with at least one false alarm, by activity.
        missed: falls without an alarm, by activity.
        hours: of recordings without a fall.
        delays_s: from impact to alarm.
    """

    falls: int = 0
    found: int = 0
    others: int = 0
    false_alarms: int = 0
    hours: float = 0.0
    disturbed: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    delays_s: list[float] = field(default_factory=list)

    @property
    def sensitivity(self) -> float | None:
        """Percent of the falls that were found."""
        return 100 * self.found / self.falls if self.falls else None

    @property
    def specificity(self) -> float | None:
        """Percent of the other recordings without an alarm."""
        return 100 - 100 * self.disturbed.total() / self.others if self.others else None

    @property
    def f1(self) -> float | None:
        wrong = self.disturbed.total() + self.falls - self.found
        return 200 * self.found / (2 * self.found + wrong) if self.falls else None

    @property
    def false_per_hour(self) -> float | None:
        return self.false_alarms / self.hours if self.hours else None

    @property
    def delay_s(self) -> float | None:
        """Median from impact to decision."""
        return sorted(self.delays_s)[len(self.delays_s) // 2] if self.delays_s else None

    def add(self, recording: Recording, alarms_s: list[float]) -> None:
        """Count one recording."""
        if recording.impact_s is None:
            self.others += 1
            self.hours += recording.seconds / 3600
            self.false_alarms += len(_apart(alarms_s))
            self.disturbed[recording.activity] += bool(alarms_s)
            return
        self.falls += 1
        delays = [at - recording.impact_s for at in alarms_s if 0 <= at - recording.impact_s <= FOUND_WITHIN_S]
        self.found += bool(delays)
        self.missed[recording.activity] += not delays
        self.delays_s += delays[:1]

    def as_json(self) -> dict[str, Any]:
        return {
            "falls": self.falls,
            "others": self.others,
            "hours": round(self.hours, 3),
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "f1": self.f1,
            "false_alarms_per_hour": self.false_per_hour,
            "delay_s": self.delay_s,
            "false_alarms_in": dict(+self.disturbed),
            "missed": dict(+self.missed),
        }


def alarms(recording: Recording) -> list[float]:
    """When the detector decides that somebody has fallen, in seconds."""
    detector = Detector(Settings())
    step_ms = 1000 / recording.rate_hz
    return [
        round(at * step_ms) / 1000
        for at, sample in enumerate(recording.samples)
        if detector.motion(*sample, round(at * step_ms))
    ]


def score(recordings: Iterable[Recording]) -> dict[tuple[str, str], Score]:
    """By data set and position."""
    scores: dict[tuple[str, str], Score] = {}
    for recording in recordings:
        scores.setdefault((recording.dataset, recording.position), Score()).add(recording, alarms(recording))
    return scores


def _apart(alarms_s: list[float]) -> list[float]:
    kept: list[float] = []
    last = -SAME_S
    for at in alarms_s:
        if at - last >= SAME_S:
            kept.append(at)
        last = at
    return kept
