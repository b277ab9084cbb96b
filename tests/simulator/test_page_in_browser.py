"""The page of the world as a newcomer meets it: a real browser, the whole chain behind it."""

from __future__ import annotations

import os
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from simulator.deployment import Deployment, Plan
from tests.services import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
PICTURES = os.environ.get("TOCSIN_PICTURES")
SOON_MS = 20_000
HELD_MS = 2000
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    world = Path(str(files("simulator") / "worlds" / "demo.toml"))
    started = Deployment(Plan(tmp_path_factory.mktemp("demo"), world, "secret", sessions=timedelta(hours=2)))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program("chromium"), args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser found wrong: errors of scripts, refusals of the content security policy."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def context(browser: Browser, deployment: Deployment) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=deployment.ports.api, viewport={"width": 1440, "height": 980})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/")
    expect(opened.locator("html")).to_have_attribute("data-link", "live", timeout=SOON_MS)
    yield opened
    opened.request.post("/mend", data={})


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name.title())


def hold(page: Page, name: str) -> None:
    bell = card(page, name).locator(".bell")
    bell.scroll_into_view_if_needed()
    bell.hover()
    page.mouse.down()
    page.wait_for_timeout(HELD_MS)
    page.mouse.up()


def shows(page: Page, name: str, words: str) -> None:
    expect(card(page, name).locator(".now")).to_contain_text(words, timeout=SOON_MS)


def at_sixty_times(page: Page) -> None:
    page.get_by_role("button", name="60 times as fast").click()
    expect(page.get_by_role("button", name="60 times as fast")).to_have_attribute(
        "aria-pressed", "true", timeout=SOON_MS
    )


def test_the_tour_leads_from_a_press_to_a_person_and_ticks_itself_off(page: Page, context: BrowserContext) -> None:
    steps = page.locator("#tour li")
    expect(steps.first).to_have_class("next", timeout=SOON_MS)
    hold(page, "alice")
    expect(steps.nth(0)).to_have_class("done", timeout=SOON_MS)
    shows(page, "alice", "stored")
    expect(steps.nth(1)).to_have_class("done", timeout=SOON_MS)
    expect(page.locator("#mails")).to_contain_text("ALARM: panic: Alice", timeout=SOON_MS)
    expect(page.locator("#alarms")).to_contain_text("Told next: everyone", timeout=SOON_MS)
    picture(page, "world")

    with context.expect_page() as opening:
        page.get_by_role("button", name="Open the console").click()
    console = opening.value
    alarm = console.locator("article.alarm")
    expect(alarm).to_contain_text("Panic alarm: Alice", timeout=SOON_MS)
    alarm.get_by_role("button", name="Take it").click()
    expect(steps.nth(2)).to_have_class("done", timeout=SOON_MS)
    shows(page, "alice", "person has it")
    expect(steps.nth(3)).to_have_class("done", timeout=SOON_MS)

    alarm.get_by_text("Close…").click()
    alarm.get_by_label("Test").check()
    alarm.get_by_role("button", name="Close this alarm").click()
    expect(steps.nth(4)).to_have_class("done", timeout=SOON_MS)
    expect(page.locator("#toured")).to_be_visible(timeout=SOON_MS)
    shows(page, "alice", "closed")


def test_the_keyboard_alone_raises_an_alarm(page: Page) -> None:
    bell = card(page, "carol").locator(".bell")
    bell.focus()
    page.keyboard.down(" ")
    page.wait_for_timeout(HELD_MS)
    page.keyboard.up(" ")
    shows(page, "carol", "stored")
    expect(page.locator("#alarms")).to_contain_text("Carol: panic", timeout=SOON_MS)


def test_a_short_press_is_no_alarm_and_three_are_a_quiet_one(page: Page) -> None:
    bell = card(page, "carol").locator(".bell")
    bell.click()
    shows(page, "carol", "all is well")
    for _ in range(3):
        bell.click(delay=80)
    expect(page.locator("#alarms")).to_contain_text("Carol: discreet panic", timeout=SOON_MS)
    expect(card(page, "carol").locator(".led i")).to_have_class("led-off", timeout=SOON_MS)


def test_a_finger_on_a_button_slows_time_so_that_a_short_press_stays_short(page: Page) -> None:
    at_sixty_times(page)
    bell = card(page, "carol").locator(".bell")
    bell.hover()
    page.mouse.down()
    expect(page.locator("#slow")).to_be_visible(timeout=SOON_MS)
    page.mouse.up()
    expect(page.locator("#slow")).to_be_hidden(timeout=SOON_MS)
    expect(page.locator("#no-alarm")).to_be_visible(timeout=SOON_MS)


