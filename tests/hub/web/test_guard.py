from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from hub.store.tables import metadata
from hub.web.app import PAGES as PAGE_MODULES
from hub.web.app import build, equip
from protocols.events import Cause
from tests.hub.web.scenes import busy_night, weak_battery
from tests.hub.web.visitor import PASSWORD, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hub.store.store import Store, Tx
    from hub.web.context import Console
    from tests.hub.desk import Office
    from tests.hub.web.conftest import Woken

PAGES = (
    "/sign-in",
    "/",
    "/incidents",
    "/incidents/{incident}",
    "/account",
    "/devices",
    "/gateways",
    "/journal",
    "/people",
    "/places",
    "/nowhere",
    "/api/openapi.json",
    "/api/v1/incidents",
    "/static/live.js",
)
READABLE = (
    *PAGES,
    "/health",
    "/metrics",
    *(f"/api/v1/{name}" for name in ("sessions", "faults", "workers", "places", "devices", "gateways")),
    "/api/v1/incidents/{incident}",
    "/incidents/{incident}/take",
    "/incidents/{incident}/help-sent",
    "/incidents/{incident}/close",
    "/api/v1/incidents/{incident}/take",
    "/sign-out",
)


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    def work(tx: Tx) -> dict[str, list[tuple[object, ...]]]:
        return {
            table.name: [tuple(row) for row in tx.connection.execute(select(table))] for table in metadata.sorted_tables
        }

    return store.read(work)


def test_a_get_changes_nothing_whatever_is_asked_for(sam: Visitor, office: Office, store: Store, woken: Woken) -> None:
    busy_night(office)
    red = next(one for one in office.incidents() if one.address)
    before, woken.times = everything(store), 0

    for path in READABLE:
        sam.open(path.format(incident=red.id))

    assert everything(store) == before
    assert woken.times == 0


def unsafe_routes(console: Console) -> Iterator[tuple[str, str]]:
    """Everything that may change something, but what gateways do, who sign in on their own."""
    for path, methods in build(console).openapi()["paths"].items():
        if path.startswith("/api/v1/gateway/"):
            continue
        yield from ((method.upper(), path) for method in methods if method != "get")
    for module in PAGE_MODULES:
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in route.methods - {"GET", "HEAD"})


def test_nothing_can_be_done_without_signing_in(console: Console, anybody: Visitor) -> None:
    open_doors, tried = [], 0
    for method, path in unsafe_routes(console):
        answer = anybody.client.request(method, path, data={"outcome": "test", "minutes": "5"})
        tried += 1
        if answer.status_code != 401:
            open_doors.append((method, path, answer.status_code))

    assert tried > 20
    assert open_doors == []


def test_every_action_of_a_browser_needs_the_token_of_our_forms(console: Console, sam: Visitor, store: Store) -> None:
    before, unguarded, tried = everything(store), [], 0
    for method, path in unsafe_routes(console):
        if path == "/sign-in":
            continue
        tried += 1
        answer = sam.client.request(method, path, data={"outcome": "test", "minutes": "5", "csrf": "made up"})
        if answer.status_code != 403:
            unguarded.append((method, path, answer.status_code))

    assert tried > 15
    assert unguarded == []
    assert everything(store) == before


def test_a_forged_close_is_refused_though_its_fields_are_right(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}/close"

    forged = sam.client.post(path, data={"outcome": "test", "note": "", "seen": "1", "csrf": "made up"})
    empty = sam.client.post(path, data={"outcome": "test", "note": "", "seen": "1"})
    by_header = sam.client.post(path, data={"outcome": "test", "seen": "1"}, headers={"X-CSRF-Token": sam.csrf()})

    assert (forged.status_code, empty.status_code, by_header.status_code) == (403, 403, 303)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_other_sites_can_neither_act_nor_sign_anybody_in(sam: Visitor, office: Office, headers: dict[str, str]) -> None:
    fault = weak_battery(office)
    token = sam.csrf()

    acted = sam.client.post(
        f"/faults/{fault}/shelve", data={"csrf": token, "minutes": 5, "reason": "x"}, headers=headers
    )
    signed_in = sam.client.post("/sign-in", data={"name": "sam", "password": "x"}, headers=headers)

    assert (acted.status_code, signed_in.status_code) == (403, 403)


@pytest.mark.parametrize("headers", [{"origin": "http://testserver"}, {"sec-fetch-site": "same-origin"}])
def test_our_own_pages_are_not_refused(sam: Visitor, headers: dict[str, str]) -> None:
    assert sam.client.post("/sign-out", data={"csrf": sam.csrf()}, headers=headers).status_code == 303


