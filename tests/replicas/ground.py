"""Several hubs at one broker and one PostgreSQL, gateways that insist, and a mailbox."""

from __future__ import annotations

import email
import json
import re
import threading
import time
from contextlib import closing
from email import policy
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import httpx
from aiosmtpd.controller import Controller
from sqlalchemy import select

from benchmarks.places import found
from benchmarks.wearers import ORGANISATION, wearers
from hub.store import directory, vault
from hub.store.store import Store, open_engine
from hub.store.tables import events
from protocols.mqtt.topics import Channel, Topic
from tests.hub.web.visitor import CHEAP, HTML, PASSWORD
from tests.services import Process, eventually, free_port, tocsin
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from benchmarks.wearers import Message, Wearer
    from hub.store.store import Tx
    from tocsin.mqtt import Received

AGAIN_S = (2.0, 4.0, 8.0, 16.0, 30.0)
"""As gateway/uplink/sender.py sends again."""
START_S = 120.0


class Mail(NamedTuple):
    """One that was taken."""

    subject: str
    number: str
    """Its Message-ID."""


class Mailbox:
    """A real SMTP server; a context."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)  # type: ignore[no-untyped-call]

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        message = email.message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(Mail(str(message["Subject"]), str(message["Message-ID"])))
        return "250 taken"

    def about(self, people: Iterable[Wearer], word: str = "ALARM") -> set[str]:
        """Of these people, those about whom a mail with this word in its subject was taken."""
        subjects = [mail.subject for mail in list(self.mails) if word in mail.subject]
        return {one.address for one in people if any(one.address in subject for subject in subjects)}

    def __enter__(self) -> Self:
        self._controller.start()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()  # type: ignore[no-untyped-call]


class Gateways:
    """All gateways of an organisation on one connection; each message is sent again until it has a receipt.

    Attributes:
        slowest_s: the longest that one had to wait for its receipt.
    """

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Message, float, list[float]]] = {}
        self._stopping = threading.Event()
        self.slowest_s = 0.0
        self.link = Connection(
            MqttSettings(port=port),
            client_id="all.gateways",
            subscriptions=[str(Topic(ORGANISATION, "+", Channel.RECEIPT))],  # type: ignore[arg-type]
            on_message=self._receipt,
        )
        self._thread = threading.Thread(target=self._insist, daemon=True)

    def __enter__(self) -> Self:
        self.link.start()
        assert self.link.wait_connected(START_S)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.link.stop()

    def send(self, *messages: Message) -> None:
        """Once now, and again on the clock."""
        now = time.monotonic()
        for message in messages:
            with self._lock:
                number = str(json.loads(message.payload)["id"])
                self._waiting[number] = (message, now, [now + after for after in _summed(AGAIN_S)])
            self.link.publish(*message)

    def waiting(self) -> int:
        with self._lock:
            return len(self._waiting)

    def until_receipted(self, within_s: float = 60.0) -> None:
        eventually(lambda: not self.waiting(), within_s=within_s)

    def _receipt(self, message: Received) -> None:
        number = json.loads(message.payload)["data"]["event"]
        with self._lock:
            known = self._waiting.pop(number, None)
        if known is not None:
            self.slowest_s = max(self.slowest_s, time.monotonic() - known[1])
        message.acknowledge()

    def _insist(self) -> None:
        while not self._stopping.wait(0.05):
            for message in self._due():
                self.link.publish(*message)

    def _due(self) -> list[Message]:
        now, due = time.monotonic(), []
        with self._lock:
            for message, _, times in self._waiting.values():
                if times and times[0] <= now:
                    times.pop(0)
                    due.append(message)
        return due


def _summed(waits: Iterable[float]) -> Iterator[float]:
    total = 0.0
    for wait in waits:
        total += wait
        yield total


class Replica:
    """One hub, a process of its own."""

    def __init__(self, folder: Path, name: str, common: str) -> None:
        settings = folder / f"{name}.toml"
        secret = folder / "metrics.token"
        secret.write_text("scraper", "utf-8")
        web = f'[web]\nport = 0\nmetrics_token_file = "{secret}"\n'
        settings.write_text(f"{common}\n{web}", "utf-8")
        self.process = Process(tocsin("hub", "run", "--config", str(settings)), log=folder / f"{name}.log")
        self.client = httpx.Client(timeout=20)

    def start(self) -> None:
        self.process.start(wait=False)

    def wait(self) -> None:
        """Until it serves, at the port that it was given, and is connected."""
        found = eventually(self._served, within_s=START_S)
        self.client.base_url = httpx.URL(found)
        eventually(lambda: self.process.output().count("connected to broker") >= 3, within_s=START_S)

    def _served(self) -> str | None:
        said = self.process.output()
        assert self.process.is_alive(), said
        running = re.search(r"Uvicorn running on (http://[0-9.:]+)", said)
        return None if running is None else running[1]

    def metric(self, name: str) -> float:
        """The sum of all that are named so."""
        text = self.client.get("/metrics", headers={"Authorization": "Bearer scraper"}).text
        return sum(
            float(number) for number in re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        )

    def recorded(self) -> float:
        return self.metric("tocsin_events_total")

    def sign_in(self) -> None:
        answer = self.client.post("/sign-in", data={"name": "sam", "password": PASSWORD}, headers=HTML)
        assert answer.status_code == 303, answer.text

    def kill(self) -> None:
        self.process.kill()


class Ground:
    """Where it all happens.

    Attributes:
        people: each in a session, each heard by one of ten gateways.
        store: a look into the database.
    """

    def __init__(self, folder: Path, database: str, broker_port: int, mailbox: Mailbox, people: int) -> None:
        self.folder, self.database, self.mailbox = folder, database, mailbox
        self.people = wearers(people, 10)
        found(database, folder, self.people)
        self.store = Store(open_engine(database), vault.read(folder / "hub.keys"))
        self.store.write(_password)
        self.gateways = Gateways(broker_port)
        self.broker_port = broker_port
        self.replicas: list[Replica] = []

    def replica(self, name: str) -> Replica:
        one = Replica(self.folder, name, common(self.folder, self.database, self.broker_port, self.mailbox.port))
        self.replicas.append(one)
        return one

    def close(self) -> None:
        for one in self.replicas:
            one.client.close()
            one.kill()
        self.store.close()

    def rows(self, statement: Any) -> list[Any]:
        def read(tx: Tx) -> list[Any]:
            return list(tx.connection.execute(statement))

        return self.store.read(read)

    def recorded(self) -> list[tuple[Any, ...]]:
        """(address, epoch, sequence, stage) of every event in the database."""
        columns = (events.c.address, events.c.epoch, events.c.sequence, events.c.stage)
        return [tuple(row) for row in self.rows(select(*columns))]


def common(folder: Path, database: str, broker_port: int, smtp_port: int) -> str:
    """What all replicas are told alike."""
    return (
        f'database = "{database}"\nkeys_file = "{folder / "hub.keys"}"\n[mqtt]\nport = {broker_port}\n'
        f'[replicas]\nshare = true\n[email]\nhost = "127.0.0.1"\nport = {smtp_port}\nsecurity = "none"\n'
        'sender = "hub@bench.example"\n'
    )


def _password(tx: Tx) -> None:
    directory.set_password(tx, ORGANISATION, "sam", CHEAP)


__all__ = ["ORGANISATION", "Gateways", "Ground", "Mailbox", "Replica", "closing", "common"]
