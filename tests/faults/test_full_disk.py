"""Disks without a byte left, under a gateway's outbox and under the hub's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx
import pytest

from hub.store.faults import FaultKind
from simulator.deployment import Deployment
from tests.faults.breaking import SmallDisk, small_disk
from tests.faults.ledger import assert_each_alarm_notified, assert_recorded_once
from tests.faults.scene import GATEWAY, chain_of, expected, figures, open_faults, plan, small_world, troubles
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.chain import Chain

FIRST: Final = [f"first-{number}" for number in range(10)]
SECOND: Final = [f"second-{number}" for number in range(10)]
"""So many that SQLite finds no room for all of their alarms in what its file and log have already."""
PEOPLE: Final = [*FIRST, *SECOND, "cleo", "dan", "eve"]
OUTBOX_KB: Final = 1024
HUB_KB: Final = 8192
CATCH_UP_S: Final = 60
MAILS_AT_ONCE: Final = 6
"""So many may be handed over and not marked when the disk is full; each of them comes twice."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("full")


@pytest.fixture(scope="module")
def gateways_disk(folder: Path) -> Iterator[SmallDisk]:
    with small_disk(folder / GATEWAY, OUTBOX_KB) as disk:
        yield disk


@pytest.fixture(scope="module")
def hubs_disk(folder: Path) -> Iterator[SmallDisk]:
    with small_disk(folder / "hub", HUB_KB) as disk:
        yield disk


@pytest.fixture(scope="module")
def chain(folder: Path, gateways_disk: SmallDisk, hubs_disk: SmallDisk) -> Iterator[Chain]:
    database = f"sqlite:///{hubs_disk.path / 'hub.db'}"
    world = small_world(folder, PEOPLE)
    with (
        running(mosquitto(folder)) as broker,
        chain_of(Deployment(plan(folder, world, mqtt_port=broker.port, database=database))) as started,
    ):
        yield started


def test_a_gateway_whose_disk_is_full_says_so_and_passes_every_alarm_on(chain: Chain, gateways_disk: SmallDisk) -> None:
    (gateways_disk.path / "outbox.ballast").unlink()  # kept for this; somebody else was faster
    gateways_disk.fill()
    for person in FIRST:
        chain.act(person, "hold")
    for person in FIRST:
        chain.told(person, "stored", within_s=CATCH_UP_S)
    eventually(lambda: open_faults(chain, FaultKind.GATEWAY_SHEDDING), within_s=30)
    (fault,) = open_faults(chain, FaultKind.GATEWAY_SHEDDING)
    assert fault.subject == GATEWAY
    chain.mail("gateway disk full")


def test_what_a_full_disk_did_not_take_and_the_network_did_not_carry_is_heard_again_after_a_restart(
    chain: Chain, gateways_disk: SmallDisk
) -> None:
    cable = chain.deployment.cables[GATEWAY]
    cable.pull()
    for person in SECOND:
        chain.act(person, "hold")
    eventually(lambda: figures(chain)["outbox_depth"] >= len(SECOND), within_s=30)
    assert figures(chain)["outbox_unstored"] >= 1
    gateway = chain.deployment.parts[f"gateway-{GATEWAY}"]
    gateway.kill()
    gateway.start()
    eventually(lambda: _shows(chain, "outbox_unstored"), within_s=60)
    cable.plug_in()
    for person in SECOND:
        chain.told(person, "stored", within_s=CATCH_UP_S)


def test_when_there_is_room_again_the_gateway_keeps_events_on_its_disk(chain: Chain, gateways_disk: SmallDisk) -> None:
    gateways_disk.free()
    cable = chain.deployment.cables[GATEWAY]
    cable.pull()
    chain.act("cleo", "hold")
    eventually(lambda: figures(chain)["outbox_depth"] >= 1, within_s=30)
    eventually(lambda: figures(chain)["outbox_unstored"] == 0, within_s=90)
    gateway = chain.deployment.parts[f"gateway-{GATEWAY}"]
    gateway.kill()
    chain.act("cleo", "smash")  # from now on the disk is the only place where her alarm is
    cable.plug_in()
    gateway.start()
    eventually(lambda: len(chain.recorded()) == len(FIRST) + len(SECOND) + 1, within_s=CATCH_UP_S)


def test_a_hub_whose_disk_is_full_acknowledges_nothing_says_so_and_goes_on_when_there_is_room(
    chain: Chain, hubs_disk: SmallDisk
) -> None:
    hubs_disk.fill()
    eventually(lambda: any("the database takes nothing" in one for one in troubles(chain)), within_s=60)
    eventually(lambda: figures(chain)["hub_online"] == 0, within_s=60)
    chain.act("dan", "hold")
    chain.act("eve", "hold")
    chain.told("dan", "not delivered", within_s=60)
    chain.told("eve", "not delivered", within_s=30)
    assert figures(chain)["outbox_depth"] >= 2
    assert len(chain.recorded()) == len(PEOPLE) - 2
    hubs_disk.free()
    for person in ("dan", "eve"):
        chain.told(person, "stored", within_s=CATCH_UP_S)
    eventually(lambda: not troubles(chain), within_s=CATCH_UP_S)
    eventually(lambda: figures(chain)["hub_online"] == 1, within_s=60)
    assert_recorded_once(chain, expected(*PEOPLE))
    assert assert_each_alarm_notified(chain) <= MAILS_AT_ONCE


def _shows(chain: Chain, figure: str) -> bool:
    """The gateway is there again."""
    try:
        return figure in figures(chain)
    except httpx.TransportError:
        return False
