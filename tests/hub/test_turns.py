"""Whose message goes first: alerts, and organisations in turn, so that no flood stands before another's alarm."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from hub.dispatcher.dispatcher import PLACES, SHARE
from hub.store import outbox
from hub.store.outbox import ItemKind, NewItem
from hub.store.store import Store, open_engine
from hub.store.vault import Vault, new_key
from protocols.ids import OrganisationId
from tests.hub.desk import ACME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.store.outbox import Item
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office
    from tests.services import Postgres

OTHERS, THIRD = OrganisationId("others"), OrganisationId("third")


def _queue(store: Store, watch: Watch, organisation: OrganisationId, count: int, rank: int = 0) -> None:
    """So many mails, each due a second after the one before."""
    item = NewItem(ItemKind.ALERT, "email", "alarm", "account:sam", rank=rank)
    for _ in range(count):
        store.write(lambda tx: outbox.add(tx, organisation, item))
        watch.forward(seconds=1)


def _leased(store: Store, limit: int = PLACES, **more: Any) -> Counter[str]:
    """How many of each organisation."""
    rows = store.write(lambda tx: outbox.lease(tx, "email", limit, **more))
    return Counter(str(row.organisation) for row in rows)


def test_an_alarm_does_not_wait_behind_twenty_of_another_organisation(store: Store, watch: Watch) -> None:
    _queue(store, watch, OTHERS, 20)
    _queue(store, watch, ACME, 1)
    assert _leased(store)[ACME] == 1


def test_organisations_that_wait_share_the_places_alike(store: Store, watch: Watch) -> None:
    for organisation in (OTHERS, ACME):
        _queue(store, watch, organisation, 10)
    assert _leased(store) == {OTHERS: 3, ACME: 3}
    _queue(store, watch, THIRD, 10)
    assert _leased(store, held={OTHERS: 3, ACME: 3}, limit=3) == {THIRD: 3}


def test_alerts_of_one_organisation_go_before_what_is_less_urgent_of_another(store: Store, watch: Watch) -> None:
    _queue(store, watch, ACME, 5, rank=1)
    _queue(store, watch, OTHERS, 6)
    assert _leased(store) == {OTHERS: 6}
    assert _leased(store, limit=5) == {ACME: 5}


def test_of_one_organisation_the_older_goes_first(store: Store, watch: Watch) -> None:
    _queue(store, watch, ACME, 4)
    first = store.write(lambda tx: outbox.lease(tx, "email", 2))
    assert [row.created_at for row in first] == sorted(row.created_at for row in first)
    assert max(row.created_at for row in first) < min(
        row.created_at for row in store.write(lambda tx: outbox.lease(tx, "email", 2))
    )


def test_one_organisation_never_has_all_places_and_what_is_under_way_counts(store: Store, watch: Watch) -> None:
    _queue(store, watch, OTHERS, 20)
    assert _leased(store, share=SHARE) == {OTHERS: SHARE}
    assert not _leased(store, held={OTHERS: SHARE}, share=SHARE)
    assert _leased(store, held={OTHERS: SHARE - 1}, share=SHARE) == {OTHERS: 1}


def test_an_alarm_is_handed_over_at_once_though_another_organisation_keeps_its_mail_server_hanging(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = _Hangs()
    monkeypatch.setattr(office.dispatcher, "_executor", hangs)
    _queue(office.store, office.watch, OTHERS, 20)
    office.dispatcher.step()
    office.dispatcher.step()
    assert hangs.organisations == SHARE * [OTHERS]
    _queue(office.store, office.watch, ACME, 1)
    office.dispatcher.step()
    assert hangs.organisations[SHARE:] == [ACME]


class _Hangs:
    """An executor that never comes to an end with anything."""

    def __init__(self) -> None:
        self.organisations: list[OrganisationId] = []

    def submit(self, _work: Any, item: Item) -> Future[None]:
        self.organisations.append(item.organisation)
        return Future()


def test_what_another_replica_is_just_leasing_is_passed_over(
    postgres: Postgres, postgres_template: str, store_of: Callable[[str], Store], watch: Watch
) -> None:
    url = postgres.new_database(postgres_template)
    one, two = store_of(url), store_of(url)
    _queue(one, watch, OTHERS, 4)
    _queue(one, watch, ACME, 1)

    def work(tx: Any) -> tuple[list[Item], list[Item]]:
        return outbox.lease(tx, "email", 2), two.write(lambda other: outbox.lease(other, "email", 6))

    ours, theirs = one.write(work)
    assert len(ours) == 2
    assert len(theirs) == 3
    assert not {row.id for row in ours} & {row.id for row in theirs}


@pytest.fixture
def store_of(watch: Watch) -> Iterator[Callable[[str], Store]]:
    opened: list[Store] = []

    def new(url: str) -> Store:
        opened.append(Store(open_engine(url), Vault([new_key()]), clock=watch))
        return opened[-1]

    yield new
    for one in opened:
        one.close()
