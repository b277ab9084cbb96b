"""Two or three hubs at one broker and one PostgreSQL: what one does, another may go on with."""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from benchmarks.wearers import check_ins, envelope
from hub.app import REPLICA
from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.dispatcher.dispatcher import PLACES
from hub.domain.incident import Phase
from hub.domain.session import Risk, SessionPhase
from hub.store import directory, hung, journal, vault
from hub.store.directory import Place
from hub.store.store import Store, open_engine
from hub.store.tables import incidents, outbox, places
from hub.store.tables import journal as entries
from hub.store.tables import sessions as session_rows
from protocols.events import Cause, Stage
from protocols.ids import PlaceId
from protocols.mqtt.envelope import GatewayState, StatusEnvelope
from protocols.mqtt.topics import hub_status
from tests.replicas.ground import ORGANISATION, Replica, common
from tests.services import eventually
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.store import Tx
    from tests.replicas.ground import Ground, Mailbox
    from tests.services import Postgres, Process
    from tocsin.mqtt import Received

pytestmark = pytest.mark.timeout(300)


def test_replicas_share_what_comes_in_and_each_event_is_recorded_once(pair: Ground) -> None:
    before = _shares(pair)
    pair.gateways.send(*check_ins(pair.people, 200))
    pair.gateways.until_receipted()
    assert len(pair.recorded()) == len(set(pair.recorded())) == 200
    shares = [after - was for after, was in zip(_shares(pair), before, strict=True)]
    assert min(shares) >= 50, shares


def _shares(here: Ground) -> list[float]:
    return [replica.recorded() for replica in here.replicas]


def test_every_screen_shows_an_alarm_whichever_replica_recorded_it(pair: Ground) -> None:
    screens = [Screen(replica) for replica in pair.replicas]
    for screen in screens:
        eventually(lambda screen=screen: screen.told, within_s=30)
    before = sum(_shares(pair))
    pair.gateways.send(envelope(pair.people[0], pair.people[0].panic()))
    pair.gateways.until_receipted()
    receipted_at = time.monotonic()
    for screen in screens:
        eventually(lambda screen=screen: "changed" in screen.told, within_s=10)
    print(f"shown {time.monotonic() - receipted_at:.2f} s after the receipt")  # noqa: T201
    assert sum(_shares(pair)) >= before + 1
    assert len(pair.rows(select(incidents.c.id))) == 1  # one replica has recorded it, both show it


