"""Runs inside the guest: the real outbox and the real hub write, and every promise is said after it was given.

It says ``loaded`` and waits for an order: ``BOOT`` or ``BOOT outbox hub``, where those named do not sync. From then on
``kept ID``: the gateway's outbox has written an event; ``receipted ID``: the hub has handed over its receipt. Both
write at the same time until the power is cut.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import event

from benchmarks.wearers import envelope, wearers
from gateway.domain.moment import Moment
from gateway.domain.outgoing import Outgoing, Rank
from gateway.outbox import Outbox
from hub.cases.desk import Routes
from hub.ingest.events import EventIngest
from hub.metrics import HubMetrics
from hub.store import vault
from hub.store.store import Store, open_engine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from benchmarks.wearers import Message

WEARERS: Final = 5
BATCH: Final = 4
EACH_BOOT: Final = 1_000
"""Sequence numbers and counters of a device that one boot may use."""
DISK: Final = Path("/mnt")
MOUNT: Final = ("/bin/busybox", "mount", "-t", "ext4", "-o", "commit=3600", "/dev/vda", str(DISK))


@dataclass(frozen=True)
class Arrived:
    """Stands where :class:`tocsin.mqtt.Received` stands."""

    topic: str
    payload: bytes

    def acknowledge(self) -> None:
        """No broker is there."""


class Writers:
    """Gateway and hub on one disk.

    Args:
        disk: where.
        unsynced: ``outbox``, ``hub``: planted faults.
        say: takes promises.
    """

    def __init__(self, disk: Path, unsynced: Collection[str], say: IO[str]) -> None:
        self._say = say
        self._on_their_way: queue.Queue[Message] = queue.Queue(BATCH)
        self._hub = self._new_hub(disk, synced="hub" not in unsynced)
        self._outbox = _new_outbox(disk / "gateway", synced="outbox" not in unsynced)

    def _new_hub(self, disk: Path, *, synced: bool) -> EventIngest:
        engine = open_engine(f"sqlite:///{disk / 'hub.db'}")
        if not synced:
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        store = Store(engine, vault.read(disk / "hub.keys"))
        return EventIngest(store, Routes(email=True), self._receipt, HubMetrics())

    def run(self, messages: Iterator[Message]) -> None:
        """Until there are no more."""
        threading.Thread(target=self._record, daemon=True).start()
        for message in messages:
            self._keep(message)
            self._on_their_way.put(message)

    def _keep(self, message: Message) -> None:
        now, number = _now(), str(json.loads(message.payload)["id"])
        self._outbox.hold(Outgoing(number, Rank.ALARM, message.payload, now.wall, device=number))
        self._outbox.flush(now)
        if not self._outbox.is_unstored(number):
            self._promise("kept", number)

    def _record(self) -> None:
        while True:
            batch = [self._on_their_way.get() for _ in range(BATCH)]
            self._hub.step([Arrived(*message) for message in batch])  # type: ignore[misc]

    def _receipt(self, _topic: str, payload: bytes) -> bool:
        self._promise("receipted", json.loads(payload)["data"]["event"])
        return True

    def _promise(self, what: str, number: str) -> None:
        self._say.write(f"{what} {number}\n")
        self._say.flush()


def _new_outbox(directory: Path, *, synced: bool) -> Outbox:
    outbox = Outbox(directory, max_mb=8, now=_now())
    if not synced:
        database: Any = outbox._database
        database._connection.execute("PRAGMA synchronous = OFF")
    return outbox


def _now() -> Moment:
    return Moment(datetime.now(UTC), monotonic(), synchronised=True)


def messages(boot: int) -> Iterator[Message]:
    """Panics and check-ins, all of them new: a later boot goes on where no earlier one can have come to."""
    first = boot * EACH_BOOT
    people = [replace(each, counter=first, sequence=first) for each in wearers(WEARERS)]
    for number, wearer in zip(count(), cycle(people)):
        yield envelope(wearer, wearer.check_in() if number % 2 else wearer.panic())


def main() -> None:
    (port,) = Path("/dev").glob("vport*p1")
    line = os.open(port, os.O_RDWR)
    with open(line, "w", encoding="utf-8") as say, open(line, encoding="utf-8", closefd=False) as orders:  # noqa: PTH123 - a descriptor
        say.write("loaded\n")
        say.flush()
        boot, *unsynced = orders.readline().split()
        subprocess.run(MOUNT, check=True)
        Writers(DISK, unsynced, say).run(messages(int(boot)))


if __name__ == "__main__":
    main()
