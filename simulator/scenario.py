"""Scenarios: TOML files that read like stories.

    title = "A press in the yard"
    people = ["alice"]

    story = [
        "alice has a high-risk session",
        "alice holds her button",
        "within 15 s alice's alarm shows stored",
        "within 10 s a mail says panic: Alice",
        "sam takes alice's alarm",
        "within 20 s alice's alarm shows person has it",
    ]

Each line is one sentence; :data:`SENTENCES` has all there are.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

_WHO = r"(?P<who>[a-z0-9-]+)"
_WITHIN = r"within (?P<within>\d+) s "
SENTENCES: Final = {
    "session": rf"{_WHO} has a (?P<risk>normal|high)-risk session",
    "act": rf"{_WHO} (?P<act>presses once|presses twice|presses three times|holds (?:her|his|the) button|falls|"
    r"lies still|gets up|takes the alarm off|puts the alarm on|smashes the alarm|switches the alarm on|"
    r"restarts the alarm)",
    "walk": rf"{_WHO} walks to (?P<place>[a-z0-9-]+)",
    "battery": rf"{_WHO}'s battery falls to (?P<percent>\d+) %",
    "shows": rf"{_WITHIN}{_WHO}'s alarm shows (?P<told>[a-z ]+)",
    "mail": rf"{_WITHIN}a mail says (?P<text>.+)",
    "no_mail": r"no mail says (?P<text>.+)",
    "take": rf"(?:sam|admin) takes {_WHO}'s alarm",
    "help": rf"(?:sam|admin) sends help to {_WHO}",
    "close": rf"(?:sam|admin) closes {_WHO}'s alarm as (?P<outcome>genuine|false alarm|test)",
    "kill": r"the (?P<part>hub|broker|gateway [a-z0-9-]+) is killed",
    "start": r"the (?P<part>hub|broker|gateway [a-z0-9-]+) is started again",
    "cut": r"the gateway (?P<gateway>[a-z0-9-]+) loses its network",
    "join": r"the gateway (?P<gateway>[a-z0-9-]+) has its network again",
    "clock": r"the gateway (?P<gateway>[a-z0-9-]+)'s clock is (?P<minutes>\d+) minutes (?P<way>fast|slow)",
    "lost": r"(?P<percent>\d+) % of the adverts are lost",
    "repeated": r"(?P<percent>\d+) % of the adverts are heard twice",
    "fault": rf"{_WITHIN}the console shows the fault (?P<fault>[a-z ]+)",
    "alarms": rf"{_WITHIN}there (?:is|are) (?P<count>\d+) open alarms?",
    "pause": r"(?P<seconds>\d+) s pass",
    "whole": r"the journal is whole",
}
_PATTERNS: Final = {name: re.compile(pattern) for name, pattern in SENTENCES.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence, understood.

    Attributes:
        text: as it was written.
        verb: key of :data:`SENTENCES`.
        words: what it names.
    """

    text: str
    verb: str
    words: dict[str, str]


class Scenario(BaseModel):
    """A scenario file.

    Attributes:
        title: one line.
        people: who is in the hall; each wears an alarm.
        loss: share of adverts lost from the beginning.
        device: settings of the alarms that differ from their defaults, as in ``device/settings.py``.
        story: the sentences.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    people: Annotated[tuple[str, ...], Field(min_length=1)]
    story: Annotated[tuple[str, ...], Field(min_length=1)]
    loss: Annotated[float, Field(ge=0, lt=1)] = 0.2
    device: dict[str, int] = Field(default_factory=dict)

    def steps(self) -> list[Step]:
        """The story, understood.

        Raises:
            ValueError: a sentence that is not understood, with its number.
        """
        return [_understand(number, text) for number, text in enumerate(self.story, 1)]


def _understand(number: int, text: str) -> Step:
    for verb, pattern in _PATTERNS.items():
        match = pattern.fullmatch(text)
        if match is not None:
            return Step(text, verb, {name: word for name, word in match.groupdict().items() if word is not None})
    raise ValueError(f"story line {number} is not understood: {text!r}")


def load(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        SettingsError: it can't be read, is not TOML, or has a line that is not understood.
    """
    try:
        scenario = Scenario.model_validate(tomllib.loads(path.read_text("utf-8")))
        scenario.steps()
    except OSError as unreadable:
        raise SettingsError(str(path), [f"can't be read: {unreadable.strerror}"]) from unreadable
    except tomllib.TOMLDecodeError as broken:
        raise SettingsError(str(path), [f"is not TOML: {broken}"]) from broken
    except ValidationError as invalid:
        problems = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors()]
        raise SettingsError(str(path), problems) from invalid
    except ValueError as not_understood:
        raise SettingsError(str(path), [str(not_understood)]) from not_understood
    return scenario


def world_of(scenario: Scenario) -> str:
    """The world a scenario plays in: one hall, a gateway at each end."""
    lines = ["seed = 7", f"[air]\nloss = {scenario.loss}"]
    places = {"hall": (5, 5), "east": (0, 5), "west": (10, 5), "far-away": (4000, 4000)}
    lines += [f'[[places]]\nname = "{name}"\nat = [{x}, {y}]' for name, (x, y) in places.items()]
    lines += [f'[[gateways]]\nname = "{name}"\nplace = "{name}"' for name in ("east", "west")]
    device = "\n".join(f"{name} = {value}" for name, value in scenario.device.items())
    for person in scenario.people:
        lines.append(f'[[people]]\nname = "{person}"\nplace = "hall"')
        if device:
            lines.append(f"[people.device]\n{device}")
    return "\n".join(lines) + "\n"
