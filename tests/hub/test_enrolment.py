"""Devices: enrolled from their label, worn for a time, pooled, swapped, given up."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub import labels as sheets
from hub.cases import enrolment
from hub.cases.enrolment import (
    AddressDiffersError,
    AddressMissingError,
    AlreadyThereError,
    AssignmentTimeError,
    NotWornError,
    OutOfUseError,
    SameKeyError,
)
from hub.domain.incident import Kind
from hub.domain.session import Risk
from hub.store import devices, directory
from hub.store.directory import Worker
from protocols import labels
from protocols.events import Cause
from protocols.ids import Address, WorkerId
from protocols.labels import LabelError
from tests.hub.desk import ACME, ADDRESS, KEY, Alarm, Office
from tocsin.cli import build

if TYPE_CHECKING:
    from pathlib import Path

SECOND = Address("C0:FF:EE:00:00:02")
SECOND_KEY = bytes(range(32, 48))


@pytest.fixture
def pool(office: Office) -> Office:
    """Acme with a second alarm in the pool, and Bob."""
    office.store.write(lambda tx: directory.add_worker(tx, Worker(ACME, WorkerId("bob"), "Bob")))
    enrol(office, labels.code(SECOND, SECOND_KEY), "spare")
    return office


def enrol(office: Office, text: str, label: str = "", **more: Any) -> Any:
    return office.desk(lambda desk: enrolment.enrol_device(desk, ACME, text, label, "mo", **more))


def assign(office: Office, address: Address, worker: str, **more: Any) -> None:
    office.desk(lambda desk: enrolment.assign(desk, ACME, address, WorkerId(worker), "mo", **more))


def wearers(office: Office) -> dict[str, str]:
    return {str(address): worker for address, worker in office.store.read(lambda tx: devices.wearers(tx, ACME)).items()}


@pytest.mark.parametrize("text", [labels.uri(SECOND, SECOND_KEY), labels.code(SECOND, SECOND_KEY)])
def test_a_device_enrolled_from_its_label_is_heard(office: Office, text: str) -> None:
    device = enrol(office, text, "spare")
    assert (device.address, device.label) == (SECOND, "spare")
    office.ingest.step([office.message(Alarm(SECOND, SECOND_KEY).event(Cause.PANIC), address=SECOND)])  # type: ignore[list-item]
    assert office.the_incident().match.reasons == ("the device was never assigned to anybody",)
    assert office.written(f"device:{SECOND}")[0] == "enrolled"


def test_a_bare_key_needs_its_address(office: Office) -> None:
    with pytest.raises(AddressMissingError):
        enrol(office, SECOND_KEY.hex())
    assert enrol(office, SECOND_KEY.hex(), address=SECOND).label == SECOND


def test_a_label_of_another_device_than_was_named_is_refused(office: Office) -> None:
    with pytest.raises(AddressDiffersError):
        enrol(office, labels.uri(SECOND, SECOND_KEY), address=ADDRESS)


def test_a_known_device_is_enrolled_anew_only_if_it_is_meant_and_has_another_key(office: Office) -> None:
    with pytest.raises(AlreadyThereError):
        enrol(office, labels.uri(ADDRESS, SECOND_KEY))
    with pytest.raises(SameKeyError):
        enrol(office, labels.uri(ADDRESS, KEY), anew=True)
    enrol(office, labels.uri(ADDRESS, SECOND_KEY), anew=True)
    with pytest.raises(SameKeyError):
        enrol(office, labels.uri(ADDRESS, KEY), anew=True)


def test_a_typing_mistake_enrols_nothing(office: Office) -> None:
    code = labels.code(SECOND, SECOND_KEY)
    with pytest.raises(LabelError, match="group 1"):
        enrol(office, ("7" if code[0] != "7" else "8") + code[1:])
    assert office.store.read(lambda tx: devices.get(tx, ACME, SECOND)) is None


def test_an_assignment_ahead_begins_and_ends_by_itself(pool: Office) -> None:
    morning = pool.at() + timedelta(hours=1)
    assign(pool, SECOND, "bob", since=morning, until=morning + timedelta(hours=4))
    assert wearers(pool) == {ADDRESS: "alice"}
    pool.pass_time(hours=2)
    assert wearers(pool) == {ADDRESS: "alice", SECOND: "bob"}
    pool.pass_time(hours=4)
    assert wearers(pool) == {ADDRESS: "alice"}


def test_who_lends_a_device_for_an_hour_wears_it_again_afterwards(pool: Office) -> None:
    assign(pool, ADDRESS, "bob", until=pool.at() + timedelta(hours=1))
    assert wearers(pool) == {ADDRESS: "bob"}
    pool.pass_time(hours=1)
    assert wearers(pool) == {ADDRESS: "alice"}


def test_an_alarm_belongs_to_whoever_wore_the_device_when_it_was_raised(pool: Office) -> None:
    frame = pool.alarm.event(Cause.PANIC)
    pool.pass_time(minutes=20)
    assign(pool, ADDRESS, "bob")
    pool.hear(frame, age_s=1000)
    assert pool.the_incident().match.worker == "alice"


def test_a_device_swapped_in_the_middle_of_a_session_is_the_one_that_is_watched(pool: Office) -> None:
    pool.session(Risk.HIGH)
    pool.digest(pool.alarm.frame())
    assert pool.desk(lambda desk: enrolment.swap(desk, ACME, ADDRESS, SECOND, "mo")) == "alice"
    assert wearers(pool) == {SECOND: "alice"}
    pool.pass_time(seconds=60)
    pool.digest(pool.alarm.frame())
    pool.pass_time(seconds=31)
    assert pool.the_incident().state.kind is Kind.SILENCE, "the one in the drawer keeps nobody alive"


def test_a_device_handed_out_in_the_middle_of_a_session_is_watched_from_then_on(pool: Office) -> None:
    pool.session(Risk.HIGH, worker="bob")
    pool.pass_time(minutes=5)
    assert pool.incidents() == []
    assign(pool, SECOND, "bob")
    pool.pass_time(seconds=91)
    assert pool.the_incident().state.kind is Kind.SILENCE


def test_a_device_in_the_pool_is_nobody_s(pool: Office) -> None:
    pool.desk(lambda desk: enrolment.unassign(desk, ACME, ADDRESS, "mo"))
    assert wearers(pool) == {}
    with pytest.raises(NotWornError):
        pool.desk(lambda desk: enrolment.swap(desk, ACME, ADDRESS, SECOND, "mo"))


@pytest.mark.parametrize("end", [enrolment.withdraw, enrolment.revoke_device])
def test_what_is_out_of_use_is_worn_by_nobody_until_it_is_enrolled_anew(pool: Office, end: Any) -> None:
    pool.desk(lambda desk: end(desk, ACME, SECOND, "mo"))
    with pytest.raises(OutOfUseError):
        assign(pool, SECOND, "bob")
    enrol(pool, labels.uri(SECOND, bytes(range(48, 64))), anew=True)
    assign(pool, SECOND, "bob")
    assert pool.written(f"device:{SECOND}")[2:] == ["enrolled anew", "assigned"]


def test_an_assignment_that_ends_before_it_begins_is_refused(pool: Office) -> None:
    with pytest.raises(AssignmentTimeError):
        assign(pool, SECOND, "bob", until=pool.at() - timedelta(minutes=1))


def test_a_device_is_shown_with_who_wears_it_and_how_far_it_has_come_with_its_keys(pool: Office) -> None:
    pool.digest(pool.alarm.frame())
    first, second = pool.store.read(lambda tx: enrolment.devices_shown(tx, ACME))
    assert (first.worker, second.worker) == ("alice", None)
    assert first.key is not None
    assert (first.key.enrolment, first.key.taken) == (1, 0)
    assert first.seen is not None


# Labels and the command


def test_a_sheet_of_labels_fetches_nothing_and_every_label_can_be_enrolled() -> None:
    made = sheets.fresh(12)
    page = sheets.page(made)
    assert page.count("<svg") == 12
    assert not re.findall(r"""(?:src|href)=|url\(|@import|<script""", page)
    for address, key in made:
        assert address.octets[0] >= 0xC0
        assert labels.code(address, key) in page
        assert labels.read(labels.code(address, key)).address == address


def test_labels_are_made_printed_and_enrolled_from_the_command_line(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(f'database = "sqlite:///{tmp_path / "hub.db"}"\n')

    def run(*words: str, said: str | None = None, fails: bool = False) -> str:
        result = CliRunner().invoke(build(), ["hub", *words], input=said)
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    sheet = tmp_path / "labels.html"
    address, code, uri = run("device", "new", "--text", "--print", str(sheet)).splitlines()[-1].split("\t")
    assert code in sheet.read_text()
    assert sheet.stat().st_mode & 0o077 == 0
    assert "File exists" in run("device", "new", "--print", str(sheet), fails=True)
    run("organisation", "acme", "Acme", "--config", str(config))
    run("worker", "alice", "Alice", "--config", str(config))
    on = ("--config", str(config))
    assert (
        run("device", "add", "--key-file", "-", "--label", "blue", "--worker", "alice", *on, said=code)
        == f"{address}\n"
    )
    assert "there is a device" in run("device", "add", "--key-file", "-", *on, said=uri, fails=True)
    assert "mistake in group 2" in run("device", "add", "--key-file", "-", *on, said=_mistyped(code), fails=True)
    assert f"{address}  alice        blue  never heard" in run("device", "list", *on)
    assert "working key 0 ordered, taken: none yet" in run("device", "show", address, *on)
    run("device", "rekey", address, *on)
    run("device", "unassign", address, *on)
    run("device", "withdraw", address, *on)
    assert f"{address}  withdrawn    blue" in run("device", "list", *on)
    run("device", "revoke", address, *on)
    assert f"{address}  revoked      blue" in run("device", "list", *on)
    assert "1 secret(s) sealed anew" in run("keys", "rotate", *on)


def _mistyped(code: str) -> str:
    groups = code.split("-")
    groups[1] = ("A" if groups[1][0] != "A" else "B") + groups[1][1:]
    return "-".join(groups)
