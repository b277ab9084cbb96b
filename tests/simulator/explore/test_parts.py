"""The parts that a simulated world is made of behave as the real ones would."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.store import directory
from hub.store.directory import Organisation
from hub.store.store import Store, StoreUnavailableError
from hub.store.vault import Vault
from protocols.ids import OrganisationId
from simulator.explore.disk import VAULT_KEY, HubDisk
from simulator.explore.fate import Fate, Killed
from simulator.explore.network import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

ACME = Organisation(OrganisationId("acme"), "Acme", "Europe/London")


class Desk:
    """A store on a simulated disk."""

    def __init__(self) -> None:
        self.fate = Fate()
        self.commits = 0
        self.disk = HubDisk(self.fate, self.count)
        self.store = Store(self.disk.engine, Vault([VAULT_KEY]), inline=True)

    def count(self) -> None:
        self.commits += 1

    def found(self) -> None:
        self.store.write(lambda tx: directory.add_organisation(tx, ACME))

    def fill(self) -> None:
        for number in range(1000):
            one = Organisation(OrganisationId(f"acme-{number}"), "A" * 100, "UTC")
            self.store.write(partial(directory.add_organisation, organisation=one))

    def known(self) -> list[Organisation]:
        return self.store.read(directory.all_organisations)

    def close(self) -> None:
        self.disk.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with closing(Desk()) as made:
        yield made


def test_what_was_committed_is_there(desk: Desk) -> None:
    desk.found()
    assert desk.known() == [ACME]
    assert desk.commits == 1


@pytest.mark.parametrize(("points", "where"), [(0, "insert into organisations"), (1, "commit")])
def test_a_process_that_dies_before_the_commit_leaves_nothing(desk: Desk, points: int, where: str) -> None:
    desk.fate.doom(points)
    with pytest.raises(Killed, match=where):
        desk.found()
    desk.disk.connection.fate = Fate()
    assert desk.known() == []
    assert desk.commits == 0


def test_a_process_that_dies_after_the_commit_leaves_all_of_it(desk: Desk) -> None:
    desk.fate.doom(2)
    with pytest.raises(Killed, match="after commit"):
        desk.found()
    desk.disk.connection.fate = Fate()
    assert desk.known() == [ACME]


def test_a_full_disk_refuses_until_it_has_room(desk: Desk) -> None:
    desk.disk.connection.fill(full=True)
    with pytest.raises(StoreUnavailableError, match="full"):
        desk.fill()
    desk.disk.connection.fill(full=False)
    desk.found()
    assert ACME in desk.known()


def test_an_utterly_full_disk_refuses_even_what_it_has_pages_for(desk: Desk) -> None:
    desk.disk.connection.fill(full=True, utterly=True)
    with pytest.raises(StoreUnavailableError, match="full"):
        desk.found()
    desk.disk.connection.fill(full=False)
    desk.found()
    assert desk.known() == [ACME]


@pytest.mark.parametrize(
    ("subscription", "topic", "is_for_it"),
    [
        ("tocsin/v1/+/+/event", "tocsin/v1/acme/north/event", True),
        ("tocsin/v1/+/+/event", "tocsin/v1/acme/north/status", False),
        ("tocsin/v1/+/+/event", "tocsin/v1/acme/north/event/more", False),
        ("a/b", "a/b", True),
    ],
)
def test_a_plus_stands_for_one_level(subscription: str, topic: str, is_for_it: bool) -> None:
    assert matches(subscription, topic) is is_for_it
