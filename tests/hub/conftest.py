from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.store.store import Store, open_engine
from hub.store.vault import Vault, new_key
from tests.hub.desk import Office

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def forward(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(database_url: str, watch: Watch) -> Iterator[Store]:
    """A migrated database on virtual time, once per backend."""
    opened = Store(open_engine(database_url), Vault([new_key()]), clock=watch)
    yield opened
    opened.close()


@pytest.fixture
def office(store: Store, watch: Watch) -> Office:
    return Office(store, watch)
