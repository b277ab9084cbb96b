"""``python -m benchmarks [NAME …]``: all of :data:`NAMES`, unless some are named."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import adverts, alarms, deadman, events, memory, replicas, report, restart, storm
from benchmarks.mail import Mails
from benchmarks.publisher import Publisher
from tests.services import Postgres, free_port, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.figures import Figure


class Bench:
    """Broker, databases, mail server and publisher of one run.

    Args:
        folder: for everything.
        stack: ends what was started.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._numbers = count()
        self._broker = free_port()
        stack.enter_context(running(mosquitto(folder, self._broker)))
        self._mails = stack.enter_context(Mails(free_port()))
        self._publisher = stack.enter_context(Publisher(self._broker))
        self._postgres = _postgres(folder, stack)

    def adverts(self) -> list[Figure]:
        return adverts.measure(self._folder, self._broker)

    def events(self) -> list[Figure]:
        return events.measure(self._folder, self._databases(), self._broker, self._publisher)

    def storm(self) -> list[Figure]:
        return storm.measure(self._folder, self._databases(), self._broker, self._publisher, self._mails)

    def alarms(self) -> list[Figure]:
        return alarms.measure(self._folder, self._broker, self._mails)

    def memory(self) -> list[Figure]:
        return memory.measure(self._folder, self._broker)

    def restart(self) -> list[Figure]:
        return restart.measure(self._folder, self._databases(), self._broker, self._publisher)

    def replicas(self) -> list[Figure]:
        return replicas.measure(self._folder, self._postgres.new_database, self._broker, self._publisher)

    def deadman(self) -> list[Figure]:
        return deadman.measure(self._folder, {"hub on SQLite": self._new_sqlite}, self._broker)

    def deadman_postgresql(self) -> list[Figure]:
        return deadman.measure(self._folder, {"hub on PostgreSQL": self._postgres.new_database}, self._broker)

    def _databases(self) -> dict[str, Callable[[], str]]:
        return {"hub on SQLite": self._new_sqlite, "hub on PostgreSQL": self._postgres.new_database}

    def _new_sqlite(self) -> str:
        return f"sqlite:///{self._folder / f'hub-{next(self._numbers)}.db'}"


def _postgres(folder: Path, stack: ExitStack) -> Postgres:
    place = folder / "postgres"
    place.mkdir()
    folder.chmod(0o755)  # PostgreSQL runs as somebody else when we are root
    server = Postgres(place)
    stack.callback(server.process.kill)
    server.start()
    return server


def _keep_bytecode(folder: Path) -> None:
    """The programs started here are compiled once, not at each start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


NAMES: Final = ("adverts", "memory", "events", "storm", "alarms", "restart", "deadman", "replicas")
MORE: Final = ("deadman_postgresql",)
"""Only when they are named."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, *MORE, []], metavar="|".join([*NAMES, *MORE]))
    names = parser.parse_args().names or NAMES
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started here ends with it
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as place, ExitStack() as stack:
        folder = Path(place)
        _keep_bytecode(folder / "bytecode")
        machine = report.machine(folder)
        bench = Bench(folder, stack)
        figures = [figure for name in names for figure in _one(bench, name)]
    if not figures:
        sys.exit(1)
    print(f"\n{report.table(figures)}\n\n{report.save(figures, machine, began)}")


def _one(bench: Bench, name: str) -> list[Figure]:
    """What fails costs its own figures and no others."""
    start = time.monotonic()
    try:
        figures: list[Figure] = getattr(bench, name)()
    except Exception:  # noqa: BLE001 - it is printed
        traceback.print_exc()
        print(f"{name}: FAILED", flush=True)
        return []
    print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    return figures


if __name__ == "__main__":
    main()
