"""The power goes while gateway and hub write: what they have promised is there afterwards.

A guest in QEMU with a disk of its own is killed at a random moment. SIGKILL of the program alone would prove nothing:
the kernel that goes on running would still write what was never synced. That this test would notice is shown by a
gateway and a hub that do not sync.
"""

from __future__ import annotations

import os
import platform
import random
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import select

from gateway.domain.moment import Moment
from gateway.outbox import Outbox
from hub.store import journal, vault
from hub.store.store import Store, open_engine
from hub.store.tables import events
from protocols.mqtt.envelope import event_id
from tests.faults.power import Computer, look_at, new_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.store.store import Tx

CUTS: Final = int(os.environ.get("TOCSIN_POWER_CUTS", "2"))
FEWEST: Final = 12
"""Promises of the hub before the cut may come; those of the gateway are ahead of them."""
WRITING_S: Final = (0.5, 6.0)
"""The cut comes so many seconds after that."""

pytestmark = [
    pytest.mark.timeout(1200 + 60 * CUTS),
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"),
        reason="the guest runs this machine's own programs under Debian's kernel for amd64: run it there",
    ),
]


@dataclass
class Promises:
    """Ids of events, by who promised them."""

    kept: set[str]
    receipted: set[str]


def read(said: Sequence[str]) -> Promises:
    words = [line.split() for line in said]
    return Promises(*({line[1] for line in words if line[0] == what} for what in ("kept", "receipted")))


@dataclass
class Broken:
    """What is not as it was promised: ids, and what the databases say of themselves."""

    outbox: set[str]
    hub: set[str]
    damage: list[str]


@pytest.fixture(scope="module")
def computer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Computer, Path]]:
    """Booted once, with the disk that it had."""
    folder = tmp_path_factory.mktemp("power")
    disk = new_disk(folder)
    made = Computer(folder)
    made.boot(disk)
    yield made, disk
    shutil.rmtree(folder)  # a guest's memory is large


def cut(computer: Computer, disk: Path, order: str, dice: random.Random) -> Promises:
    """Gateway and hub write, and at some moment the power goes."""
    with computer.start(disk, order) as session:
        session.until(lambda said: len(read(said).receipted) >= FEWEST)
        time.sleep(dice.uniform(*WRITING_S))  # the moment of the cut
        promised = read(session.cut())
    print(f"{order}: {len(promised.kept)} kept, {len(promised.receipted)} receipted when the power went")  # noqa: T201
    return promised


def broken(promised: Promises, files: Path) -> Broken:
    """What the next start of both finds."""
    damage = list(_damage(files / "hub.db"))
    outbox = _in_outbox(files / "gateway")
    damage += [path.name for path in (files / "gateway").glob("*damaged*")]
    with closing(Store(open_engine(f"sqlite:///{files / 'hub.db'}"), vault.read(files / "hub.keys"))) as store:
        recorded = store.read(_recorded)
        damage += store.read(lambda tx: [str(each) for each in journal.verify(tx)])
    return Broken(promised.kept - outbox, promised.receipted - recorded, damage)


def _damage(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    yield from (each for each in said if each != "ok")


def _in_outbox(directory: Path) -> set[str]:
    now = Moment(datetime.now(UTC), time.monotonic(), synchronised=True)
    with closing(Outbox(directory, max_mb=8, now=now)) as outbox:
        return {event.id for event in outbox.pending()}


def _recorded(tx: Tx) -> set[str]:
    columns = (events.c.address, events.c.epoch, events.c.sequence, events.c.stage)
    return {event_id(*row) for row in tx.connection.execute(select(*columns))}


def test_what_gateway_and_hub_promised_survives_a_power_cut(computer: tuple[Computer, Path], tmp_path: Path) -> None:
    """Cut after cut on the same disk: each start finds what the one before left."""
    machine, new = computer
    disk, dice = Path(shutil.copy(new, tmp_path / "disk.img")), random.Random(CUTS)
    promised = Promises(set(), set())
    for boot in range(1, CUTS + 1):
        said = cut(machine, disk, str(boot), dice)
        promised.kept |= said.kept
        promised.receipted |= said.receipted
        assert broken(promised, look_at(disk, tmp_path)) == Broken(set(), set(), [])


def test_a_gateway_and_a_hub_that_do_not_sync_are_caught(computer: tuple[Computer, Path], tmp_path: Path) -> None:
    machine, new = computer
    disk = Path(shutil.copy(new, tmp_path / "disk.img"))
    promised = cut(machine, disk, "1 outbox hub", random.Random(1))
    found = broken(promised, look_at(disk, tmp_path))
    assert found.outbox
    assert found.hub
