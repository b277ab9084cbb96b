from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.store import schema
from hub.store.store import open_engine
from hub.store.vault import Vault, new_key
from tests.services import BROKERS, Postgres, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.services import Process


for _name in [name for name in os.environ if name.startswith(("TOCSIN_HUB_", "TOCSIN_GATEWAY_", "TOCSIN_SITE"))]:
    del os.environ[_name]  # no test may reach what somebody's shell says of a hub that is at work


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run; each test gets a database of its own from it. It outlives no power cut."""
    with tempfile.TemporaryDirectory(prefix="tocsin-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder), ["fsync=off", "full_page_writes=off", "autovacuum=off"])
        server.start()
        yield server
        server.process.kill()


ALONE = {"contract", "deploy", "e2e", "faults", "replicas", "soak"}
"""Folders of tests that start many processes and wait for them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of :data:`ALONE` are marked ``alone``: ``make test`` runs them one at a time, the others side by side."""
    here = Path(__file__).parent
    for item in items:
        if ALONE & set(item.path.relative_to(here).parts):
            item.add_marker(pytest.mark.alone)


BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(params=BACKENDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, once per backend."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "hub.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    url = postgres.new_database()
    migrate(url)
    return url.rpartition("/")[2]


def migrate(url: str) -> None:
    engine = open_engine(url)
    schema.prepare(engine, Vault([new_key()]))
    engine.dispose()


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without rows, once per backend."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hub.db")
        return f"sqlite:///{tmp_path / 'hub.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(request.getfixturevalue("postgres_template"))


@pytest.fixture(params=sorted(BROKERS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A running MQTT broker, once per kind."""
    with running(BROKERS[request.param](tmp_path)) as process:
        yield process