class Screen(threading.Thread):
    """An open console.

    Attributes:
        told: names of what it was told, in order.
    """

    def __init__(self, replica: Replica) -> None:
        super().__init__(daemon=True)
        self.told: list[str] = []
        self._replica = replica
        replica.sign_in()
        self.start()

    def run(self) -> None:
        with self._replica.client.stream("GET", "/live", timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    self.told.append(line.removeprefix("event: "))
                    if self.told[-1] == "changed":
                        return


def test_a_pre_alarm_at_one_replica_is_withdrawn_by_its_cancel_at_another(pair: Ground) -> None:
    before, people = _shares(pair), pair.people[1:]
    for one in people:
        one.sequence += 1
        pair.gateways.send(
            envelope(one, one._frame(Cause.PANIC, Stage.PRE_ALARM)),
            envelope(one, one._frame(Cause.PANIC, Stage.CANCELLED)),
        )
    pair.gateways.until_receipted()
    shares = [after - was for after, was in zip(_shares(pair), before, strict=True)]
    assert min(shares) >= 20, shares
    where = incidents.c.worker.in_([one.worker for one in people])
    assert {row.phase for row in pair.rows(select(incidents.c.phase).where(where))} <= {Phase.WITHDRAWN}
    assert not pair.mailbox.about(people)


def test_what_falls_due_at_a_dead_replica_is_done_by_another(pair: Ground) -> None:
    here = pair
    due = datetime.now(UTC) + timedelta(seconds=6)
    new = sessions.NewSession(here.people[0].worker, "home", due, due + timedelta(hours=1), Risk.NORMAL)
    number = here.store.write(lambda tx: sessions.log(Desk(tx, Routes()), ORGANISATION, new, "sam")).id
    said: list[str] = []
    gateway = _listener(here, said)
    eventually(lambda: said.count(GatewayState.ONLINE) >= 2, within_s=30)
    here.replicas[0].kill()
    eventually(lambda: GatewayState.OFFLINE in said)
    eventually(lambda: said[-1] == GatewayState.ONLINE)  # the other one lets nobody believe that the hub is blind
    gateway.stop()

    def is_under_way() -> bool:
        where = (session_rows.c.id == number, session_rows.c.phase == SessionPhase.ACTIVE)
        return bool(here.rows(select(session_rows.c.id).where(*where)))

    eventually(is_under_way, within_s=30)
    started = select(entries.c.at).where(entries.c.chain == number, entries.c.action == "started")
    late = (here.rows(started)[0].at - due).total_seconds()
    assert 0 <= late < 10
    print(f"done {late:.2f} s after it was due")  # noqa: T201


def _listener(here: Ground, said: list[str]) -> Connection:
    """Hears what the hub says of itself."""

    def hear(message: Received) -> None:
        said.append(StatusEnvelope.from_json(message.payload).data.state)
        message.acknowledge()

    where = hub_status(ORGANISATION)
    link = Connection(MqttSettings(port=here.broker_port), client_id="status", subscriptions=[where], on_message=hear)
    link.start()
    return link


def test_nothing_is_lost_while_one_replica_hangs_and_another_is_killed(three: Ground) -> None:
    here = three
    hung, killed, _ = here.replicas
    alarms = [envelope(one, one.panic()) for one in here.people]
    rest = list(check_ins(here.people, 400))
    for turn, message in enumerate(alarms + rest):
        here.gateways.send(message)
        time.sleep(0.02)
        if turn == 60:
            hung.process.send(signal.SIGSTOP)
        if turn == 160:
            killed.kill()
    here.gateways.until_receipted()
    slowest_s = here.gateways.slowest_s
    hung.process.send(signal.SIGCONT)
    recorded = here.recorded()
    assert len(recorded) == len(set(recorded)) == 500
    eventually(lambda: len(here.mailbox.about(here.people)) == 100, within_s=90)
    _assert_mailed_once(here)
    assert not here.store.read(lambda tx: list(journal.verify(tx)))
    print(f"the slowest receipt came after {slowest_s:.1f} s")  # noqa: T201


def _assert_mailed_once(here: Ground) -> None:
    """One mail for each alarm; twice at most those that a replica had under way when it was killed, or hung.

    A mail that came twice has the same Message-ID: that of its row.
    """
    alerts = select(outbox.c.id, outbox.c.incident).where(outbox.c.message == "alarm", outbox.c.channel == "email")
    rows = here.rows(alerts)
    assert len(rows) == len({row.incident for row in rows}) == 100
    numbers = [mail.number.strip("<>").partition("@")[0] for mail in here.mailbox.mails if "ALARM" in mail.subject]
    assert set(numbers) == {row.id for row in rows}
    assert len(numbers) <= 100 + 2 * PLACES


def test_two_replicas_start_on_an_empty_database(
    postgres: Postgres, shared_broker: Process, mailbox: Mailbox, tmp_path: Path
) -> None:
    url = postgres.new_database()
    said = common(tmp_path, url, shared_broker.port or 0, mailbox.port)
    both = [Replica(tmp_path, name, said) for name in ("one", "two")]
    try:
        for one in both:
            one.start()
        for one in both:
            one.wait()
            assert one.client.get("/sign-in").status_code == 200
    finally:
        for one in both:
            one.client.close()
            one.kill()


def test_what_a_hung_replica_has_locked_is_free_again_once_another_looks(
    postgres: Postgres, postgres_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hung, "AFTER", timedelta(seconds=0.5))
    url, keys = postgres.new_database(postgres_template), vault.read_or_make(tmp_path / "hub.keys")
    one, two = (Store(open_engine(url, REPLICA), keys) for _ in range(2))
    holds, go_on = threading.Event(), threading.Event()
    tries: list[int] = []

    def hang(tx: Tx) -> None:
        """Many rows at once: psycopg sends them in a pipeline."""
        tries.append(1)
        tx.connection.execute(insert(places), [_place(number) for number in range(100)])
        holds.set()
        go_on.wait(30)
        directory.add_place(tx, Place(ORGANISATION, PlaceId("last"), "Last", ""))

    hanging = threading.Thread(target=one.write, args=(hang,))
    hanging.start()
    assert holds.wait(10)
    eventually(lambda: two.read(lambda tx: hung.end(tx, REPLICA)), every_s=0.1)
    two.read(lambda tx: directory.add_place(tx, Place(ORGANISATION, PlaceId("7"), "Seven", "")))  # and thrown away
    go_on.set()
    hanging.join(20)
    assert len(tries) >= 2  # what it had begun was thrown away, and begun anew
    one.close()
    two.close()


def _place(number: int) -> dict[str, str]:
    return {"organisation": ORGANISATION, "id": str(number), "name": "x", "address": ""}
