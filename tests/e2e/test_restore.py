"""A restore from last night's backup loses no alarm of today: hub, gateways and broker as processes."""

from __future__ import annotations

import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

from hub.store import incidents
from tests.e2e.chain import ORGANISATION, running_chain, world_file
from tests.services import eventually, mosquitto, running, tocsin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chain import Chain
    from tests.services import Postgres

PEOPLE = ["alice", "bob", "carol"]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def test_a_restore_from_last_nights_backup_loses_no_alarm_of_today(tmp_path: Path, database: str | None) -> None:
    world, backup = world_file(tmp_path, PEOPLE, loss=0.1), tmp_path / "night.tar"
    with (
        running(mosquitto(tmp_path)) as broker,
        running_chain(tmp_path, world, mqtt_port=broker.port, database=database) as chain,
    ):
        _press(chain, "alice")
        _command(chain, "backup", str(backup))
        for person in ("bob", "carol"):
            _press(chain, person)
            chain.mail(f"alarm: panic: {person}")
        _deal_with(chain, "bob")
        before = set(chain.recorded())

        chain.deployment.parts["hub"].stop()
        with closing(chain.store):
            pass
        _destroy(chain.deployment.database, tmp_path)
        assert "Restored as of" in _command(chain, "restore", str(backup))
        chain.deployment.parts["hub"].start()
        chain.deployment.parts["hub"].wait()

        with closing(chain.deployment.open_store()) as chain.store:
            eventually(lambda: set(chain.recorded()) >= before, within_s=30)
            for person in ("bob", "carol"):
                again = chain.mail(f"{person} (happened", within_s=30)
                assert "replayed after a restore" in again["subject"]
            assert chain.journal_is_whole()
            _take(chain, "carol")
            chain.told("carol", "person has it", within_s=60)
            _press(chain, "bob")
            assert chain.journal_is_whole()
            assert not chain.mails("fault: hub error")


def _press(chain: Chain, person: str) -> None:
    before = chain.person(person)["sequence"]
    chain.act(person, "hold")
    eventually(lambda: chain.person(person)["sequence"] > before, within_s=20)
    chain.told(person, "stored", within_s=60)


def _take(chain: Chain, person: str) -> str:
    incident = eventually(lambda: chain.incident(person))
    with chain.console() as console:
        console.post(f"/incidents/{incident.id}/take").raise_for_status()
    return incident.id


def _deal_with(chain: Chain, person: str) -> None:
    number = _take(chain, person)
    with chain.console() as console:
        closing_ = {"outcome": "false_alarm", "note": "spoke to them"}
        console.post(f"/incidents/{number}/close", json=closing_).raise_for_status()
    chain.told(person, "closed")
    assert chain.store.read(lambda tx: incidents.live(tx, ORGANISATION, f"worker:{person}")) is None


def _command(chain: Chain, *words: str) -> str:
    config = chain.deployment.plan.folder / "hub.toml"
    done = subprocess.run(
        tocsin("hub", *words, "--config", str(config)), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _destroy(url: str, folder: Path) -> None:
    if url.startswith("sqlite"):
        for path in folder.glob("hub.db*"):
            path.unlink()
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
