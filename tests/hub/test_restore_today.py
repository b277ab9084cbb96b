"""Who may come in after a restore: today's truth wins where it can still be read."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from hub.cases import claims
from hub.store import api_tokens, credentials, device_keys, devices, directory, faults, vault
from hub.store.credentials import CredentialRecord
from hub.store.directory import Account, Organisation, Role, Worker
from hub.store.tables import accounts, organisations
from hub.store.tables import devices as device_rows
from protocols.ids import Address, OrganisationId, WorkerId
from tests.hub.desk import ACME, ADDRESS, Office
from tests.hub.test_backup import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hub.store.store import Tx
    from protocols.enrolment import Credential

FIRST = "the secret of the first"
SPARE = Address("C0:FF:EE:00:00:99")


class Day:
    """A hub that is backed up in the morning and restored in the evening."""

    def __init__(self, machine: Machine, office: Office) -> None:
        self.machine, self.office = machine, office
        self.write, self.see = office.store.write, machine.see

    def enrol(self, gateway: str = "north", secret: str = FIRST) -> CredentialRecord:
        record = self.office.desk(lambda desk: credentials.add(desk.tx, ACME, gateway, secret))
        self.office.desk(lambda desk: claims.use(desk, record, "a test"))
        return record

    def rotate(self, record: CredentialRecord) -> Credential:
        new = self.office.desk(lambda desk: claims.rotate(desk, record, "a test"))
        (fresh,) = [one for one in self.office.store.read(credentials.live) if one.username == new.username]
        self.office.desk(lambda desk: claims.use(desk, fresh, "a test"))
        return new

    def restored(self, since: Callable[[], Any]) -> str:
        """A backup, what happens after it, and the restore of that backup; what the command said."""
        file = str(self.machine.folder / "morning.tar")
        self.machine.run("backup", file)
        since()
        self.office.store.close()
        return self.machine.run("restore", file, "--replace")

    def lets_in(self, username: str, secret: str) -> bool:
        return isinstance(self.see(lambda tx: claims.recognise(tx, username, secret, "x")), CredentialRecord)


@pytest.fixture
def day(database_url: str, tmp_path: Path) -> Iterator[Day]:
    machine = Machine(tmp_path, database_url)
    with closing(machine.store()) as store:
        yield Day(machine, Office(store, machine.watch))


def test_a_gateway_that_rotated_since_the_backup_goes_on_with_its_new_credential(day: Day) -> None:
    first, new = day.enrol(), []
    said = day.restored(lambda: new.append(day.rotate(first)))
    assert day.lets_in(new[0].username, new[0].secret)
    assert not day.lets_in(first.username, FIRST)
    assert "BUT NOT THESE" not in said


def test_a_gateway_that_was_enrolled_anew_since_the_backup_goes_on(day: Day) -> None:
    first = day.enrol()

    def since() -> None:
        day.office.desk(lambda desk: credentials.end(desk.tx, first, "stolen"))
        day.enrol(secret="of the new one")
        day.enrol("attic", "of the attic")

    day.restored(since)
    assert {one.username for one in day.see(credentials.live)} == {"acme.north.2", "acme.attic.1"}
    assert day.lets_in("acme.attic.1", "of the attic")


def test_a_gateway_whose_new_secret_opens_for_nobody_is_named(day: Day) -> None:
    first = day.enrol()

    def since() -> None:
        day.office.store.vault = vault.Vault([vault.new_key()])
        day.rotate(first)

    said = day.restored(since)
    assert "gateway acme/north: its credential can't be opened; give it a new code" in said
    (fault,) = day.see(lambda tx: faults.listed(tx, ACME))
    assert "gateway acme/north: its credential can't be opened" in fault.detail


def test_people_keep_todays_password_and_role_and_who_was_disabled_stays_so(day: Day) -> None:
    def since() -> None:
        changes: dict[str, dict[str, Any]] = {
            "sam": {"password_hash": "changed", "role": Role.WORKER},
            "mo": {"active": False},
        }
        for who, values in changes.items():
            mine = update(accounts).where(accounts.c.id == who).values(**values)
            day.write(lambda tx, mine=mine: tx.connection.execute(mine))
        new = Account(ACME, "ann", "Ann", "ann@acme.example", Role.ADMINISTRATOR)
        day.write(lambda tx: directory.add_account(tx, new))

    day.restored(since)
    found = {who: day.see(partial(_account, who)) for who in ("sam", "mo", "ann")}
    assert (found["sam"].password_hash, found["sam"].role) == ("changed", Role.WORKER)
    assert not found["mo"].active
    assert found["ann"].role == Role.ADMINISTRATOR


def _account(who: str, tx: Tx) -> Any:
    return tx.connection.execute(accounts.select().where(accounts.c.id == who)).one()


def test_an_alarm_that_was_enrolled_since_still_pages_and_one_that_was_revoked_stays_so(day: Day) -> None:
    def enrol_spare(tx: Tx) -> None:
        devices.add(tx, devices.Device(ACME, SPARE, "Alarm 9"))
        device_keys.add(tx, ACME, SPARE, bytes(16))
        directory.add_worker(tx, Worker(ACME, WorkerId("wim"), "Wim"))
        devices.assign(tx, ACME, SPARE, WorkerId("wim"))

    def since() -> None:
        day.write(enrol_spare)
        lost = update(device_rows).where(device_rows.c.address == ADDRESS).values(revoked_at=day.machine.watch.now())
        day.write(lambda tx: tx.connection.execute(lost))

    day.restored(since)
    assert day.see(lambda tx: device_keys.root(tx, device_keys.newest(tx, ACME, SPARE))) == bytes(16)  # type: ignore[arg-type]
    assert [each.worker for each in day.see(lambda tx: devices.assignments_of(tx, ACME, SPARE))] == ["wim"]
    assert day.see(lambda tx: devices.get(tx, ACME, ADDRESS)).revoked_at is not None


def test_a_token_that_was_made_since_is_good_and_one_that_was_revoked_is_not(day: Day) -> None:
    def add(number: str, tx: Tx) -> None:
        ends = tx.now + timedelta(days=90)
        api_tokens.add(tx, api_tokens.ApiToken(ACME, number, "wall", frozenset({"x"}), "sam", tx.now, ends), number)

    day.write(partial(add, "old"))

    def since() -> None:
        day.write(partial(add, "new"))
        day.write(lambda tx: api_tokens.revoke(tx, ACME, "old"))

    day.restored(since)
    good = {number: day.see(lambda tx, n=number: api_tokens.get(tx, ACME, n)).revoked_at is None
            for number in ("old", "new")}  # fmt: skip
    assert good == {"old": False, "new": True}


def test_an_organisation_that_was_made_since_is_named(day: Day) -> None:
    other = OrganisationId("other")

    def since() -> None:
        day.write(lambda tx: directory.add_organisation(tx, Organisation(other, "Other", "UTC")))
        day.office.desk(lambda desk: credentials.add(desk.tx, other, "north", "s"))

    assert "organisation other: made since the backup" in day.restored(since)


@pytest.mark.parametrize("ahead", [0, 50_000_000])
def test_a_counter_of_downlinks_never_goes_back(day: Day, ahead: int) -> None:
    day.write(lambda tx: tx.connection.execute(update(device_rows).values(downlink_counter=1000)))
    counting = update(device_rows).values(downlink_counter=ahead)
    day.restored(lambda: day.write(lambda tx: tx.connection.execute(counting)))
    assert day.see(lambda tx: devices.get(tx, ACME, ADDRESS)).downlink_counter > max(1000, ahead) + 900_000


def test_organisations_are_not_lost_on_the_way(day: Day) -> None:
    day.restored(lambda: None)
    assert day.see(lambda tx: [row.id for row in tx.connection.execute(organisations.select())]) == [ACME]
