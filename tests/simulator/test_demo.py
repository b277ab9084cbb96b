"""The demo as somebody sees it at a terminal; and what *Everything as it was* gives back."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest

from hub.store import devices, schema, vault
from hub.store.store import Store, open_engine
from protocols.ids import Address, WorkerId
from simulator import world
from simulator.mailbox import Mailbox
from simulator.office import ORGANISATION, found, give_back
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.world import World

WORLD = Path(str(files("simulator") / "worlds" / "demo.toml"))
MAIL = b"Subject:\r\n =?utf-8?q?Fault=3A_something?=\r\nFrom: a@example.org\r\n\r\nText\r\n"


@pytest.mark.timeout(120)
def test_the_demo_ends_quietly_with_a_page_open(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "tocsin", "demo", "--no-browser", "--port", "0", "--console-port", "0"]
    said = tmp_path / "said"
    with said.open("wb") as out:
        demo = subprocess.Popen([*command, "--folder", str(folder)], stdout=out, stderr=out)
        try:
            eventually(lambda: "Ctrl-C ends it" in said.read_text(), within_s=60)
            page = re.search(r"http://127\.0\.0\.1:\d+", said.read_text())
            assert page is not None
            with httpx.Client(base_url=page[0]) as client, client.stream("GET", "/live") as stream:
                assert next(stream.iter_lines())
                demo.send_signal(signal.SIGINT)
                assert demo.wait(60) == 0
        finally:
            demo.kill()
            demo.wait()
    lines = [line.strip() for line in said.read_text().splitlines() if line.strip()]
    assert lines[0].startswith("Starting broker")
    assert lines[-1] == "Stopping ..."
    assert len(lines) < 12, said.read_text()
    log = (folder / "world.log").read_text()
    assert "Traceback" not in log
    assert "gateway silent" not in log


@pytest.fixture
def site() -> World:
    return world.load(WORLD)


@pytest.fixture
def store(tmp_path: Path, site: World) -> Iterator[Store]:
    """The world's organisation."""
    keys = vault.read_or_make(tmp_path / "hub.keys")
    with closing(Store(open_engine(f"sqlite:///{tmp_path / 'hub.db'}"), keys)) as opened:
        schema.prepare(opened.engine, opened.vault)
        opened.write(lambda tx: found(tx, site, ""))
        yield opened


def test_everybody_gets_their_own_alarm_back(store: Store, site: World) -> None:
    first, second, third = (Address(str(site.make(one.name).address)) for one in site.people)
    names = [one.name for one in site.people]
    store.write(lambda tx: devices.assign(tx, ORGANISATION, first, WorkerId(names[1])))
    store.write(lambda tx: devices.unassign(tx, ORGANISATION, third))
    store.write(lambda tx: devices.change(tx, ORGANISATION, third, withdrawn_at=tx.now))
    give_back(store, site)
    wearers = store.read(lambda tx: devices.wearers(tx, ORGANISATION))
    assert wearers == dict(zip((first, second, third), names, strict=True))
    device = store.read(lambda tx: devices.get(tx, ORGANISATION, third))
    assert device is not None
    assert device.withdrawn_at is None


def test_a_folded_subject_begins_with_its_first_word() -> None:

    mailbox = Mailbox(lambda: datetime.now(UTC))
    mail = mailbox._read(SimpleNamespace(content=MAIL, mail_from="a", rcpt_tos=["b"]))
    assert mail.subject == "Fault: something"
