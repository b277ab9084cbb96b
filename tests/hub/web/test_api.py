from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import jsonschema
import pytest

from hub.domain.incident import Outcome, Phase
from hub.domain.session import SessionPhase
from hub.store import sessions as session_rows
from hub.store.store import StoreUnavailableError
from protocols.events import Cause
from tests.hub.desk import ACME, ADDRESS
from tests.hub.web.scenes import busy_night, weak_battery

if TYPE_CHECKING:
    from typing import Any

    from hub.store.store import Store
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office
    from tests.hub.web.conftest import Woken
    from tests.hub.web.visitor import Visitor

PROBLEM = "application/problem+json"


def in_(watch: Watch, **amount: float) -> str:
    return (watch.now() + timedelta(**amount)).isoformat()


def the_session(office: Office) -> session_rows.SessionRecord:
    (only,) = office.store.read(lambda tx: session_rows.listed(tx, ACME, tuple(SessionPhase)))
    return only


def test_an_incident_is_taken_helped_and_closed(anybody: Visitor, office: Office, woken: Woken) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    (listed,) = anybody.call("GET", "/incidents").json()
    path = f"/incidents/{listed['id']}"
    assert (listed["phase"], listed["worker"], listed["verdict"]) == ("open", "alice", "unmatched")

    assert anybody.call("POST", f"{path}/take").json()["holder"] == "sam"
    assert anybody.call("POST", f"{path}/help-sent").json()["phase"] == "help_sent"
    closed = anybody.call("POST", f"{path}/close", {"outcome": "false_alarm", "note": "dropped it"})

    assert closed.json()["outcome"] == "false_alarm"
    assert office.the_incident().state.phase is Phase.CLOSED
    assert office.the_incident().state.outcome is Outcome.FALSE_ALARM
    assert woken.times == 3
    assert anybody.call("GET", "/incidents").json() == []
    assert len(anybody.call("GET", "/incidents?live=false").json()) == 1


def test_an_incident_comes_with_events_notifications_and_journal(anybody: Visitor, office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))

    detail = anybody.call("GET", f"/incidents/{office.the_incident().id}").json()

    assert [event["cause"] for event in detail["events"]] == ["panic"]
    assert [(item["channel"], item["recipient"], item["state"]) for item in detail["notifications"]] == [
        ("email", "account:sam", "sent")
    ]
    assert [entry["action"] for entry in detail["journal"]] == ["raised", "event"]
    assert detail["journal"][1]["previous"] == detail["journal"][0]["digest"]
    assert detail["place"] == "home-17"


def test_a_session_is_logged_extended_and_ended(anybody: Visitor, office: Office, watch: Watch) -> None:
    new = {"worker": "alice", "place": "home-17", "ends_at": in_(watch, hours=1), "risk": "high"}
    logged = anybody.call("POST", "/sessions", new)
    assert (logged.status_code, logged.json()["phase"]) == (201, "active")
    path = f"/sessions/{logged.json()['id']}"

    later = in_(watch, hours=2)
    assert anybody.call("POST", f"{path}/extend", {"ends_at": later}).status_code == 200
    assert the_session(office).state.ends_at == watch.now() + timedelta(hours=2)
    assert anybody.call("POST", f"{path}/end").json()["phase"] == "ended"
    assert anybody.call("GET", "/sessions").json() == []
    assert len(anybody.call("GET", "/sessions?phase=ended&phase=cancelled").json()) == 1


def test_a_session_is_planned_at_a_new_place_then_started_or_cancelled(
    anybody: Visitor, office: Office, watch: Watch
) -> None:
    place = {"name": "Mill Lane 4", "address": "Otley", "latitude": 53.9051, "longitude": -1.6937}
    new = {
        "worker": "alice",
        "place": place,
        "starts_at": in_(watch, hours=1),
        "ends_at": in_(watch, hours=2),
    }
    planned = anybody.call("POST", "/sessions", new).json()
    assert planned["phase"] == "planned"
    assert {"id": planned["place"], **place} in anybody.call("GET", "/places").json()

    assert anybody.call("POST", f"/sessions/{planned['id']}/start").json()["phase"] == "active"
    again = anybody.call("POST", "/sessions", {**new, "also": True}).json()
    assert anybody.call("POST", f"/sessions/{again['id']}/cancel").json()["phase"] == "cancelled"


