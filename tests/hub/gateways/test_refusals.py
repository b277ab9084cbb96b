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
from hub.store import directory, faults, outbox, presence
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
    assert (fault.subject.partition(", ")[0], fault.detail) == ("north", "north did what it must not")
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
    assert sorted(fault.subject for fault in trade.refusals()) == ["north, last will", "north, publication"]


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


def test_where_no_gateway_is_known_nobody_is_told_whose_it_may_not_be(
    trade: Trade, refused: Refusals, metrics: HubMetrics
) -> None:
    refused.note(stranger("198.51.100.9"))
    refused.note(about("never-heard-of"))
    assert trade.refusals(ACME) == trade.refusals(OTHERS) == []
    assert _count(metrics, RefusalKind.CODE_UNKNOWN) == 1


def test_an_address_from_which_a_gateway_used_its_credential_is_told_to_its_organisation_and_no_other(
    trade: Trade, refused: Refusals
) -> None:
    trade.use(trade.enrolled("north", OTHERS), "203.0.113.5")
    trade.revoke("north", OTHERS)
    refused.note(stranger("203.0.113.5"))
    assert [fault.subject for fault in trade.refusals(OTHERS)] == ["203.0.113.5"]
    assert trade.refusals(ACME) == []
    trade.use(trade.enrolled("south", OTHERS), "203.0.113.6")
    refused.note(stranger("203.0.113.6"))
    assert trade.refusals(ACME) == []
    assert len(trade.refusals(OTHERS)) == 2


class Alone:
    """The only organisation of a hub, with one gateway, and what it is told of."""

    def __init__(self, store: Store, metrics: HubMetrics) -> None:
        self._store = store
        self.refused = Refusals(store, Routes(), metrics, lambda: None, Seconds())
        store.write(lambda tx: directory.add_organisation(tx, directory.Organisation(ACME, "Acme", "Europe/London")))
        store.write(lambda tx: presence.put_place(tx, ACME, "north", None, state="online"))

    def told(self) -> list[str]:
        return [fault.subject.partition(", ")[0] for fault in self._store.read(lambda tx: faults.listed(tx, ACME))]


@pytest.fixture
def alone(store: Store, metrics: HubMetrics) -> Alone:
    return Alone(store, metrics)


def test_the_only_organisation_of_a_hub_is_told_of_every_address(alone: Alone) -> None:
    alone.refused.note(stranger("198.51.100.9"))
    assert alone.told() == ["198.51.100.9"]


def test_whoever_invents_gateways_is_one_stranger_and_hides_no_gateway(
    trade: Trade, refused: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade.enrolled()
    written: list[object] = []
    monkeypatch.setattr(access, "tell", lambda _, refusal: written.append(refusal))
    for number in range(300):
        refused.note(about(f"invented-{number}"))
    assert len(written) == 1
    refused.note(about())
    assert len(written) == 2


def test_a_stranger_with_many_addresses_is_told_of_as_one_and_does_not_hide_a_gateway(alone: Alone) -> None:
    for number in range(MOST_STRANGERS + 50):
        alone.refused.note(stranger(f"2001:db8::{number:x}"))
    assert len(alone.told()) == access.MOST_ADDRESSES + 1
    assert OTHER_ADDRESSES in alone.told()
    alone.refused.note(about())
    assert "north" in alone.told()


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


def test_a_gateway_that_tries_for_ever_is_told_of_and_hides_nobody(
    following: Following, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "_MOST_HELD", 3)
    other = REFUSED.replace("192.0.2.7", "198.51.100.9")
    assert other != REFUSED
    following.write(REFUSED * 50 + other)
    seconds.now += HELD_S
    following.write("")
    assert [one.source for one in following.told] == ["192.0.2.7", "198.51.100.9"]
    assert len(following.counted) == 51


def test_one_that_is_refused_again_after_others_were_let_in_is_told_of(following: Following, seconds: Seconds) -> None:
    following.write(REFUSED)
    seconds.now += 2
    following.let_in_at = seconds.now
    seconds.now += 2
    following.write(REFUSED)
    seconds.now += HELD_S
    following.write("")
    assert len(following.told) == 1


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