def test_every_answer_forbids_what_is_inline_framed_or_from_elsewhere(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    for path in PAGES:
        headers = sam.open(path.format(incident=office.the_incident().id)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_no_page_carries_a_script_or_a_style_of_its_own(sam: Visitor, office: Office) -> None:
    busy_night(office)
    sam.sign_in("mo")
    setting_up = ("/account", "/devices", "/gateways", "/journal", "/people", "/places")
    for path in ("/", f"/incidents/{office.incidents()[0].id}", "/sign-in", *setting_up):
        page = sam.page(path)
        assert "style=" not in page
        assert "<style" not in page
        assert "onclick" not in page
        assert all("src=" in tag for tag in page.split("<script")[1:])
        assert "//" not in page.replace("https://hub.example", "").replace("<!doctype", "")


def test_nothing_personal_is_kept_by_the_browser(sam: Visitor) -> None:
    assert sam.open("/").headers["cache-control"] == "no-store"
    assert sam.open("/api/v1/workers").headers["cache-control"] == "no-store"
    assert "max-age" in sam.open("/static/console.css").headers["cache-control"]


def test_names_are_shown_as_text_whatever_they_are(sam: Visitor, office: Office) -> None:
    sam.call("POST", "/workers", {"name": "<script>alert(1)</script>"}, name="mo")

    page = sam.page("/")

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_link_from_a_web_mail_gets_a_second_look_before_the_sign_in_page(anybody: Visitor) -> None:
    first = anybody.open("/incidents/abc", **{"sec-fetch-site": "cross-site"})
    second = anybody.open("/incidents/abc", **{"sec-fetch-site": "same-origin"})

    assert first.status_code == 200
    assert 'http-equiv="refresh" content="0"' in first.text
    assert second.headers["location"] == "/sign-in?next=/incidents/abc"


def test_a_script_that_is_not_signed_in_is_told_so_and_not_sent_elsewhere(anybody: Visitor) -> None:
    assert anybody.open("/", **{"hx-request": "true"}).status_code == 401
    assert anybody.client.get("/").status_code == 401


def test_an_organisation_sees_nothing_of_another(olga: Visitor, office: Office) -> None:
    busy_night(office)
    red = next(one for one in office.incidents() if one.address)
    session = office.session(worker="bob")
    fault = office.faults()[0]

    board = olga.page("/")
    for secret in ("Alice", "Bob", "Home 17", "north", "C0:FF:EE:00:00:01", red.id):
        assert secret not in board
    for name in ("incidents", "sessions", "faults", "gateways"):
        assert olga.client.get(f"/api/v1/{name}").json() == []
    assert [one["name"] for one in olga.client.get("/api/v1/workers").json()] == ["Otto Other"]

    assert olga.open(f"/incidents/{red.id}").status_code == 404
    token = {"X-CSRF-Token": olga.csrf()}
    attempts = {
        f"/incidents/{red.id}/take": {},
        f"/incidents/{red.id}/help-sent": {},
        f"/incidents/{red.id}/close": {"outcome": "test", "seen": "1"},
        f"/sessions/{session.id}/end": {},
        f"/sessions/{session.id}/extend": {"minutes": "5"},
        f"/faults/{fault.id}/shelve": {"minutes": "5", "reason": "x"},
    }
    for path, fields in attempts.items():
        assert olga.client.post(path, data=fields, headers=token).status_code == 404, path
    for path in (f"/incidents/{red.id}/take", f"/incidents/{red.id}/help-sent", f"/sessions/{session.id}/end"):
        assert olga.call("POST", path, name="olga").status_code == 404, path
    stolen = {"worker": "alice", "place": "hof", "ends_at": "2030-01-01T00:00:00Z"}
    assert olga.call("POST", "/sessions", stolen, name="olga").status_code == 404
    assert olga.call("POST", "/devices/C0:FF:EE:00:00:01/assign", {"worker": "otto"}, name="olga").status_code == 404


def test_measurements_are_for_whoever_runs_the_hub_and_for_no_account(app: FastAPI, console: Console) -> None:
    anybody = Visitor(app)
    for auth in (None, ("sam", PASSWORD), ("ada", PASSWORD)):
        refused = anybody.client.get("/metrics", auth=auth)
        assert (refused.status_code, "tocsin_" in refused.text) == (401, False), auth

    equip(app, replace(console, metrics_token="scrape"))

    assert anybody.client.get("/metrics", auth=("ada", PASSWORD)).status_code == 401
    assert anybody.client.get("/metrics", headers={"authorization": "Bearer scrap"}).status_code == 401
    scraped = anybody.client.get("/metrics", headers={"authorization": "Bearer scrape"})
    assert scraped.text.startswith("tocsin_alarm_age_seconds")


def test_without_a_token_nobody_reads_measurements(anybody: Visitor) -> None:
    assert anybody.client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 401


def test_a_hub_says_whether_it_is_well(anybody: Visitor, woken: Woken) -> None:
    assert anybody.client.get("/health").json() == {"well": True, "troubles": []}

    woken.troubles.append("the ingest loop has stalled")

    answer = anybody.client.get("/health")
    assert (answer.status_code, answer.json()["troubles"]) == (503, ["the ingest loop has stalled"])