def test_a_session_beside_another_of_the_same_worker_must_be_meant(
    anybody: Visitor, office: Office, watch: Watch
) -> None:
    first = office.session(minutes=60)
    new = {"worker": "alice", "place": "home-17", "ends_at": in_(watch, hours=2)}

    refused = anybody.call("POST", "/sessions", new)

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:tocsin:problem:overlap")
    assert (refused.json()["id"], refused.json()["phase"]) == (first.id, "active")
    assert f"session {first.id}" in refused.json()["detail"]
    assert anybody.call("POST", "/sessions", {**new, "starts_at": in_(watch, minutes=61)}).status_code == 201
    assert anybody.call("POST", "/sessions", {**new, "starts_at": in_(watch, minutes=90)}).status_code == 409
    assert anybody.call("POST", "/sessions", {**new, "also": True}).status_code == 201


def test_a_session_that_has_overrun_is_still_under_way(anybody: Visitor, office: Office, watch: Watch) -> None:
    office.session(minutes=10)
    watch.forward(minutes=12)

    new = {"worker": "alice", "place": "home-17", "ends_at": in_(watch, hours=2)}

    assert anybody.call("POST", "/sessions", new).status_code == 409


def test_a_colleague_may_have_a_session_at_the_same_time(anybody: Visitor, office: Office, watch: Watch) -> None:
    office.session(minutes=60)
    anybody.call("POST", "/workers", {"id": "bob", "name": "Bob"}, name="mo")

    new = {"worker": "bob", "place": "home-17", "ends_at": in_(watch, hours=2)}

    assert anybody.call("POST", "/sessions", new).status_code == 201


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        (None, {"days": 8}),
        ({"days": 370}, {"days": 371}),
        ({"days": -3}, {"days": -2}),
        ("0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00+14:00"),
        ("9999-12-31T00:00:00-12:00", "9999-12-31T23:59:59-12:00"),
        ("0001-01-01T00:00:00Z", {"hours": 1}),
        (None, "9999-12-31T23:59:59Z"),
    ],
)
def test_times_that_are_a_mistake_are_refused_and_break_nothing(
    anybody: Visitor, office: Office, watch: Watch, starts: Any, ends: Any
) -> None:
    times = {
        name: in_(watch, **at) if isinstance(at, dict) else at
        for name, at in (("starts_at", starts), ("ends_at", ends))
    }

    refused = anybody.call("POST", "/sessions", {"worker": "alice", "place": "home-17", **times})

    assert refused.status_code == 422
    assert len(refused.json()["detail"]) > 20
    assert anybody.call("GET", "/sessions").json() == []
    session = office.session()
    for end in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", in_(watch, days=8)):
        assert anybody.call("POST", f"/sessions/{session.id}/extend", {"ends_at": end}).status_code == 422


def test_a_new_place_is_not_kept_when_its_session_is_refused(anybody: Visitor, watch: Watch) -> None:
    new = {"worker": "nobody", "place": {"name": "Mill Lane 4"}, "ends_at": in_(watch, hours=2)}

    assert anybody.call("POST", "/sessions", new).status_code == 404

    assert [place["name"] for place in anybody.call("GET", "/places").json()] == ["Home 17"]


def test_workers_places_and_devices_are_added_once(anybody: Visitor) -> None:
    additions: list[tuple[str, dict[str, Any]]] = [
        ("/workers", {"id": "bob", "name": "Bob", "phone": "07700 900002", "supervisor": "sam"}),
        ("/places", {"id": "mill", "name": "Mill"}),
        ("/devices", {"address": "c0:ff:ee:00:00:02", "label": "alarm 2", "key": "00" * 16}),
    ]
    for path, new in additions:
        assert anybody.call("POST", path, new, name="mo").status_code == 201
        again = anybody.call("POST", path, new, name="mo")
        assert (again.status_code, again.json()["type"]) == (409, "urn:tocsin:problem:already-there")


