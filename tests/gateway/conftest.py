from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.services import Process, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[Process]:
    with running(mosquitto(tmp_path)) as broker:
        yield broker
