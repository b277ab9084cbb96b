from __future__ import annotations

import json
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import text

from hub.store import sign_ins
from hub.web.app import build
from hub.web.changes import Changes
from protocols.events import Cause
from tests.hub.web.serving import serving
from tests.hub.web.visitor import PASSWORD
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hub.web.context import Console
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office
    from tests.hub.web.conftest import Woken

WITHIN_S = 10.0


class Screen:
    """An open console, as far as its stream of signs goes."""

    def __init__(self, url: str, name: str = "sam") -> None:
        self._client = httpx.Client(base_url=url, timeout=WITHIN_S)
        self._client.post("/sign-in", data={"name": name, "password": PASSWORD})
        self.token = self._client.cookies["tocsin"]
        self._told: queue.Queue[tuple[str, str]] = queue.Queue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", "/live") as stream:
                event = ""
                for line in stream.iter_lines():
                    if self._closing.is_set():
                        break
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "data":
                        self._told.put((event, json.loads(value)))
        except httpx.HTTPError:
            pass
        self._told.put(("ended", ""))

    def next(self) -> tuple[str, str]:
        return self._told.get(timeout=WITHIN_S)

    def next_but(self, boring: str) -> tuple[str, str]:
        while (told := self.next())[0] == boring:
            pass
        return told

    def close(self) -> None:
        self._closing.set()
        self._thread.join(WITHIN_S)
        self._client.close()


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    with serving(app) as server:
        yield server.url


@pytest.fixture
def screen(url: str) -> Iterator[Screen]:
    opened = Screen(url)
    yield opened
    opened.close()


def test_a_screen_hears_at_once_that_the_hub_is_alive_and_again_and_again(screen: Screen) -> None:
    assert [screen.next() for _ in range(3)] == [("heartbeat", "")] * 3


def test_an_alarm_reaches_an_open_screen(screen: Screen, office: Office) -> None:
    screen.next()

    office.hear(office.alarm.event(Cause.PANIC))

    assert screen.next_but("heartbeat") == ("changed", "")


def test_what_another_replica_writes_reaches_it_too(console: Console, url: str, office: Office) -> None:
    with serving(build(replace(console, changed=Changes(console.store, poll_s=0.05, heartbeat_s=0.5)))) as other:
        screens = [Screen(url), Screen(other.url)]
        for screen in screens:
            screen.next()

        office.hear(office.alarm.event(Cause.PANIC))

        assert [screen.next_but("heartbeat") for screen in screens] == [("changed", "")] * 2
        for screen in screens:
            screen.close()


def test_what_happens_in_another_organisation_wakes_nobody_here(url: str, office: Office) -> None:
    screen = Screen(url, "olga")
    screen.next()

    office.hear(office.alarm.event(Cause.PANIC))

    assert [screen.next() for _ in range(3)] == [("heartbeat", "")] * 3
    screen.close()


def test_a_hub_that_has_lost_its_database_says_so_and_says_when_it_is_back(screen: Screen, office: Office) -> None:
    screen.next()
    engine = office.store.engine
    rename = "ALTER TABLE {} RENAME TO {}"
    with engine.begin() as connection:
        connection.execute(text(rename.format("faults", "lost")))

    assert screen.next_but("heartbeat") == ("trouble", "the database is not available")

    with engine.begin() as connection:
        connection.execute(text(rename.format("lost", "faults")))
    assert screen.next_but("trouble") == ("changed", "")


def test_a_hub_without_a_broker_says_so(screen: Screen, woken: Woken) -> None:
    woken.troubles.append("no connection to the MQTT broker")

    assert screen.next_but("heartbeat") == ("trouble", "no connection to the MQTT broker")


def test_a_screen_whose_sign_in_is_over_is_told_and_left(screen: Screen, office: Office, watch: Watch) -> None:
    screen.next()

    office.store.write(lambda tx: sign_ins.remove(tx, screen.token))

    assert screen.next_but("heartbeat") == ("signed-out", "")
    assert screen.next() == ("ended", "")


def test_nobody_listens_without_signing_in(url: str) -> None:
    assert httpx.get(f"{url}/live").status_code == 401


def test_the_database_is_left_alone_when_nobody_listens(console: Console, url: str) -> None:
    screen = Screen(url)
    screen.next()
    poller = console.changed._poller
    assert poller is not None

    screen.close()

    assert eventually(poller.done)
