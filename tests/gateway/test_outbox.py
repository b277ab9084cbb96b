from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from gateway.domain.hearing import KNOWN_MAX
from gateway.domain.outgoing import Rank
from gateway.outbox import Outbox, OutboxBusyError
from gateway.outbox.database import Database
from gateway.outbox.outbox import PENDING_MAX
from tests.gateway.air import ADDRESS, Time, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from gateway.domain.outgoing import Outgoing

DEVICE = f"{ADDRESS}/key"
DAY_S = 86_400.0


@pytest.fixture
def time() -> Time:
    return Time()


def opened(directory: Path, time: Time, max_mb: float = 1, ballast: int = 65536) -> Outbox:
    return Outbox(directory, max_mb=max_mb, now=time(), ballast=ballast)


@pytest.fixture
def outbox(tmp_path: Path, time: Time) -> Iterator[Outbox]:
    box = opened(tmp_path, time)
    yield box
    box.close()


def keep(box: Outbox, time: Time, *events: Outgoing) -> None:
    for each in events:
        box.hold(each)
    box.flush(time())


def reopened(box: Outbox, tmp_path: Path, time: Time) -> Outbox:
    box.close()
    return opened(tmp_path, time)


def waiting(directory: Path, time: Time) -> list[Outgoing]:
    with closing(opened(directory, time)) as box:
        return list(box.pending())


def rows(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "outbox.db")) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM events ORDER BY rowid")]


