"""What runs around the world, and can be broken: programs, cables, clocks; and what they say of themselves."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from hub.domain.incident import IN_HAND, Phase
from hub.domain.ladder import LADDER
from hub.store import directory
from hub.store.store import StoreUnavailableError
from hub.web import reading
from hub.web.views import naming
from hub.web.views.alarms import who
from simulator.office import ORGANISATION
from simulator.part import PartState
from simulator.world import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.store.incidents import IncidentRecord
    from hub.store.store import Store, Tx
    from simulator.deployment import Deployment
    from simulator.part import Part

_PATIENCE_S: Final = 0.4
_PREFIX: Final = "tocsin_gateway_"


class PartAct(StrEnum):
    """What can be done to a program."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    FREEZE = "freeze"
    THAW = "thaw"


class GatewayFacts(BaseModel):
    """One gateway's program.

    Attributes:
        plugged_in: its network cable.
        step_s: seconds by which its wall clock is ahead.
        answers: it says how it is; what follows is what it last said.
        waiting: events without a receipt.
        connected: to the broker.
        hub_online: what it knows of the hub.
        blind: it hears nothing although it should.
        refused: frames that it did not believe.
    """

    plugged_in: bool = True
    step_s: float = 0.0
    answers: bool = False
    waiting: int = 0
    connected: bool = False
    hub_online: bool = False
    blind: bool = False
    refused: int = 0


class AlarmView(BaseModel):
    """A live incident of the hub. ``subject`` is who it is about, by id, ``about`` the same by name.

    ``next`` says what happens by itself, and ``due`` when (ISO 8601).
    """

    id: str
    subject: str
    about: str
    kind: str
    phase: str
    holder: str | None
    next: str
    due: str | None


class BackstageView(BaseModel):
    """All of it. ``parts`` are the states of the programs by name."""

    parts: dict[str, PartState]
    gateways: dict[str, GatewayFacts]
    alarms: list[AlarmView]
    faults: list[str]