def test_at_sixty_times_nobody_takes_it_and_everyone_is_told_within_seconds(page: Page) -> None:
    hold(page, "alice")
    shows(page, "alice", "stored")
    at_sixty_times(page)
    expect(page.locator("#mails")).to_contain_text("NOBODY HAS TAKEN IT", timeout=SOON_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true", timeout=SOON_MS)
    stopped = page.locator("#clock").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("#clock").inner_text() == stopped
    expect(card(page, "alice").locator(".bell")).to_be_disabled(timeout=SOON_MS)


def test_a_gateway_without_its_cable_keeps_the_alarm_and_hands_it_in_later(page: Page) -> None:
    for name in ("west", "east"):
        cable = page.get_by_label(f"Network cable of gateway {name}")
        cable.uncheck()
    west = page.get_by_role("article", name="Gateway west")
    expect(west.locator('[data-lamp="online"]')).not_to_have_class("on", timeout=SOON_MS)
    hold(page, "carol")
    expect(west).to_contain_text("1 waiting", timeout=SOON_MS)
    shows(page, "carol", "not delivered")
    expect(page.locator("#mails")).not_to_contain_text("panic", timeout=SOON_MS)
    picture(page, "cut")
    page.get_by_label("Network cable of gateway west").check()
    shows(page, "carol", "stored")
    expect(west).to_contain_text("0 waiting", timeout=SOON_MS)


def test_a_frozen_hub_stores_nothing_until_it_thaws(page: Page) -> None:
    page.get_by_role("button", name="Freeze: hub").click()
    expect(page.locator('[data-part-state="hub"]')).to_have_text("frozen", timeout=SOON_MS)
    hold(page, "carol")
    shows(page, "carol", "heard")
    page.get_by_role("button", name="Thaw: hub").click()
    shows(page, "carol", "stored")


def test_a_killed_gateway_is_seen_and_can_be_started_again(page: Page) -> None:
    west = page.get_by_role("article", name="Gateway west")
    west.get_by_role("button", name="Kill: gateway west").click()
    expect(west.locator(".state")).to_have_text("killed", timeout=SOON_MS)
    expect(page.locator('.station[data-gateway="west"]')).to_have_class("station dead", timeout=SOON_MS)
    expect(page.locator("#link-carol-west line")).to_have_class("link", timeout=SOON_MS)
    west.get_by_role("button", name="Start: gateway west").click()
    expect(west.locator(".state")).to_have_text("running", timeout=SOON_MS)
    expect(page.locator("#link-carol-west line")).to_have_class("link lately", timeout=SOON_MS)


def test_who_stands_near_the_jammer_is_not_delivered_and_everything_can_be_as_it_was(page: Page) -> None:
    page.get_by_label("Jammer at").select_option("reception")
    expect(page.locator("#jammed-area")).to_be_visible(timeout=SOON_MS)
    page.get_by_label("Mail server down").check()
    page.get_by_label("Out of range: bob").click()
    hold(page, "carol")
    shows(page, "carol", "not delivered")
    picture(page, "jammed")
    page.get_by_role("button", name="Everything as it was").click()
    shows(page, "carol", "all is well")
    expect(page.locator("#jammed-area")).to_be_hidden(timeout=SOON_MS)
    expect(page.get_by_label("Mail server down")).not_to_be_checked(timeout=SOON_MS)
    expect(page.get_by_label("Out of range: bob")).to_have_attribute("aria-pressed", "false", timeout=SOON_MS)
    expect(page.locator("#no-alarm")).to_be_visible(timeout=SOON_MS)


def test_forged_and_replayed_frames_are_refused_and_page_nobody(page: Page) -> None:
    for trick in ("Replay", "Forge", "Press"):
        page.get_by_role("button", name=trick, exact=True).last.click()
    expect(page.locator("article.box").last).to_contain_text("did not believe", timeout=SOON_MS)
    expect(page.locator("#no-alarm")).to_be_visible(timeout=SOON_MS)


def test_a_person_is_dragged_out_of_range_and_a_flat_battery_ends_their_alarm(page: Page) -> None:
    figure = page.locator('.who[data-person="carol"]')
    expect(page.locator("#link-carol-west")).to_contain_text("dBm", timeout=SOON_MS)
    figure.scroll_into_view_if_needed()
    box, plan = figure.bounding_box(), page.locator("#plan").bounding_box()
    assert box is not None
    assert plan is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(plan["x"] + plan["width"] - 30, plan["y"] + 40, steps=5)
    page.mouse.up()
    expect(page.locator("#link-carol-west .dbm")).to_have_text("", timeout=SOON_MS)
    card(page, "carol").get_by_label("Battery of carol").fill("0")
    shows(page, "carol", "off")


def test_a_scenario_is_played_and_its_steps_tick(page: Page) -> None:
    page.get_by_role("button", name="Play: Alice presses her alarm").click()
    steps = page.locator("#play li")
    expect(steps.first).to_have_class("true", timeout=SOON_MS)
    expect(steps.last).to_have_class("true", timeout=90_000)
    assert steps.evaluate_all("all => all.every((one) => one.className === 'true')")
    picture(page, "played")


def test_a_page_that_hears_nothing_says_so(page: Page) -> None:
    page.evaluate("window.stop()")
    page.evaluate("performance.now = ((real) => () => real.call(performance) + 60_000)(performance.now)")
    expect(page.locator("#lost")).to_be_visible(timeout=SOON_MS)


def test_what_another_page_does_is_seen_on_this_one(page: Page) -> None:
    page.request.post("/faults", data={"jammed": True})
    expect(page.get_by_label("Jam everything")).to_be_checked(timeout=SOON_MS)


def test_everything_fits_on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    hold(page, "alice")
    shows(page, "alice", "stored")
    picture(page, "phone")


def test_a_page_from_elsewhere_presses_no_button(context: BrowserContext, deployment: Deployment) -> None:
    elsewhere = context.new_page()
    elsewhere.goto(f"{deployment.url}/sign-in")
    status = elsewhere.evaluate(
        """async (url) => {
            const ask = (options) => fetch(url, options).then((answer) => answer.status).catch(() => "refused");
            return [
                await ask({ method: "POST", mode: "no-cors", body: "{}" }),
                await ask({ method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }),
            ];
        }""",
        f"{deployment.ports.api}/people/alice/smash",
    )
    assert status[1] == "refused"
    assert deployment.hosted.site.people["alice"].is_on
