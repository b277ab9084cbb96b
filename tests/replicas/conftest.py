from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.conftest import office, store, watch
from tests.replicas.ground import Ground, Mailbox
from tests.services import mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture
def ground(
    shared_broker: Process, postgres: Postgres, postgres_template: str, mailbox: Mailbox, tmp_path: Path
) -> Iterator[Callable[[int, int], Ground]]:
    """Call it with the number of people and of replicas; these are started."""
    made: list[Ground] = []

    def make(people: int, replicas: int) -> Ground:
        url = postgres.new_database(postgres_template)
        one = Ground(tmp_path, url, shared_broker.port or 0, mailbox, people)
        made.append(one)
        for number in range(replicas):
            one.replica(f"hub-{number}").start()
        one.gateways.__enter__()
        for each in one.replicas:
            each.wait()
        return one

    yield make
    for one in made:
        one.gateways.__exit__()
        one.close()


__all__ = ["office", "store", "watch"]
