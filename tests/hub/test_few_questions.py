"""What an alarm and a batch cost the database: what is asked for one device is asked for all of them at once."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from hub.store import outbox
from hub.store.outbox import ItemKind, NewItem
from protocols.events import Cause, Stage
from tests.hub.desk import ACME, ADDRESS, Office

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from hub.store.outbox import Item

AN_ALARM = 23
"""Statements; BEGIN (SQLite) or the question for the time (PostgreSQL), and the commit among them."""


@contextmanager
def statements(office: Office) -> Iterator[list[str]]:
    """What is executed meanwhile, in words; a commit is one of them."""
    said: list[str] = []

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    def committed(_connection: Any) -> None:
        said.append("COMMIT")

    event.listen(office.store.engine, "before_cursor_execute", executed)
    event.listen(office.store.engine, "commit", committed)
    try:
        yield said
    finally:
        event.remove(office.store.engine, "before_cursor_execute", executed)
        event.remove(office.store.engine, "commit", committed)


def _heard(office: Office, *frames: bytes) -> list[str]:
    """What recording them executes, sending aside."""
    batch = [office.message(frame) for frame in frames]
    with statements(office) as said:
        office.ingest.step(batch)  # type: ignore[arg-type]
    return said


def test_an_alarm_is_one_transaction_of_few_statements(office: Office) -> None:
    office.session()
    said = _heard(office, office.alarm.event(Cause.PANIC))
    assert said.count("COMMIT") == 1
    assert len(said) <= AN_ALARM


def test_thirty_check_ins_cost_no_more_statements_than_two(office: Office) -> None:
    office.session()
    _heard(office, office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    two = _heard(office, *(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE) for _ in range(2)))
    thirty = _heard(office, *(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE) for _ in range(30)))
    assert len(thirty) == len(two)
    assert thirty.count("COMMIT") == 1


def test_what_is_due_is_leased_in_one_transaction_and_alerts_are_handed_over_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.session()
    _heard(office, office.alarm.event(Cause.PANIC))
    told = {"epoch": 1, "sequence": 1, "told": 2}
    row = NewItem(ItemKind.DOWNLINK, "downlink", "stage", ADDRESS, payload=told, rank=1)
    office.store.write(lambda tx: outbox.add(tx, ACME, row))
    handed = _Handed()
    monkeypatch.setattr(office.dispatcher, "_executor", handed)
    with statements(office) as said:
        office.dispatcher.step()
    assert handed.channels == ["email", "downlink"]
    assert said.count("COMMIT") == 1


class _Handed:
    """An executor that notes what it is given, and does nothing."""

    def __init__(self) -> None:
        self.channels: list[str] = []

    def submit(self, _work: Any, item: Item) -> Future[None]:
        self.channels.append(item.channel)
        return Future()
