"""The people at the hub: who they are, whom they watch over, and what they do about alarms, or don't."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hub.cases import incidents, sessions
from hub.domain.incident import NotPossibleError, Outcome
from hub.domain.session import Risk, SessionError
from hub.store import device_keys, devices, directory
from hub.store.devices import Device
from hub.store.directory import Account, Organisation, Place, Role, Worker
from protocols.ids import OrganisationId, PlaceId, WorkerId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from hub.cases.desk import Desk
    from simulator.explore.agenda import Agenda
    from simulator.explore.hub import HubProcess
    from simulator.explore.ledger import Ledger
    from simulator.explore.story import Story
    from simulator.explore.wearer import Wearer

ACME: Final = OrganisationId("acme")
PEOPLE: Final = ("sam", "mo")
_BEGAN_BEFORE: Final = timedelta(minutes=10)
_WORDS: Final = {"take": "taken", "help": "help sent", "close": "closed"}


class Office:
    """Two people who are told, and the sessions that they have logged."""

    def __init__(self, agenda: Agenda, hub: HubProcess, ledger: Ledger, story: Story, dice: Random) -> None:
        self._agenda, self._hub, self._ledger, self._story, self._dice = agenda, hub, ledger, story, dice
        self._sessions: list[tuple[str, str]] = []

    def found(self, wearers: Sequence[Wearer]) -> None:
        """Written before the world begins."""
        self._hub.desk(partial(self._found, wearers))

    def _found(self, wearers: Sequence[Wearer], desk: Desk) -> None:
        tx = desk.tx
        directory.add_organisation(tx, Organisation(ACME, "Acme", "Europe/London"))
        for name, role in zip(PEOPLE, (Role.SUPERVISOR, Role.MANAGER), strict=True):
            directory.add_account(tx, Account(ACME, name, name.title(), f"{name}@acme.example", role))
        directory.add_place(tx, Place(ACME, PlaceId("home"), "Home"))
        for wearer in wearers:
            worker = WorkerId(wearer.name)
            directory.add_worker(tx, Worker(ACME, worker, wearer.name.title(), None, None, PEOPLE[0]))
            devices.add(tx, Device(ACME, wearer.address, wearer.name))
            device_keys.add(tx, ACME, wearer.address, wearer.root)
            devices.assign(tx, ACME, wearer.address, worker)

    def log_session(self, wearer: Wearer, risk: Risk, minutes: float, ahead_s: float = 0.0) -> None:
        """``minutes`` until its expected end; if negative, it is logged too late. It starts now, or ``ahead_s``."""
        now = self._hub.clock.now()
        starts = now + timedelta(seconds=ahead_s) if ahead_s else now - _BEGAN_BEFORE
        ends = now + timedelta(minutes=minutes)
        new = sessions.NewSession(wearer.name, "home", starts, ends, risk, start_now=not ahead_s)
        made: list[Any] = []
        if self._hub.desk(lambda desk: made.append(sessions.log(desk, ACME, new, PEOPLE[0]))):
            self._sessions.append((wearer.name, made[-1].id))
            self._story.tell(PEOPLE[0], f"logs a session of {wearer.name}, risk {risk}, {minutes:.0f} min")

    def end_session(self, name: str) -> None:
        for worker, session in [each for each in self._sessions if each[0] == name]:
            try:
                if self._hub.desk(lambda desk, of=session: sessions.end(desk, ACME, of, PEOPLE[0])):  # type: ignore[misc]
                    self._story.tell(PEOPLE[0], f"ends the session of {worker}")
            except SessionError:
                continue

    def look(self) -> None:
        """Somebody goes through what is live and does something about one of them."""
        query = "SELECT id FROM incidents WHERE phase IN ('open', 'taken', 'help_sent') ORDER BY opened_at, id"
        live = [number for (number,) in self._hub.disk.connection.look(query)]
        if live:
            person, action = self._dice.choice(PEOPLE), self._dice.choices(("take", "help", "close"), (6, 2, 3))[0]
            self._act(person, action, self._dice.choice(live))

    def _act(self, person: str, action: str, incident: str) -> None:
        word = _WORDS[action]
        known = self._ledger.people.get((incident, word))
        self._ledger.people[incident, word] = person
        try:
            done = self._hub.desk(_ACTIONS[action](incident, person))
        except NotPossibleError:
            done = False
        if done:
            self._story.tell(person, f"{action}: incident {incident[:6]}")
        elif known is None and not self._hub.fate.dead:
            del self._ledger.people[incident, word]


def _take(incident: str, person: str) -> Callable[[Desk], object]:
    return lambda desk: incidents.take(desk, ACME, incident, person)


def _help(incident: str, person: str) -> Callable[[Desk], object]:
    return lambda desk: incidents.help_sent(desk, ACME, incident, person)


def _close(incident: str, person: str) -> Callable[[Desk], object]:
    return lambda desk: incidents.close(desk, ACME, incident, person, Outcome.GENUINE, "seen to")


_ACTIONS: Final = {"take": _take, "help": _help, "close": _close}
