from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.hub.conftest import office, store, watch
from tests.replicas.ground import Ground, Mailbox
from tests.services import mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services import Postgres, Process


@pytest.fixture
def shared_broker(tmp_path: Path) -> Iterator[Process]:
    with running(mosquitto(tmp_path)) as process:
        yield process


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@contextmanager
def _running(folder: Path, url: str, people: int, replicas: int) -> Iterator[Ground]:
    with running(mosquitto(folder)) as broker, Mailbox() as box:
        here = Ground(folder, url, broker.port or 0, box, people)
        for number in range(replicas):
            here.replica(f"hub-{number}").start()
        try:
            with here.gateways:
                for each in here.replicas:
                    each.wait()
                yield here
        finally:
            here.close()


@pytest.fixture(scope="module")
def pair(postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Forty people and two replicas, for all tests of a file."""
    with _running(tmp_path_factory.mktemp("pair"), postgres.new_database(postgres_template), 40, 2) as here:
        yield here


@pytest.fixture
def three(postgres: Postgres, postgres_template: str, tmp_path: Path) -> Iterator[Ground]:
    """A hundred people and three replicas."""
    with _running(tmp_path, postgres.new_database(postgres_template), 100, 3) as here:
        yield here


__all__ = ["office", "store", "watch"]
