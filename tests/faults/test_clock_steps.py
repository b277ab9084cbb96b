"""The wall clock of a host is set while people work: of the hub's machine, of the database's, of a gateway's.

The clocks are libfaketime's; the monotonic ones go on. What is stated: a deadline that waits comes up in time when the
clock is set back; when it is set forward, what was due meanwhile comes up at once. Then a device may be missed that was
not heard since: its wearer is asked, and nobody else is told before the next digest has settled it.
"""

from __future__ import annotations

import stat
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.clockwatch import SUBJECT
from hub.domain.ladder import WELFARE_WINDOW
from hub.domain.session import Risk, SessionPhase
from hub.store import faults
from hub.store import sessions as session_rows
from hub.store.faults import FaultKind
from simulator.deployment import ORGANISATION, Deployment
from tests.faults.breaking import ClockedPart, FakeClock, database, monotonic
from tests.faults.ledger import assert_each_alarm_notified, assert_recorded_once
from tests.faults.scene import GATEWAY, chain_of, expected, heard_anew, open_faults, plan, small_world
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulator.deployment import Plan
    from tests.e2e.chain import Chain

    Site = tuple[Chain, FakeClock, FakeClock]

HOUR: Final = 3600
NOTICED_S: Final = 20
"""A step is booked within a second; what a slow machine makes of that."""
AHEAD_S: Final = 15
EARLY_S: Final = 2
LATE_S: Final = 20

pytestmark = pytest.mark.timeout(240)


class Clocked(Deployment):
    """Everybody has the machine's clock, hub and gateways one that can be set.

    Args:
        plan: what to put up.
        clocks: by part.
    """

    def __init__(self, plan: Plan, clocks: dict[str, FakeClock]) -> None:
        super().__init__(plan)
        self._clocks = clocks

    def _begin(self, name: str, arguments: list[str], is_up: Callable[[], bool]) -> ClockedPart:
        own = _without_clock(arguments) if name != "hub" else ["hub", "run", "--config", arguments[3]]
        part = ClockedPart(name, self.plan.folder, own, is_up)
        if name in self._clocks:
            part.with_clock(self._clocks[name])
        self.parts[name] = part
        part.start()
        return part


def _without_clock(arguments: list[str]) -> list[str]:
    """Not the world's time."""
    kept = list(arguments)
    for option in ("--clock", "--step"):
        if option in kept:
            at = kept.index(option)
            del kept[at : at + 2]
    return kept


@contextmanager
def _site(folder: Path, store: str) -> Iterator[tuple[Chain, FakeClock, FakeClock]]:
    """A site, the clock by which its hub goes, and its gateway's."""
    hubs, gateways = FakeClock(_for_everybody(folder, "hub.time")), FakeClock(_for_everybody(folder, "gateway.time"))
    world = small_world(folder, ["ann", "ben", "cleo", "heard", "dora"])
    clocks = {f"gateway-{GATEWAY}": gateways}
    with ExitStack() as stack:
        url = None
        if store == "postgresql":
            url = stack.enter_context(database(hubs.environment)).url
        else:
            clocks["hub"] = hubs
        broker = stack.enter_context(running(mosquitto(folder)))
        site = Clocked(plan(folder, world, mqtt_port=broker.port, database=url), clocks)
        yield stack.enter_context(chain_of(site)), hubs, gateways


def _for_everybody(folder: Path, name: str) -> Path:
    """A file beside the folder that the database's user may not enter."""
    path = folder / name
    for parent in (folder, *folder.parents[:2]):
        if not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(0o755)
    return path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with _site(tmp_path_factory.mktemp("clocks"), request.param) as (chain, hubs, gateways):
        chain.session("heard", Risk.HIGH)
        yield chain, hubs, gateways


def test_a_clock_of_the_hub_set_back_an_hour_is_said_and_delays_no_deadline(site: Site) -> None:
    chain, hubs, _ = site
    heard_anew(chain, "heard")
    planned = _plan_session(chain, "ben")
    planned_at = monotonic()
    hubs.set(-HOUR)
    _is_said(chain, "stepped back by 3600 s")
    eventually(partial(_is_under_way, chain, planned), within_s=AHEAD_S + LATE_S)
    assert monotonic() - planned_at >= AHEAD_S - EARLY_S
    chain.act("ann", "hold")
    chain.told("ann", "stored", within_s=30)
    assert "happened" not in chain.mail("ALARM: panic: Ann")["subject"]
    assert chain.incident("heard") is None
    assert open_faults(chain, FaultKind.DEVICE_SILENT) == []


def test_a_clock_of_the_hub_set_forward_an_hour_is_said_and_calls_nobody_to_who_is_heard(site: Site) -> None:
    chain, hubs, _ = site
    chain.store.write(lambda tx: faults.clear(tx, ORGANISATION, FaultKind.CLOCK_STEP, SUBJECT))
    hubs.set(0)
    _is_said(chain, "stepped forward by 3600 s")
    heard_anew(chain, "heard")
    eventually(lambda: chain.incident("heard") is None, within_s=WELFARE_WINDOW.total_seconds() / 2)
    eventually(lambda: not open_faults(chain, FaultKind.GATEWAY_SILENT), within_s=30)
    about = [mail for mail in chain.mails("silence: heard") if mail["recipients"] != ["heard@demo.example"]]
    assert about == []


def test_a_gateway_whose_clock_is_an_hour_off_passes_alarms_on_and_vouches_for_who_it_hears(site: Site) -> None:
    chain, _, gateways = site
    for person, seconds in (("cleo", HOUR), ("dora", -HOUR)):
        gateways.set(seconds)
        chain.act(person, "hold")
        chain.told(person, "stored", within_s=60)
        heard_anew(chain, "heard")
    assert chain.incident("heard") is None
    assert open_faults(chain, FaultKind.GATEWAY_SILENT) == []
    assert_each_alarm_notified(chain)
    assert_recorded_once(chain, expected("ann", "cleo", "dora"))


def _plan_session(chain: Chain, person: str) -> str:
    """A session that begins by itself in a moment."""
    starts = chain.deployment.hosted.time.now() + timedelta(seconds=AHEAD_S)
    new = sessions.NewSession(person, "hall", starts, starts + timedelta(hours=1), Risk.NORMAL)
    return chain.store.write(lambda tx: sessions.log(Desk(tx, Routes()), ORGANISATION, new, "admin")).id


def _is_under_way(chain: Chain, session: str) -> bool:
    record = chain.store.read(lambda tx: session_rows.get(tx, ORGANISATION, session))
    return record is not None and record.state.phase is SessionPhase.ACTIVE


def _is_said(chain: Chain, what: str) -> None:
    eventually(lambda: open_faults(chain, FaultKind.CLOCK_STEP), within_s=NOTICED_S)
    (fault,) = open_faults(chain, FaultKind.CLOCK_STEP)
    assert what in fault.detail
    chain.mail("clock stepped")
