"""Setting a site up as an administrator does, and a worker's own view: a real browser, a real server."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from hub.cases import way_in
from hub.cases.way_in import WayIn
from hub.store import directory
from hub.store.directory import Account, Role
from hub.web import accounts
from protocols import labels
from protocols.enrolment import BrokerAddress
from protocols.events import Cause
from protocols.ids import Address, WorkerId
from tests.hub.desk import ACME
from tests.hub.web.scenes import busy_night
from tests.hub.web.test_browser import SOON_MS, browser, complaints, page, picture, server, watch
from tests.hub.web.visitor import CHEAP, PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from hub.store.store import Store, Tx
    from tests.hub.desk import Office

__all__ = ["browser", "complaints", "page", "server", "watch"]
pytestmark = pytest.mark.browser

LABEL = labels.code(Address("C0:FF:EE:00:00:07"), bytes(range(50, 66)))
SIZES = [(1360, 900), (400, 800)]


@pytest.fixture(autouse=True)
def people(store: Store, office: Office) -> None:
    """An administrator and a worker who may sign in, and a hub that knows where it is."""

    def work(tx: Tx) -> None:
        for name, role, worker in (("adi", Role.ADMINISTRATOR, None), ("wendy", Role.WORKER, WorkerId("alice"))):
            mail = f"{name}@acme.example"
            directory.add_account(tx, Account(ACME, name, name.title(), mail, role, password_hash=CHEAP, worker=worker))
        address = BrokerAddress(host="hub.example", port=8883, tls=True)
        way_in.note(tx, WayIn(hub_url="https://hub.example", authority=None, broker=address))

    store.write(work)


def sign_in(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("html")).to_have_attribute("data-link", "live")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_gateway_is_added_and_its_command_is_shown_once(page: Page, complaints: list[str]) -> None:
    sign_in(page, "adi")
    page.get_by_role("link", name="Gateways", exact=True).click()
    form = page.locator("form", has=page.get_by_label("Its name"))
    form.get_by_label("Its name").fill("north-wing")
    form.get_by_label("Place").select_option(label="Home 17")
    form.get_by_role("button", name="Make a code").click()

    command = page.locator("#command")
    expect(command).to_have_text(re.compile(r"^tocsin gateway enroll https://hub\.example --code [0-9A-Z-]{14,}$"))
    expect(page.locator(".once time[data-left]")).to_have_text(re.compile("59 min|1 h"))
    picture(page, "gateway-code")
    page.wait_for_timeout(1500)  # longer than a heartbeat: the page around it refreshes itself, the code stays
    expect(command).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    expect(page.locator("#gateway-north-wing")).to_contain_text("code made")

    page.get_by_role("link", name="Gateways", exact=True).click()
    expect(page.locator("#command")).to_have_count(0)
    assert complaints == []


def test_a_gateway_is_revoked_with_a_reason_after_reading_what_follows(page: Page, office: Office) -> None:
    sign_in(page, "adi")
    page.goto("/gateways")
    page.get_by_label("Its name").fill("north-wing")
    page.get_by_role("button", name="Make a code").click()
    row = page.locator("#gateway-north-wing")
    row.get_by_text("Revoke…").click()
    expect(row).to_contain_text("the keys of all devices change")
    row.get_by_label("Why").fill("stolen from the van")
    picture(page, "gateway-revoke")
    row.get_by_role("button", name="Revoke north-wing").click()

    expect(page).to_have_url(re.compile("/gateways$"))
    assert "revoked" in office.written("gateway:north-wing")


def test_a_device_is_enrolled_from_its_label_and_given_to_somebody(page: Page, complaints: list[str]) -> None:
    sign_in(page, "adi")
    page.get_by_role("link", name="Devices", exact=True).click()
    form = page.locator("form", has=page.get_by_label("What is printed on it"))
    form.get_by_label("What is printed on it").fill(LABEL.lower())
    form.get_by_label("What you call it").fill("Alarm 7")
    form.get_by_label("Who wears it").select_option(label="Alice Archer")
    form.get_by_role("button", name="Enrol it").click()

    expect(page.locator("#once-title")).to_contain_text("Alarm 7 is enrolled")
    expect(page.locator("#question-title")).to_have_text("Alice Archer wears alarm 1; replace it?")
    page.get_by_role("button", name="Replace it").click()
    row = page.locator("#device-C0FFEE000007")
    expect(row).to_contain_text("worn by Alice Archer")
    expect(row).to_contain_text("never proved")
    picture(page, "device-enrolled")
    assert complaints == []


def test_a_mistake_in_a_label_is_said_with_its_group_and_the_key_does_not_come_back(page: Page) -> None:
    sign_in(page, "adi")
    page.goto("/devices")
    wrong = LABEL[:6] + ("2" if LABEL[6] != "2" else "3") + LABEL[7:]
    page.get_by_label("What is printed on it").fill(wrong)
    page.get_by_role("button", name="Enrol it").click()

    expect(page.locator("p.warning[role=alert]")).to_contain_text("group 2")
    assert wrong not in page.content()


def test_labels_are_shown_to_be_printed(page: Page, complaints: list[str]) -> None:
    sign_in(page, "adi")
    page.goto("/devices")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Make labels").click()

    expect(page.locator(".label svg")).to_have_count(3)
    assert page.locator(".label svg").first.bounding_box()["width"] > 100  # type: ignore[index]
    picture(page, "labels")
    assert complaints == []


def test_an_account_is_added_and_its_password_shown_once(page: Page, complaints: list[str]) -> None:
    sign_in(page, "adi")
    page.get_by_role("link", name="People", exact=True).click()
    form = page.locator("form[action='/people/accounts']")
    form.get_by_label("Account").fill("nina")
    form.get_by_label("Name", exact=True).fill("Nina Night")
    form.get_by_role("button", name="Add the account").click()

    expect(page.locator("#password")).to_have_text(re.compile(r"^([0-9a-f]{4}-){4}[0-9a-f]{4}$"))
    picture(page, "account-added")
    page.wait_for_timeout(1500)  # longer than a heartbeat: what was shown by a form's answer refreshes, too
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    assert complaints == []


def test_an_alarm_is_not_overlooked_by_who_sets_something_up(page: Page, office: Office) -> None:
    sign_in(page, "adi")
    page.goto("/people")
    page.locator("form[action='/people/workers']").get_by_label("Name", exact=True).fill("half typed")

    office.hear(office.alarm.event(Cause.PANIC))

    expect(page.locator(".banner.untaken")).to_contain_text("Panic alarm: Alice Archer", timeout=SOON_MS)
    expect(page.locator("form[action='/people/workers']").get_by_label("Name", exact=True)).to_have_value("half typed")


def test_a_worker_sees_their_own_and_ends_it(page: Page, office: Office, complaints: list[str]) -> None:
    sign_in(page, "wendy")
    expect(page).to_have_url(re.compile("/me$"))
    form = page.locator("form[action='/me/sessions']")
    form.get_by_label("Place").select_option(label="Home 17")
    form.get_by_label("High").check()
    form.get_by_role("button", name="Start now").click()
    expect(page.locator(".session")).to_contain_text("17 Elm Row", timeout=SOON_MS)

    office.hear(office.alarm.event(Cause.PANIC))
    expect(page.locator("article.alarm")).to_contain_text("Nobody has it yet", timeout=SOON_MS)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert fits(page)
        picture(page, f"own-{width}")
    office.take()
    expect(page.locator("article.alarm")).to_contain_text("A person has it", timeout=SOON_MS)

    page.get_by_role("button", name="I am back").click()
    expect(page.get_by_text("Nobody expects you back")).to_be_visible(timeout=SOON_MS)
    assert complaints == []


@pytest.mark.parametrize("name", ["", "people", "places", "devices", "gateways", "journal", "tokens", "settings"])
def test_every_page_fits_on_any_screen(page: Page, office: Office, name: str, complaints: list[str]) -> None:
    busy_night(office)
    sign_in(page, "adi")
    page.emulate_media(reduced_motion="reduce")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"/{name}")
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("#live")).to_be_visible()
        picture(page, f"page-{name or 'board'}-{width}")
        assert fits(page), width
    assert complaints == []


def test_a_screen_says_ahead_that_it_must_sign_in_again(
    page: Page, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "LIFETIME", timedelta(minutes=20))
    sign_in(page, "adi")

    expect(page.locator("#ending")).to_contain_text("signed out in 19 min", timeout=5_000)
    picture(page, "ending")
    page.get_by_role("link", name="Sign in again now").click()
    expect(page.get_by_label("Account")).to_be_visible()


def test_an_empty_organisation_is_told_what_is_left_to_do(page: Page, store: Store) -> None:
    def work(tx: Tx) -> None:
        from hub.store.directory import Organisation
        from protocols.ids import OrganisationId

        new = OrganisationId("new")
        directory.add_organisation(tx, Organisation(new, "New Charity", "Europe/London"))
        admin = Account(new, "nia", "Nia New", None, Role.ADMINISTRATOR)
        directory.add_account(tx, replace(admin, password_hash=CHEAP))

    store.write(work)
    sign_in(page, "nia")

    expect(page.get_by_role("heading", name="What is left to do before anybody relies on this")).to_be_visible()
    expect(page.locator(".todo li")).to_have_count(6)
    picture(page, "todo")
    page.locator(".todo a").nth(2).click()
    expect(page).to_have_url(re.compile("/gateways$"))