def test_a_device_is_worn_by_the_one_it_was_given_to_last(anybody: Visitor, office: Office) -> None:
    office.digest(office.alarm.frame(battery=66))
    anybody.call("POST", "/workers", {"id": "bob", "name": "Bob"}, name="mo")

    assert anybody.call("POST", f"/devices/{ADDRESS}/assign", {"worker": "bob"}, name="mo").status_code == 204

    (device,) = anybody.call("GET", "/devices").json()
    assert (device["worker"], device["battery"], device["gateway"]) == ("bob", 66, "north")
    assert "key" not in device
    assert "00010203" not in json.dumps(device)


def test_a_fault_is_shelved_with_a_reason(anybody: Visitor, office: Office) -> None:
    fault = weak_battery(office)

    assert anybody.call("POST", f"/faults/{fault}/shelve", {"minutes": 30, "reason": "on its way"}).status_code == 204

    (shown,) = anybody.call("GET", "/faults").json()
    assert (shown["shelved_by"], shown["shelved_why"]) == ("sam", "on its way")
    assert office.written(f"fault:{fault}") == ["shelved"]


def test_gateways_are_shown_as_they_described_themselves(anybody: Visitor, office: Office) -> None:
    busy_night(office)

    shown = {one["id"]: (one["state"], one["blind"]) for one in anybody.call("GET", "/gateways").json()}

    assert shown == {"north": ("online", False), "south": ("online", True)}


