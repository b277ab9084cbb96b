"""All that the page shows and moves. Its methods may wait: they are called from threads that nobody else needs."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

from hub.domain.incident import Phase
from protocols.events import Cause, Told
from protocols.events import Stage as EventStage
from simulator import tour
from simulator.finger import Finger
from simulator.playing import Playing
from simulator.snapshot import Snapshot, TimeView, world_now

if TYPE_CHECKING:
    from simulator.access import Access
    from simulator.backstage import Backstage, BackstageView
    from simulator.pacer import Pacer
    from simulator.site import Site
    from simulator.views import PersonView

_ALARMS: Final = frozenset({Cause.PANIC.label, Cause.DISCREET_PANIC.label, Cause.FALL.label, Cause.NO_MOTION.label})
_RED: Final = frozenset({EventStage.ALARM.label, EventStage.DURESS.label})
_TOLD: Final = {told.label: told for told in Told}


class Stage:
    """Thread-safe.

    Args:
        world: what is shown.
        pacer: of its time.
        around: what runs around it; None = nothing.
    """

    def __init__(self, world: Access, pacer: Pacer, around: Backstage | None = None) -> None:
        self.world = world
        self.pacer = pacer
        self.around = around
        self.playing = None if around is None else Playing(around.deployment, self.mend)
        self._fingers: dict[str, Finger] = {}
        self._toured = 0
        self._lock = threading.Lock()

    def button(self, person: str, *, pressed: bool) -> None:
        """A finger goes on somebody's button, or leaves it.

        Raises:
            UnknownNameError: there is nobody of that name.
        """

        def act(site: Site) -> None:
            finger = self._fingers.setdefault(person, Finger(site.person(person), self.pacer))
            (finger.down if pressed else finger.up)()

        self.world.ask(act)

    def mend(self) -> None:
        """Everything as it was.

        Raises:
            NotReadyError: a program did not come up.
        """
        self.pacer.wish(1)
        self.world.wait(lambda site: site.mend())
        if self.around is not None:
            self.around.mend()
        with self._lock:
            self._toured = 0

    def snapshot(self) -> Snapshot:
        """Everything that moves, as it is now."""
        shared = self.pacer.shared
        now = self.world.ask(lambda site: world_now(site, asyncio.get_running_loop().time()))
        around = None if self.around is None else self.around.view()
        return Snapshot(
            world=now,
            time=TimeView(rate=shared.rate, wished=self.pacer.wished, bent=shared.bent_at),
            around=around,
            tour=self._tour(now.people[0], around) if now.people and around else 0,
            play=None if self.playing is None else self.playing.view,
        )

    def _tour(self, person: PersonView, around: BackstageView) -> int:
        subject = f"worker:{person.name}"
        phase = next((Phase(alarm.phase) for alarm in around.alarms if alarm.subject == subject), None)
        is_alarming = person.cause in _ALARMS and person.stage in _RED
        with self._lock:
            self._toured = tour.advance(self._toured, tour.Signs(is_alarming, _TOLD[person.told], phase))
            return self._toured
