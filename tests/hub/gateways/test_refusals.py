"""Who was refused is counted each time, told of once, and to the right people only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.broker import refusals as watch_module
from hub.broker.refusals import HELD_S, RefusalWatch
from hub.cases import access
from hub.cases.access import OTHERS as OTHER_ADDRESSES
from hub.cases.access import Refusal, RefusalKind
from hub.cases.desk import Routes
from hub.metrics import HubMetrics
from hub.refused import AGAIN_S, MOST_STRANGERS, Refusals
from hub.store import outbox
from tests.hub.gateways.test_log_lines import CONNECTED, PUBLISH, REFUSED
from tests.hub.gateways.trade import ACME, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.store import Store
    from tests.hub.conftest import Watch
    from tests.hub.gateways.trade import Trade


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def metrics() -> HubMetrics:
    return HubMetrics()


@pytest.fixture
def refused(trade: Trade, store: Store, metrics: HubMetrics, seconds: Seconds) -> Refusals:
    routes = Routes(webhooks={ACME: ("desk",), OTHERS: ("desk",)})
    return Refusals(store, routes, metrics, lambda: None, seconds)


def about(gateway: str = "north", kind: RefusalKind = RefusalKind.PUBLISH) -> Refusal:
    return Refusal(kind, "192.0.2.7", f"{gateway} did what it must not", ACME, gateway)


def stranger(address: str) -> Refusal:
    return Refusal(RefusalKind.CODE_UNKNOWN, address, f"a code nobody made, from {address}")


def _count(metrics: HubMetrics, kind: RefusalKind) -> float:
    return metrics.registry.get_sample_value("tocsin_access_refused_total", {"kind": kind.value}) or 0.0


def test_administrators_of_the_gateways_organisation_are_told_and_nobody_else(
    trade: Trade, refused: Refusals, store: Store
) -> None:
    trade.enrolled()
    refused.note(about())
    (fault,) = trade.refusals(ACME)
    assert (fault.subject, fault.detail) == ("north", "north did what it must not")
    assert trade.refusals(OTHERS) == []
    assert store.read(outbox.depth) == 1
    assert "refused" in trade.written()


def test_each_is_counted_and_the_same_is_written_down_once(
    trade: Trade, refused: Refusals, metrics: HubMetrics, seconds: Seconds
) -> None:
    trade.enrolled()
    for _ in range(5):
        refused.note(about())
    assert _count(metrics, RefusalKind.PUBLISH) == 5
    assert trade.written().count("refused") == 1
    refused.note(about(kind=RefusalKind.WILL))
    assert trade.written().count("refused") == 2
    seconds.now += AGAIN_S
    refused.note(about())
    assert trade.written().count("refused") == 3
    assert len(trade.refusals()) == 1


def test_a_refusal_of_yesterday_is_over_and_one_of_today_is_told_again(
    trade: Trade, refused: Refusals, seconds: Seconds, watch: Watch, store: Store
) -> None:
    trade.enrolled()
    refused.note(about())
    watch.forward(hours=23)
    assert trade.do(access.forget_old) == 0
    watch.forward(hours=1)
    assert trade.do(access.forget_old) == 1
    assert trade.refusals() == []
    seconds.now += AGAIN_S
    refused.note(about())
    assert len(trade.refusals()) == 1
    assert store.read(outbox.depth) == 2


def test_where_no_gateway_is_known_the_address_is_told_to_everybody(trade: Trade, refused: Refusals) -> None:
    refused.note(stranger("198.51.100.9"))
    refused.note(about("never-heard-of"))
    for organisation in (ACME, OTHERS):
        assert {fault.subject for fault in trade.refusals(organisation)} == {"198.51.100.9", "192.0.2.7"}


def test_a_stranger_with_many_addresses_is_told_of_as_one_and_does_not_hide_a_gateway(
    trade: Trade, refused: Refusals
) -> None:
    trade.enrolled()
    for number in range(MOST_STRANGERS + 50):
        refused.note(stranger(f"2001:db8::{number:x}"))
    assert len(trade.refusals()) == access.MOST_ADDRESSES + 1
    assert OTHER_ADDRESSES in {fault.subject for fault in trade.refusals()}
    refused.note(about())
    assert "north" in {fault.subject for fault in trade.refusals()}


class Following:
    """A watch on a log that the test writes."""

    def __init__(self, path: Path, seconds: Seconds) -> None:
        self.path = path
        self.counted: list[Refusal] = []
        self.told: list[Refusal] = []
        self.let_in_at = 0.0
        self.watch = RefusalWatch(
            path,
            count=self.counted.append,
            tell=self.told.append,
            let_in_at=lambda: self.let_in_at,
            monotonic=seconds,
        )

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)
        self.watch.step()


@pytest.fixture
def following(tmp_path: Path, seconds: Seconds) -> Iterator[Following]:
    (tmp_path / "log").touch()
    made = Following(tmp_path / "log", seconds)
    made.watch.step()
    yield made
    made.watch.close()


def test_what_the_broker_denies_is_told_at_once(following: Following) -> None:
    following.write(CONNECTED + PUBLISH)
    assert [one.kind for one in following.told] == [RefusalKind.PUBLISH] == [one.kind for one in following.counted]


def test_a_refused_connection_is_told_after_a_while(following: Following, seconds: Seconds) -> None:
    following.write(REFUSED)
    assert len(following.counted) == 1
    assert following.told == []
    seconds.now += HELD_S
    following.write("")
    assert [one.kind for one in following.told] == [RefusalKind.CONNECT]


def test_a_broker_that_had_lost_its_list_accuses_nobody(following: Following, seconds: Seconds) -> None:
    following.write(REFUSED)
    seconds.now += 2
    following.let_in_at = seconds.now
    seconds.now += HELD_S
    following.write("")
    assert following.told == []


def test_a_log_that_is_not_there_or_can_not_be_read_is_said(tmp_path: Path, seconds: Seconds) -> None:
    following = Following(tmp_path / "log", seconds)
    following.watch.step()
    assert "not there" in str(following.watch.trouble)
    following.write(CONNECTED + PUBLISH)
    assert following.watch.trouble is None
    assert len(following.told) == 1
    following.watch.close()
    (tmp_path / "folder").mkdir()
    other = Following(tmp_path / "folder", seconds)
    other.watch.step()
    assert "can't be read" in str(other.watch.trouble)


def test_a_step_ends_although_the_log_does_not(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "PIECES", 1)
    with following.path.open("a") as file:
        file.write((CONNECTED + PUBLISH) * 2000)
    assert following.watch.step()
    while following.watch.step():
        pass
    assert len(following.told) == 2000