def test_an_event_outlives_a_restart_until_its_receipt(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    kept = event(1)
    keep(outbox, time, kept)
    with closing(reopened(outbox, tmp_path, time)) as again:
        assert list(again.pending()) == [kept]
        again.receipted([kept.id], time())
    assert waiting(tmp_path, time) == []


def test_what_a_device_published_outlives_a_restart(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    keep(outbox, time, event(1), event(2))
    outbox.receipted(["event-1"], time())
    with closing(reopened(outbox, tmp_path, time)) as again:
        assert again.known() == {DEVICE: ["event-1", "event-2"]}


def test_what_is_known_of_a_device_is_bounded_and_the_newest_is_kept(
    outbox: Outbox, tmp_path: Path, time: Time
) -> None:
    keep(outbox, time, *(event(number) for number in range(3 * KNOWN_MAX)))
    with closing(reopened(outbox, tmp_path, time)) as again:
        assert again.known() == {DEVICE: [f"event-{number}" for number in range(2 * KNOWN_MAX, 3 * KNOWN_MAX)]}


def test_receipted_alarms_are_kept_for_seven_days_and_notices_not_at_all(
    outbox: Outbox, tmp_path: Path, time: Time
) -> None:
    keep(outbox, time, event(1, Rank.ALARM), event(2, Rank.CANCEL), event(3, Rank.NOTICE))
    outbox.receipted(["event-1", "event-2", "event-3"], time())
    time.pass_(6.9 * DAY_S)
    outbox.flush(time())
    outbox.close()
    assert rows(tmp_path) == ["event-1", "event-2"]
    with closing(opened(tmp_path, time)) as again:
        again.flush(time.pass_(0.2 * DAY_S))
    assert rows(tmp_path) == []


def test_an_event_put_to_the_hub_again_waits_again(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    keep(outbox, time, event(1))
    outbox.receipted(["event-1"], time())
    keep(outbox, time, event(1))
    outbox.close()
    assert [each.id for each in waiting(tmp_path, time)] == ["event-1"]


def test_every_commit_is_synced(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    database = outbox._database
    assert database is not None
    pragmas = [database._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]


def test_two_gateways_never_share_an_outbox(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    with pytest.raises(OutboxBusyError) as busy:
        opened(tmp_path, time)
    assert busy.value.path == tmp_path / "outbox.db"


def test_an_alarm_is_kept_in_a_full_outbox_and_receipted_rows_go_first(tmp_path: Path, time: Time) -> None:
    with closing(opened(tmp_path, time)) as box:
        for number in range(800):
            keep(box, time, event(number, size=1000))
            box.receipted([f"event-{number}"], time())
        keep(box, time, *(event(1000 + number, size=1000) for number in range(100)))
        assert box.unstored == 0
        assert box.shed > 0
    stored = rows(tmp_path)
    assert set(stored) >= {f"event-{1000 + number}" for number in range(100)}


def test_notices_give_way_to_alarms_and_alarms_to_nothing(tmp_path: Path, time: Time) -> None:
    with closing(opened(tmp_path, time)) as box:
        for number in range(400):
            keep(box, time, event(number, Rank.NOTICE, size=2000))
        for number in range(1000, 1800):
            keep(box, time, event(number, Rank.ALARM, size=2000))
        assert box.unstored == 0
    assert rows(tmp_path) == [f"event-{number}" for number in range(1000, 1800)]


def test_a_notice_that_has_no_room_is_still_sent_while_the_gateway_runs(tmp_path: Path, time: Time) -> None:
    with closing(opened(tmp_path, time)) as box:
        for number in range(600):
            keep(box, time, event(number, Rank.NOTICE, size=2000))
        assert (box.depth, box.unstored) == (600, 0)
        assert box.shed > 0
        assert len(box.sayings()) == 1


def test_a_notice_too_many_is_dropped_and_counted_and_an_alarm_is_not(outbox: Outbox) -> None:
    for number in range(PENDING_MAX):
        outbox.hold(event(number, Rank.NOTICE))
    assert not outbox.hold(event(-1, Rank.NOTICE))
    assert outbox.hold(event(-2, Rank.ALARM))
    assert outbox.shed == 1


def test_a_damaged_file_is_moved_aside_and_the_alarms_in_it_are_saved(
    outbox: Outbox, tmp_path: Path, time: Time
) -> None:
    keep(outbox, time, *(event(number, size=500) for number in range(20)))
    outbox.close()
    damage_index(tmp_path / "outbox.db")
    with closing(opened(tmp_path, time)) as again:
        again.flush(time())
        assert len(list(again.pending())) == 20
        assert "damaged" in again.sayings()[0]
    assert len(list(tmp_path.glob("outbox.damaged-*.db"))) == 1
    assert len(waiting(tmp_path, time)) == 20


def damage_index(path: Path) -> None:
    """Overwrite the page of the index on ids, as a worn memory card would."""
    with closing(sqlite3.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name LIKE 'sqlite_autoindex_events%'")
        number = page.fetchone()[0]
    with path.open("r+b") as file:
        file.seek((number - 1) * 4096)
        file.write(b"\xa5" * 4096)


def spoil(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "outbox.db")) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "damage",
    [
        "rank = 7",
        "rank = 'urgent'",
        "rank = x'00ff'",
        "received_at = 'yesterday'",
        "received_at = '2026-03-01T12:00:00'",
        "received_at = x'ff'",
        "device = x'ff'",
        "device = CAST(x'c3ff' AS TEXT)",
    ],
)
def test_a_damaged_or_newer_row_is_sent_as_an_alarm_and_said(
    outbox: Outbox, tmp_path: Path, time: Time, damage: str
) -> None:
    keep(outbox, time, event(1), event(2), event(3))
    outbox.close()
    spoil(tmp_path, f"UPDATE events SET {damage} WHERE id = 'event-2'")  # noqa: S608 - our own words
    with closing(opened(tmp_path, time)) as again:
        found = [(each.id, each.rank, each.payload) for each in again.pending()]
        assert found == [(f"event-{number}", Rank.ALARM, b"x" * 10) for number in (1, 2, 3)]
        assert all(each.received == time().wall for each in again.pending())
        assert ["1 damaged or newer rows" in each for each in again.sayings()] == [True]


@pytest.mark.parametrize("damage", ["payload = ''", "payload = 7", "id = x'ff'"])
def test_a_row_without_an_envelope_is_left_out_and_said(
    outbox: Outbox, tmp_path: Path, time: Time, damage: str
) -> None:
    keep(outbox, time, event(1), event(2))
    outbox.close()
    spoil(tmp_path, f"UPDATE events SET {damage} WHERE id = 'event-1'")  # noqa: S608 - our own words
    with closing(opened(tmp_path, time)) as again:
        assert [each.id for each in again.pending()] == ["event-2"]
        assert "1 damaged or newer rows" in again.sayings()[0]


def test_what_is_known_of_devices_survives_a_damaged_row(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    keep(outbox, time, event(1), event(2))
    outbox.close()
    spoil(tmp_path, "UPDATE known SET event = x'ff' WHERE event = 'event-1'")
    with closing(opened(tmp_path, time)) as again:
        assert again.known() == {DEVICE: ["event-2"]}


@pytest.mark.parametrize(("code", "moved"), [(sqlite3.SQLITE_IOERR, 0), (sqlite3.SQLITE_CORRUPT, 1)])
def test_a_disk_that_fails_while_it_is_read_keeps_no_gateway_from_starting(
    outbox: Outbox, tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch, code: int, moved: int
) -> None:
    keep(outbox, time, event(1), event(2))
    outbox.close()
    monkeypatch.setattr(Database, "pending", failing_after_one(Database.pending, code))
    with closing(opened(tmp_path, time)) as again:
        keep(again, time, event(3))
        assert {"event-1", "event-3"} <= {each.id for each in again.pending()}
        assert len(again.sayings()) == 1 + moved  # the fresh file fails likewise
    assert len(list(tmp_path.glob("outbox.damaged-*.db"))) == moved


def failing_after_one(pending: Callable[..., Iterator[Outgoing]], code: int) -> Callable[..., Iterator[Outgoing]]:
    def read(database: Database, *, now: datetime, problems: list[str]) -> Iterator[Outgoing]:
        yield from islice(pending(database, now=now, problems=problems), 1)
        error = sqlite3.DatabaseError("failing disk")
        error.sqlite_errorcode = code
        raise error

    return read


def test_a_file_that_is_no_database_at_all_is_moved_aside(tmp_path: Path, time: Time) -> None:
    (tmp_path / "outbox.db").write_bytes(b"not a database" * 1000)
    with closing(opened(tmp_path, time)) as box:
        keep(box, time, event(1))
        assert "0 events saved" in box.sayings()[0]
    assert [each.id for each in waiting(tmp_path, time)] == ["event-1"]


def test_damage_found_while_running_loses_nothing_that_is_in_memory(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    keep(outbox, time, *(event(number) for number in range(5)))
    assert outbox._database is not None
    outbox._database.close()
    outbox._database = Damaged()  # type: ignore[assignment]
    keep(outbox, time, event(5))
    outbox.close()
    assert len(waiting(tmp_path, time)) == 6


class Damaged:
    """A database whose every write finds it malformed."""

    def add(self, _events: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    def close(self) -> None: ...


def test_without_any_disk_alarms_are_kept_in_memory_and_this_is_said(tmp_path: Path, time: Time) -> None:
    directory = tmp_path / "no" / "such"
    with closing(opened(directory, time)) as box:
        keep(box, time, event(1))
        assert (box.depth, box.unstored) == (1, 1)
        assert "memory" in " ".join(box.sayings())
        directory.mkdir(parents=True)
        box.flush(time.pass_(61))
        assert box.unstored == 0
    assert [each.id for each in waiting(directory, time)] == ["event-1"]


def test_the_same_trouble_is_said_every_ten_minutes_at_most(tmp_path: Path, time: Time) -> None:
    box = opened(tmp_path / "no" / "such", time)
    said = []
    for number in range(20):
        keep(box, time, event(number))
        said += box.sayings()
        time.pass_(59)
    kinds = {"closed": sum("opened" in each for each in said), "unwritten": sum("written" in each for each in said)}
    assert kinds == {"closed": 2, "unwritten": 2}


def test_the_age_of_a_waiting_event_is_that_of_its_hearing(outbox: Outbox, tmp_path: Path, time: Time) -> None:
    keep(outbox, time, event(1))
    time.pass_(DAY_S)
    with closing(reopened(outbox, tmp_path, time)) as again:
        assert next(again.pending()).received == time().wall - timedelta(days=1)