class Backstage:
    """Thread-safe: each look replaces what was seen before.

    Args:
        deployment: what runs.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._store: Store | None = None
        self._said: dict[str, Mapping[str, float]] = {}
        self._alarms: list[AlarmView] = []
        self._faults: list[str] = []

    @property
    def console_url(self) -> str:
        return self.deployment.url

    def look(self) -> None:
        """Ask gateways and hub how they are. Takes up to a second when some do not answer."""
        self._said = {name: self._ask(name) for name in list(self.deployment.cables)}
        with suppress(StoreUnavailableError, SQLAlchemyError):  # a database that is away tells nothing new
            self._store = self._store or self.deployment.open_store()
            self._alarms, self._faults = self._store.read(_from_database)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _ask(self, gateway: str) -> Mapping[str, float]:
        port = self.deployment.metrics_ports.get(gateway)
        if port is None or self.part(f"gateway-{gateway}").state is not PartState.RUNNING:
            return {}
        try:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE_S).text
        except httpx.TransportError:
            return {}
        return _figures(text)

    def view(self) -> BackstageView:
        """What was last seen."""
        deployment = self.deployment
        return BackstageView(
            parts={name: part.state for name, part in list(deployment.parts.items())},
            gateways={name: self._gateway(name) for name in list(deployment.cables)},
            alarms=self._alarms,
            faults=self._faults,
        )

    def _gateway(self, name: str) -> GatewayFacts:
        said = self._said.get(name, {})
        return GatewayFacts(
            plugged_in=self.deployment.cables[name].is_plugged_in,
            step_s=self.deployment.steps.get(name, 0.0),
            answers=bool(said),
            waiting=int(said.get("outbox_depth", 0)),
            connected=bool(said.get("alarm_connection_up")),
            hub_online=said.get("hub_online") == 1,
            blind=bool(said.get("blind")),
            refused=int(said.get("frames_refused_total", 0)),
        )

    def part(self, name: str) -> Part:
        """One program.

        Raises:
            UnknownNameError: there is none of that name.
        """
        parts = self.deployment.parts
        if name not in parts:
            raise UnknownNameError("program", name, parts)
        return parts[name]

    def act(self, name: str, act: PartAct) -> None:
        """Do it; a start returns when the program is up.

        Raises:
            UnknownNameError: there is none of that name.
            NotReadyError: it did not come up.
        """
        part = self.part(name)
        acts: Mapping[PartAct, Callable[[], None]] = {
            PartAct.STOP: part.stop,
            PartAct.KILL: part.kill,
            PartAct.FREEZE: part.freeze,
            PartAct.THAW: part.thaw,
        }
        if act is PartAct.START:
            _start(part)
        else:
            acts[act]()

    def plug(self, gateway: str, *, plugged_in: bool) -> None:
        """Put a network cable in, or pull it out.

        Raises:
            UnknownNameError: there is none of that name.
        """
        cable = self.deployment.cables[self._known(gateway)]
        (cable.plug_in if plugged_in else cable.pull)()

    def step_clock(self, gateway: str, seconds: float) -> None:
        """Set a gateway's wall clock wrong.

        Raises:
            UnknownNameError: there is none of that name.
        """
        self.deployment.step_clock(self._known(gateway), seconds)

    def _known(self, gateway: str) -> str:
        if gateway not in self.deployment.cables:
            raise UnknownNameError("gateway", gateway, self.deployment.cables)
        return gateway

    def mend(self) -> None:
        """Everything runs, is plugged in and has the right time; no alarm is open, and sessions begin anew.

        Raises:
            NotReadyError: something did not come up.
        """
        for name, cable in self.deployment.cables.items():
            cable.plug_in()
            self.deployment.step_clock(name, 0)
        down = [part for part in self.deployment.parts.values() if part.state is not PartState.RUNNING]
        for part in down:
            part.thaw()
            part.start()
        for part in down:
            part.wait()
        self.deployment.begin_anew()

    def sign_in(self) -> list[str]:
        """The cookies of a browser that is signed in to the console, as whole ``Set-Cookie`` values.

        Raises:
            httpx.HTTPError: the hub does not let us in, or does not answer.
        """
        plan = self.deployment.plan
        answer = httpx.post(f"{self.console_url}/sign-in", data={"name": "admin", "password": plan.password}, timeout=5)
        if answer.is_error:
            answer.raise_for_status()
        return answer.headers.get_list("set-cookie")


def _start(part: Part) -> None:
    part.thaw()
    part.start()
    part.wait()


def _figures(text: str) -> dict[str, float]:
    """Gauges and counters by name, those with labels added up."""
    figures: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix(_PREFIX)
            figures[name] = figures.get(name, 0.0) + sample.value
    return figures


def _from_database(tx: Tx) -> tuple[list[AlarmView], list[str]]:
    organisation = directory.get_organisation(tx, ORGANISATION)
    if organisation is None:
        return [], []
    facts = reading.board(tx, organisation)
    names = facts.names
    known = [f"{naming.headline(one)}: {naming.subject(one, names, facts.sessions)}" for one in facts.faults]
    return [_alarm(record, who(record, names)) for record in facts.incidents], known


def _alarm(record: IncidentRecord, about: str) -> AlarmView:
    state = record.state
    return AlarmView(
        id=record.id,
        subject=record.subject,
        about=about,
        kind=state.kind.label,
        phase=state.phase.value,
        holder=state.holder,
        next=_next(record),
        due=None if state.due is None else state.due.isoformat(),
    )


def _next(record: IncidentRecord) -> str:
    state = record.state
    if state.due is None:
        return ""
    if state.phase is Phase.PENDING:
        return "an alarm, unless the wearer cancels"
    if state.phase in IN_HAND:
        return "everyone is reminded"
    return f"told next: {LADDER[min(state.rung + 1, len(LADDER) - 1)].audience.value.replace('_', ' ')}"
