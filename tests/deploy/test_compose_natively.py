"""docker-compose.yml is run: its commands and its files, without containers (tests/deploy/native.py says how)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.deploy.composefile import FOLDER, read_env
from tests.deploy.native import Native, running
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = {**read_env(FOLDER / "simulation.env"), "TOCSIN_HOST": "127.0.0.1"}
STATE = "--state=/var/lib/tocsin-site"


@pytest.fixture(scope="module")
def native() -> Iterator[Native]:
    """Everything of the profile, up and healthy."""
    with tempfile.TemporaryDirectory(prefix="tocsin-compose-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with running(Path(folder), VARIABLES, "simulation") as started:
            yield started


def _simulate(native: Native, *words: str) -> str:
    return native.run("tocsin", "simulate", *words, native.here(STATE), service="site")


def _mails(native: Native) -> list[dict[str, Any]]:
    answer = httpx.get(f"http://127.0.0.1:{native.ports[8090]}/mail")
    return list(answer.raise_for_status().json())


def test_whoever_starts_it_is_told_how_to_sign_in(native: Native) -> None:
    assert re.search(r"sign in as admin or sam, password \S+", native.running["move-in"].said())


def test_secrets_are_for_their_owner_alone(native: Native) -> None:
    kept = [path for path in native.path("/var/lib").rglob("*") if path.suffix in {".key", ".keys", ".password"}]
    assert len(kept) > 6
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def test_an_alarm_pressed_in_the_site_arrives_and_is_mailed(native: Native) -> None:
    _simulate(native, "hold", "alice")
    mail = eventually(lambda: next(iter(_mails(native)), None), within_s=60)
    assert "Alice" in mail["subject"] + mail["text"]
    eventually(lambda: "told: stored" in _simulate(native, "people"), within_s=60)


def test_a_hub_that_is_restarted_takes_the_next_alarm(native: Native) -> None:
    before = len(_mails(native))
    native.restart("hub")
    _simulate(native, "hold", "carol")
    eventually(lambda: len(_mails(native)) > before, within_s=60)


def test_a_backup_is_made_as_the_page_says(native: Native) -> None:
    said = native.run("tocsin", "hub", "backup", native.here("/var/backups/tocsin"), "--keep", "14")
    assert "Whole" in said


def test_setting_up_again_changes_nothing(native: Native) -> None:
    words = [native.here(word) for word in native.services["setup"].command]
    assert "Nothing to do." in native.run("tocsin", *words, service="setup")


def test_all_of_it_stops_in_time_when_asked(native: Native) -> None:
    codes = native.stop()
    assert codes.keys() == {"postgres", "mosquitto", "hub", "site", "gateway-west", "gateway-east"}
    assert all(code in {0, -15} for code in codes.values()), codes
