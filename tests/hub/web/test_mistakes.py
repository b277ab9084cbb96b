"""What is wrong with a form is said beside it, and what was typed is still in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.store import device_keys, devices, directory
from hub.store.devices import Device
from hub.store.directory import Role
from protocols import labels
from protocols.ids import Address
from tests.hub.desk import ACME, ADDRESS
from tests.hub.web.test_console import text
from tests.hub.web.visitor import Visitor

if TYPE_CHECKING:
    from fastapi import FastAPI

    from hub.store.store import Store, Tx
    from tests.hub.desk import Office

NEW = Address("C0:FF:EE:00:00:02")
KEY = bytes(range(32, 48))
MENU = 'aria-label="Pages"'


@pytest.fixture
def admin(store: Store, app: FastAPI) -> Visitor:
    """Mo, who may do everything."""
    account = store.read(lambda tx: directory.get_account(tx, ACME, "mo"))
    assert account is not None
    store.write(lambda tx: directory.save_account(tx, replace(account, role=Role.ADMINISTRATOR)))
    visitor = Visitor(app)
    visitor.sign_in("mo")
    return visitor


@pytest.mark.parametrize(
    ("page", "action", "fields", "problem", "kept"),
    [
        ("/places", "/places", {"name": "Barn", "coordinates": "there"}, "latitude, longitude", "Barn"),
        ("/places", "/places/home-17", {"name": "Barn", "coordinates": "99, 200"}, "no place on Earth", "Barn"),
        ("/people", "/people/workers", {"name": "Bob", "email": "at home"}, "no e-mail address", "at home"),
        ("/people", "/people/accounts", {"id": "Kim Keeper", "name": "Kim"}, "How about kim-keeper?", "Kim Keeper"),
        ("/tokens", "/tokens", {"name": "the rota"}, "Choose at least one thing", "the rota"),
        ("/settings", "/settings", {"name": "Acme", "zone": "Mars/North"}, "not a time zone", "Mars/North"),
        ("/devices", "/devices", {"text": "rubbish", "label": "Alarm 9"}, "group", "Alarm 9"),
        ("/gateways", "/gateways", {"gateway": "North Wing"}, "How about north-wing?", "north-wing"),
    ],
)
def test_a_mistake_is_said_on_the_page_that_it_was_made_on(
    admin: Visitor, page: str, action: str, fields: dict[str, str], problem: str, kept: str
) -> None:
    answer = admin.submit(action, on=page, **fields)
    assert answer.status_code == 422
    assert MENU in answer.text
    assert problem in text(answer.text)
    assert f'value="{kept}"' in answer.text


def test_a_code_that_was_typed_wrongly_does_not_come_back(admin: Visitor) -> None:
    code = labels.code(NEW, KEY)[:-1]
    assert code not in admin.submit("/devices", on="/devices", text=code, label="Alarm 9").text


def test_the_chosen_rights_and_days_of_a_token_are_still_chosen(admin: Visitor) -> None:
    answer = admin.submit("/tokens", on="/tokens", name=" ", scopes=["alarms:see"], days="30").text
    assert 'value="alarms:see" checked' in answer
    assert '<option value="30" selected>' in answer


def with_a_spare(tx: Tx) -> None:
    devices.add(tx, Device(ACME, NEW, "new one"))
    device_keys.add(tx, ACME, NEW, KEY)


def wears(office: Office) -> list[str]:
    return [str(one) for one in office.store.read(lambda tx: devices.of_worker(tx, ACME, "alice"))]


def test_whether_a_second_alarm_replaces_the_first_is_asked_on_the_page(admin: Visitor, office: Office) -> None:
    office.store.write(with_a_spare)
    path = f"/devices/{NEW}/assign"
    asked = admin.submit(path, on="/devices", worker="alice")
    assert "Alice Archer wears alarm 1; replace it?" in text(asked.text)
    assert wears(office) == [ADDRESS]
    hidden = admin.hidden(asked.text[asked.text.index("question-title") :], path)
    assert admin.client.post(path, data=hidden).headers["location"] == "/devices"
    assert wears(office) == [NEW]


def test_a_new_alarm_for_who_has_one_waits_in_the_pool_for_the_answer(admin: Visitor, office: Office) -> None:
    asked = admin.submit("/devices", on="/devices", text=labels.code(NEW, KEY), label="new one", worker="alice").text
    assert "Alice Archer wears alarm 1; replace it?" in text(asked)
    assert "For now new one is in the pool" in text(asked)
    assert wears(office) == [ADDRESS]


def test_a_program_says_that_it_replaces(admin: Visitor, office: Office) -> None:
    office.store.write(with_a_spare)
    path = f"/devices/{NEW}/assign"
    refused = admin.call("POST", path, {"worker": "alice"}, name="mo")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:tocsin:problem:already-wears")
    assert refused.json()["what"] == "alarm 1"
    assert admin.call("POST", path, {"worker": "alice", "replace": True}, name="mo").status_code == 204
    assert wears(office) == [NEW]
