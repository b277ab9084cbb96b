"""The gateway's program at a real hub and the shipped broker: enrolled, rotated, revoked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gateway.enrolment.enrol import enrol
from gateway.enrolment.files import Files
from hub.backup import restore, take
from hub.cases import gateways
from hub.cases.desk import Routes
from protocols.mqtt.envelope import GatewayState
from tests.gateway.test_enrolled import Enrolled
from tests.hub.gateways.conftest import secure  # noqa: F401 - a fixture
from tests.hub.gateways.site import Site
from tests.hub.gateways.trade import ACME
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.presence import GatewayRecord
    from tests.hub.gateways.secure import SecureBroker


@pytest.fixture
def site(secure: SecureBroker, tmp_path: Path) -> Iterator[Site]:  # noqa: F811 - the fixture
    site = Site(secure, f"sqlite:///{tmp_path / 'hub.db'}")
    site.serve()
    try:
        yield site
    finally:
        site.close()


def state(site: Site) -> GatewayState | str | None:
    known: GatewayRecord | None = site.known("north")
    return None if known is None else known.state


def generation(files: Files) -> int | None:
    """Of the credential that it uses; None when it has none that was not revoked."""
    identity = files.identity()
    return None if identity is None or identity.revoked_at is not None else identity.credential.generation


def enrolled(site: Site, files: Files) -> list[str]:
    said: list[str] = []
    enrol(f"https://127.0.0.1:{site.port}", site.trade.code("north"), files, said.append)
    return said


def test_a_gateway_enrols_at_a_hub_rotates_when_asked_and_is_cut_off_when_revoked(site: Site, tmp_path: Path) -> None:
    files = Files(tmp_path / "data")
    assert "This is the hub that made the code" in enrolled(site, files)[0]
    site.trade.do(lambda desk: gateways.rotate(desk, ACME, "north", "ada"))
    with Enrolled(tmp_path) as gateway:
        eventually(lambda: state(site) == GatewayState.ONLINE, within_s=20)
        eventually(lambda: site.trade.live() == ["acme.north.2"], within_s=40)
        eventually(lambda: gateway.metric("alarm_connection_up") == 1)
        eventually(lambda: generation(files) == 2)
        assert site.accused() == {}
        site.trade.revoke()
        eventually(lambda: gateway.metric("alarm_connection_up") == 0, within_s=20)


def test_a_gateway_that_rotated_goes_on_and_replays_after_a_restore_from_before(site: Site, tmp_path: Path) -> None:
    files = Files(tmp_path / "data")
    enrolled(site, files)
    with Enrolled(tmp_path) as gateway:
        eventually(lambda: state(site) == GatewayState.ONLINE, within_s=20)
        take.backup(site.hub.store, tmp_path / "night.tar")
        site.trade.do(lambda desk: gateways.rotate(desk, ACME, "north", "ada"))
        eventually(lambda: site.trade.live() == ["acme.north.2"], within_s=40)
        keys = site.hub.store.vault
        site.hub.stop()
        eventually(lambda: gateway.metric("hub_online") == 0, within_s=20)
        url, now = site.settings.database_url(), datetime.now(UTC)
        done = restore.restore(tmp_path / "night.tar", url, keys, Routes(), replace=True, now=now)
        site.hub = site._start()
        assert site.trade.live() == ["acme.north.2"]
        eventually(lambda: gateway.metric("hub_online") == 1, within_s=40)
        assert gateway.metric("alarm_connection_up") == 1
        eventually(lambda: generation(files) == 2)
    with closing(sqlite3.connect(tmp_path / "data" / "outbox.db")) as outbox:
        (followed,) = outbox.execute("SELECT value FROM facts WHERE name = 'hub restored'").fetchone()
    assert followed == done.aftermath.restore.number, "what it had handed over is offered again"


def test_a_code_that_somebody_else_used_first_is_told_to_both_ends(site: Site, tmp_path: Path) -> None:
    code = site.trade.code("north")
    enrol(f"https://127.0.0.1:{site.port}", code, Files(tmp_path / "thief"), lambda _: None)
    with pytest.raises(Exception, match="tell your administrator"):
        enrol(f"https://127.0.0.1:{site.port}", code, Files(tmp_path / "data"), lambda _: None)
    assert eventually(site.accused)
