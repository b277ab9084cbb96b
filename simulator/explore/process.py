"""A program that runs, dies and is started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.explore.fate import Fate, Killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from simulator.explore.agenda import Agenda
    from simulator.explore.network import Broker
    from simulator.explore.story import Story


class Process:
    """One run after the other of one program.

    Attributes:
        fate: of the present run.
        runs: how many there were.
        restart_s: how long it is away after it died.
    """

    def __init__(self, name: str, agenda: Agenda, broker: Broker, story: Story, dice: Random) -> None:
        self.name = name
        self.agenda = agenda
        self.broker = broker
        self.story = story
        self.dice = dice
        self.fate = Fate()
        self.fate.dead = True
        self.runs = 0
        self.restart_s: Callable[[], float] = lambda: 2.0

    @property
    def is_up(self) -> bool:
        return not self.fate.dead

    def start(self) -> None:
        if self.is_up:
            return
        self.runs += 1
        self.fate = Fate()
        self.story.tell(self.name, f"starts (run {self.runs})")
        self.do(self.begin)

    def kill(self, where: str = "while idle") -> None:
        """End it here and now."""
        if self.is_up:
            self.fate.dead = True
            self._died(where)

    def do(self, act: Callable[[], object]) -> None:
        """Something that this run does; nothing happens if it is over."""
        run = self.fate
        if run.dead:
            return
        try:
            act()
        except Killed as killed:
            self._died(killed.where)
            return
        if run is self.fate and not run.dead:
            self.did()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """The same, later, if this run is still the one."""
        run = self.fate

        def turn() -> None:
            if run is self.fate:
                self.do(act)

        self.agenda.after(seconds, turn)

    def _died(self, where: str) -> None:
        away_s = self.restart_s()
        self.story.tell(self.name, f"killed: {where}; away for {away_s:.0f} s")
        self.broker.lost(self)
        self.ended()
        self.agenda.after(away_s, self.start)

    def begin(self) -> None:
        """What a run begins with."""
        raise NotImplementedError

    def did(self) -> None:
        """Called after everything that it does."""

    def ended(self) -> None:
        """The operating system takes back what it had open."""
