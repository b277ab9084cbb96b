"""Two replicas do the same in the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.cases import sessions
from hub.cases.desk import Desk, Routes
from hub.domain.session import Risk
from hub.store import directory, sealed, vault
from hub.store.store import Store, open_engine
from hub.store.vault import SealedError, Vault, new_key
from hub.web import accounts, overlap
from hub.web.overlap import OverlapError
from tests.hub.desk import ACME
from tests.hub.gateways.trade import Trade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hub.store.store import Tx
    from tests.hub.desk import Office
    from tests.services import Postgres


@pytest.fixture
def url(postgres: Postgres, postgres_template: str) -> str:
    return postgres.new_database(postgres_template)


def both(work: Callable[[], object]) -> Iterator[object]:
    """What two threads get that begin together; an error is a result too."""
    together = threading.Barrier(2)

    def run() -> object:
        together.wait(10)
        try:
            return work()
        except OverlapError as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        yield from [future.result(30) for future in [pool.submit(run) for _ in range(2)]]


def test_a_session_logged_at_two_replicas_at_once_is_logged_once(office: Office) -> None:
    now = office.watch.now()
    new = sessions.NewSession("alice", "home-17", now, now + timedelta(hours=1), Risk.NORMAL)

    def log(tx: Tx) -> object:
        desk = Desk(tx, Routes())
        overlap.refuse(desk, ACME, new)
        return sessions.log(desk, ACME, new, "sam")

    results = list(both(lambda: office.store.write(log)))
    assert sum(isinstance(result, OverlapError) for result in results) == 1, results


def test_two_hubs_that_start_at_once_make_one_first_password(url: str) -> None:
    with closing(Store(open_engine(url), Vault([new_key()]))) as store:
        store.write(lambda tx: directory.add_organisation(tx, directory.Organisation(ACME, "Acme", "Europe/London")))

        def first(tx: Tx) -> str | None:
            directory.hold_organisation(tx, ACME)
            return accounts.first_account(tx, ACME)

        made = list(both(lambda: store.write(first)))
        assert sum(password is not None for password in made) == 1


def test_two_hubs_that_start_at_once_make_one_key_file(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / f"{number}.keys"
        made = list(both(lambda path=path: vault.read_or_make(path).seal(b"x", "y")[:4]))  # type: ignore[misc]
        assert made[0] == made[1]
    assert len(list(tmp_path.iterdir())) == 20


def test_a_hub_with_another_key_file_is_refused(url: str) -> None:
    with (
        closing(Store(open_engine(url), Vault([new_key()]))) as right,
        closing(Store(open_engine(url), Vault([new_key()]))) as wrong,
    ):
        wrong.read(sealed.check)  # nothing is sealed yet
        Trade(right).enrolled("north")
        right.read(sealed.check)
        with pytest.raises(SealedError):
            wrong.read(sealed.check)
