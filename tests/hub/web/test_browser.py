"""The console as a supervisor sees it: a real browser, a real server, the hub's own cases behind it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from hub.domain.incident import Phase
from hub.domain.session import Risk
from hub.store import sign_ins
from hub.web.app import equip
from hub.web.changes import Changes
from protocols.events import Cause, Stage
from tests.hub.web.scenes import busy_night
from tests.hub.web.serving import serving
from tests.hub.web.visitor import PASSWORD
from tests.services import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from playwright.sync_api import Browser, Page

    from hub.web.context import Console
    from tests.hub.desk import Office
    from tests.hub.web.conftest import Woken
    from tests.hub.web.serving import Server

pytestmark = pytest.mark.browser

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = os.environ.get("TOCSIN_PICTURES")
SOON_MS = 2000


class WallClock:
    """Real time: the browser's own clock counts on from what the hub says."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def watch() -> WallClock:
    return WallClock()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program("chromium"), args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def server(app: FastAPI, console: Console) -> Iterator[Server]:
    equip(app, replace(console, changed=Changes(console.store, heartbeat_s=1.0)))
    with serving(app) as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the browser found wrong: errors of scripts, refusals of the content security policy."""
    return []


@pytest.fixture
def page(browser: Browser, server: Server, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url, viewport={"width": 1360, "height": 900})
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()


@pytest.fixture
def board(page: Page) -> Page:
    """The main page, signed in as Sam."""
    page.goto("/")
    page.get_by_label("Account").fill("sam")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("html")).to_have_attribute("data-link", "live")
    return page


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_an_alarm_is_taken_helped_and_closed_without_a_reload(
    board: Page, office: Office, complaints: list[str]
) -> None:
    office.session()
    board.evaluate("window.neverReloaded = true")
    expect(board.get_by_text("No alarm.")).to_be_visible()

    office.hear(office.alarm.event(Cause.PANIC))
    alarm = board.locator("article.alarm")
    expect(alarm).to_contain_text("Panic alarm: Alice Archer", timeout=SOON_MS)
    expect(alarm).to_contain_text("Nobody has it")
    expect(alarm).to_contain_text("51.50000, -0.10000")
    picture(board, "alarm")

    alarm.get_by_role("button", name="Take it").click()
    expect(alarm).to_contain_text("Sam Super has it", timeout=SOON_MS)
    assert office.the_incident().state.phase is Phase.TAKEN
    picture(board, "taken")

    alarm.get_by_role("button", name="Help sent").click()
    expect(alarm).to_contain_text("Help is on its way, says Sam Super", timeout=SOON_MS)
    assert office.the_incident().state.phase is Phase.HELP_SENT

    alarm.get_by_text("Close…").click()
    alarm.get_by_label("Genuine: help was needed").check()
    alarm.get_by_label("Note").fill("The police were there in nine minutes.")
    board.wait_for_timeout(1500)  # longer than a heartbeat: what is half typed must survive it
    expect(alarm.get_by_label("Note")).to_have_value("The police were there in nine minutes.")
    picture(board, "closing")
    alarm.get_by_role("button", name="Close this alarm").click()
    expect(board.get_by_text("No alarm.")).to_be_visible(timeout=SOON_MS)

    assert office.the_incident().state.phase is Phase.CLOSED
    assert board.evaluate("window.neverReloaded") is True
    assert complaints == []


def test_a_screen_that_hears_nothing_says_that_it_is_blind(board: Page, server: Server) -> None:
    expect(board.locator("#blind")).to_be_hidden()

    server.stop()

    expect(board.locator("#blind")).to_be_visible(timeout=15_000)
    expect(board.locator("#blind")).to_contain_text("NOT CONNECTED")
    picture(board, "blind")


def test_a_hub_without_its_broker_is_not_believed(board: Page, woken: Woken) -> None:
    woken.troubles.append("no connection to the MQTT broker")

    expect(board.locator("#blind")).to_contain_text("no connection to the MQTT broker", timeout=5_000)

    woken.troubles.clear()
    expect(board.locator("#blind")).to_be_hidden(timeout=5_000)


def test_sound_is_said_to_be_off_until_it_is_on_and_then_rings_until_somebody_has_it(
    board: Page, office: Office
) -> None:
    root = board.locator("html")
    expect(board.locator("#sound-off")).to_be_visible()
    board.get_by_role("button", name="Turn sound on").click()
    expect(root).to_have_attribute("data-sound", "on")
    expect(board.locator("#sound-off")).to_be_hidden()

    office.hear(office.alarm.event(Cause.PANIC))
    expect(root).to_have_attribute("data-sound", "ringing", timeout=SOON_MS)
    expect(board).to_have_title(re.compile("1 ALARM"), timeout=SOON_MS)

    board.get_by_role("button", name="Take it").click()
    expect(root).to_have_attribute("data-sound", "on", timeout=SOON_MS)


def test_an_action_that_is_not_possible_any_more_is_said_so(board: Page, server: Server, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    board.get_by_text("Close…").click()
    board.get_by_label("Test: it was pressed").check()
    board.route("**/live", lambda route: route.abort())
    board.evaluate("document.querySelector('.alarm form[action$=close] [name=csrf]').value = 'stale'")
    board.evaluate("document.body.removeAttribute('hx-headers')")

    board.get_by_role("button", name="Close this alarm").click()

    expect(board.locator("#notice")).to_contain_text("Refused", timeout=5_000)
    assert office.the_incident().state.phase is Phase.OPEN


def test_an_action_that_did_not_reach_the_hub_is_said_so(board: Page, server: Server, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    take = board.get_by_role("button", name="Take it")
    take.wait_for()
    server.stop()

    take.click()

    expect(board.locator("#notice")).to_contain_text("That was NOT sent")


def test_a_session_at_a_new_place_is_logged_on_the_board(board: Page, office: Office, complaints: list[str]) -> None:
    form = board.locator("#log-session")
    form.get_by_label("Worker").select_option(label="Alice Archer")
    form.get_by_text("New place").click()
    form.get_by_label("Name").fill("Mill Lane 4")
    form.get_by_label("Address").fill("4 Mill Lane, Otley")
    form.get_by_label("Latitude, longitude").fill("53.90510, -1.69370")
    form.get_by_label("High").check()
    form.get_by_role("button", name="Log it").click()

    row = board.locator(".session")
    expect(row).to_contain_text("Alice Archer", timeout=SOON_MS)
    expect(row).to_contain_text("high risk")
    expect(row.get_by_role("link", name="53.90510, -1.69370")).to_have_attribute("href", "geo:53.905100,-1.693700")
    expect(form.get_by_role("combobox", name="Place")).to_contain_text("Mill Lane 4")
    expect(form.get_by_label("Worker")).to_have_value("")

    row.get_by_role("button", name="+30 min").click()
    row.get_by_role("button", name="End").click()
    expect(board.get_by_text("Nobody is logged as working alone.")).to_be_visible(timeout=SOON_MS)
    assert complaints == []


def test_the_page_of_an_incident_has_the_call_sheet(board: Page, office: Office, complaints: list[str]) -> None:
    office.session(Risk.HIGH)
    office.hear(
        office.alarm.event(Cause.PANIC, Stage.PRE_ALARM), office.alarm.event(Cause.PANIC, Stage.DURESS, new=False)
    )

    board.get_by_role("link", name="Panic alarm: Alice Archer").click()

    expect(board.locator(".sheet")).to_contain_text("Ring 999, ask for the police")
    expect(board.locator(".sheet")).to_contain_text("17 Elm Row")
    expect(board.locator(".alarm .warning")).to_contain_text("Do not call the worker's phone")
    expect(board.locator("html")).to_have_attribute("data-link", "live")
    picture(board, "incident")
    assert complaints == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 1360), ("light", 400), ("dark", 400)])
def test_a_busy_night_fits_on_any_screen(board: Page, office: Office, scheme: str, width: int) -> None:
    busy_night(office)
    board.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    board.set_viewport_size({"width": width, "height": 900})

    expect(board.locator("article.alarm")).to_have_count(2, timeout=5_000)
    expect(board.locator(".fault")).to_have_count(2)
    picture(board, f"busy-{scheme}-{width}")

    assert board.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_screen_that_is_signed_out_elsewhere_says_that_it_is_blind(board: Page, office: Office) -> None:
    token = next(one["value"] for one in board.context.cookies() if one["name"] == "tocsin")

    office.store.write(lambda tx: sign_ins.remove(tx, token))

    expect(board.locator("#blind")).to_contain_text("You are not signed in any more.", timeout=5_000)
    expect(board.locator("#blind").get_by_role("link", name="Sign in")).to_have_attribute("href", "/sign-in?next=%2F")