def test_whoever_acts_by_program_is_named_in_the_journal(anybody: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    incident = office.the_incident().id
    anybody.call("POST", f"/incidents/{incident}/take", name="mo")

    assert anybody.call("GET", f"/incidents/{incident}").json()["journal"][-1]["by"] == "mo"


REFUSED: list[tuple[str, str, Any, int, str, dict[str, str]]] = [
    ("GET", "/incidents/none", None, 404, "unknown-incident", {"incident": "none"}),
    ("POST", "/incidents/none/take", None, 404, "unknown-incident", {"incident": "none"}),
    ("POST", "/sessions/none/end", None, 404, "unknown-reference", {"what": "session", "id": "none"}),
    ("POST", "/faults/none/shelve", {"minutes": 5, "reason": "x"}, 404, "unknown-reference", {"what": "fault"}),
    ("POST", "/devices/nonsense/assign", {"worker": "alice"}, 422, "address", {}),
    ("POST", "/workers", {"name": "B", "supervisor": "nobody"}, 404, "unknown-reference", {"what": "account"}),
    ("POST", "/workers", {"name": ""}, 422, "invalid", {}),
    ("POST", "/workers", {"name": "B", "typo": 1}, 422, "invalid", {}),
    ("POST", "/places", {"name": "B", "latitude": 5}, 422, "invalid", {}),
    ("POST", "/devices", {"address": "C0:FF:EE:00:00:02", "label": "x", "key": "00"}, 422, "invalid", {}),
    ("GET", "/nowhere", None, 404, "http", {}),
    ("DELETE", "/incidents", None, 405, "http", {}),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind", "more"), REFUSED)
def test_errors_say_what_and_where(
    anybody: Visitor, method: str, path: str, body: Any, status: int, kind: str, more: dict[str, str]
) -> None:
    answer = anybody.call(method, path, body, name="mo")

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert problem["type"] == f"urn:tocsin:problem:{kind}"
    assert (problem["status"], problem["instance"]) == (status, f"/api/v1{path}")
    assert problem["title"]
    assert problem["detail"]
    assert more.items() <= problem.items()


def test_what_is_not_possible_now_says_why(anybody: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"
    anybody.call("POST", f"{path}/close", {"outcome": "test"})

    again = anybody.call("POST", f"{path}/take")

    assert (again.status_code, again.json()["type"]) == (409, "urn:tocsin:problem:not-possible")
    assert again.json()["phase"] == "closed"


def test_a_program_that_says_what_it_saw_closes_nothing_newer(anybody: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"
    seen = anybody.call("GET", path).json()["journal"][-1]["number"]
    office.hear(office.alarm.event(Cause.FALL))

    refused = anybody.call("POST", f"{path}/close", {"outcome": "test", "seen": seen})

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:tocsin:problem:something-new")
    assert refused.json()["what"] == "joined"
    assert office.the_incident().state.phase is Phase.OPEN
    newest = anybody.call("GET", path).json()["journal"][-1]["number"]
    assert anybody.call("POST", f"{path}/close", {"outcome": "test", "seen": newest}).status_code == 200


def test_a_session_that_is_over_can_not_be_ended_again(anybody: Visitor, office: Office) -> None:
    path = f"/sessions/{office.session().id}/end"
    anybody.call("POST", path)

    assert anybody.call("POST", path).status_code == 409


def test_a_session_can_not_end_before_it_starts(anybody: Visitor, watch: Watch) -> None:
    new = {"worker": "alice", "place": "home-17", "starts_at": in_(watch, hours=2), "ends_at": in_(watch, hours=1)}

    problem = anybody.call("POST", "/sessions", new)

    assert (problem.status_code, problem.json()["type"]) == (422, "urn:tocsin:problem:session-time")
    assert {"starts_at", "ends_at"} <= problem.json().keys()


def test_a_time_without_a_zone_is_refused(anybody: Visitor) -> None:
    new = {"worker": "alice", "place": "home-17", "ends_at": "2026-03-02T12:00:00"}

    problem = anybody.call("POST", "/sessions", new).json()

    assert problem["errors"][0]["where"] == "body.ends_at"


def test_without_its_database_the_hub_says_that_nothing_was_written(
    anybody: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_work: object) -> None:
        raise StoreUnavailableError("connection refused")

    monkeypatch.setattr(store, "read", gone)

    answer = anybody.call("GET", "/incidents")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == PROBLEM


def test_an_error_of_ours_tells_programs_nothing_of_its_inside(
    anybody: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_work: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(store, "read", broken)

    answer = anybody.call("GET", "/incidents")

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "secret" not in answer.text


def test_what_is_far_too_long_is_not_read(anybody: Visitor) -> None:
    answer = anybody.call("POST", "/workers", {"name": "x" * 100_000})

    assert answer.status_code == 413


def test_a_wrong_password_is_asked_for_again(anybody: Visitor) -> None:
    answer = anybody.call("GET", "/incidents", password="guess")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="Tocsin"')
    assert anybody.client.get("/api/v1/incidents").status_code == 401


def test_a_program_may_make_many_calls_at_once(anybody: Visitor) -> None:
    assert {anybody.call("GET", "/workers").status_code for _ in range(20)} == {200}


def test_a_signed_in_page_may_call_the_api_with_its_token(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/api/v1/incidents/{office.the_incident().id}/take"

    assert sam.client.post(path).status_code == 403
    assert sam.client.post(path, headers={"X-CSRF-Token": sam.csrf()}).status_code == 200


def test_the_description_is_there_and_says_what_errors_look_like(anybody: Visitor) -> None:
    described = anybody.client.get("/api/openapi.json").json()

    assert described["openapi"].startswith("3.")
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    take = described["paths"]["/api/v1/incidents/{number}/take"]["post"]
    assert PROBLEM in take["responses"]["409"]["content"]
    assert take["security"] == [{"HTTPBasic": ["alarms:act"]}, {"Token": ["alarms:act"]}]
    assert anybody.client.get("/docs").status_code == 404


def test_answers_are_as_described(anybody: Visitor, office: Office) -> None:
    busy_night(office)
    described = anybody.client.get("/api/openapi.json").json()
    incident = office.incidents()[0].id
    paths = ["incidents", "sessions", "faults", "workers", "places", "devices", "gateways", "incidents/{number}"]

    for path in paths:
        answer = anybody.call("GET", "/" + path.format(number=incident)).json()
        content = described["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": described["components"]}
        jsonschema.validate(answer, schema)
        assert answer, path
