from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hub.gateways.secure import SecureBroker, secure_mosquitto
from tests.hub.gateways.trade import Trade
from tests.services import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.store import Store


@pytest.fixture
def trade(store: Store) -> Trade:
    return Trade(store)


@pytest.fixture
def secure() -> Iterator[SecureBroker]:
    """The shipped broker, running."""
    with tempfile.TemporaryDirectory(prefix="tocsin-broker-") as folder:
        broker = secure_mosquitto(Path(folder))
        with running(broker.process):
            yield broker
