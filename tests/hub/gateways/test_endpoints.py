"""What gateways ask over HTTPS: who is answered, and with what."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from hub.cases import gateways
from hub.cases.access import RefusalKind
from hub.cases.desk import Routes
from hub.store import credentials
from hub.web.app import build
from hub.web.changes import Changes
from hub.web.context import Console
from hub.web.knocking import FREE, LONGEST, Knocks
from tests.hub.gateways.trade import ACME, OTHERS, claim_number
from tests.hub.web.visitor import Visitor

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx import Response

    from hub.cases.access import Refusal
    from hub.store.store import Store
    from protocols.enrolment import Credential
    from tests.hub.conftest import Watch
    from tests.hub.gateways.trade import Trade

HTTPS = "https://testserver"


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """What the web does is the same on every database; one is enough here."""
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def refused() -> list[Refusal]:
    return []


@pytest.fixture
def app(store: Store, trade: Trade, refused: list[Refusal]) -> FastAPI:
    console = Console(
        store=store,
        routes=Routes(),
        wake=lambda: None,
        changed=Changes(store),
        public_url=HTTPS,
        secure_cookies=True,
        metrics=lambda: b"",
        version="1",
        refused=refused.append,
    )
    return build(console)


class Pi:
    """A gateway in front of the hub's door."""

    def __init__(self, app: FastAPI, url: str = HTTPS) -> None:
        self.client = Visitor(app, url).client

    def enrol(self, code: str, claim: str | None = None) -> Response:
        body = {"code": code, "claim": claim or claim_number(), "version": "1"}
        return self.client.post("/api/v1/gateway/enrolment", json=body)

    def keyring(self, credential: Credential, **headers: str) -> Response:
        auth = (credential.username, credential.secret)
        return self.client.get("/api/v1/gateway/keyring", auth=auth, headers=headers)

    def rotate(self, credential: Credential) -> Response:
        return self.client.post("/api/v1/gateway/rotation", auth=(credential.username, credential.secret))


@pytest.fixture
def pi(app: FastAPI) -> Pi:
    return Pi(app)


def _problem(response: Response) -> tuple[int, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json().get("what")


def test_a_code_is_traded_and_the_credential_opens_the_keyring(pi: Pi, trade: Trade) -> None:
    answer = pi.enrol(trade.code())
    assert answer.status_code == 200
    enrolment = answer.json()
    assert enrolment["gateway"] == "north"
    assert answer.headers["cache-control"] == "no-store"
    auth = (enrolment["credential"]["username"], enrolment["credential"]["secret"])
    assert pi.client.get("/api/v1/gateway/keyring", auth=auth).status_code == 200


def test_a_code_can_not_be_replayed(pi: Pi, trade: Trade, refused: list[Refusal]) -> None:
    code = trade.code()
    pi.enrol(code)
    assert _problem(pi.enrol(code)) == (403, "used code")
    (refusal,) = refused
    assert (refusal.kind, refusal.organisation, refusal.gateway) == (RefusalKind.CODE_USED, ACME, "north")


@pytest.mark.parametrize("code", ["0000-0000-0000", "nonsense", "", "☃" * 12])
def test_a_code_nobody_made_is_refused_and_counted(pi: Pi, refused: list[Refusal], code: str) -> None:
    assert _problem(pi.enrol(code)) == (403, "unknown code")
    assert [one.kind for one in refused] == [RefusalKind.CODE_UNKNOWN]
    assert refused[0].source == "192.0.2.7"


def test_an_expired_code_says_so(pi: Pi, trade: Trade, watch: Watch) -> None:
    code = trade.code()
    watch.forward(hours=1)
    assert _problem(pi.enrol(code)) == (403, "expired code")


def test_guessing_gets_slow_and_delays_no_right_code(pi: Pi, trade: Trade, watch: Watch) -> None:
    knocks = Knocks()
    waits = [knocks.failed("192.0.2.7", watch.now()).total_seconds() for _ in range(FREE + 20)]
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 6] == [0.25, 0.5, 1, 2, 4, 8]
    assert waits[-1] == LONGEST.total_seconds()
    assert not knocks.failed("192.0.2.8", watch.now())
    for _ in range(FREE + 1):
        pi.enrol("0000-0000-0000")
    assert pi.enrol(trade.code()).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"code": "x"}, {"code": "x", "claim": "short"}, {"code": "x" * 65, "claim": "a" * 64}]
)
def test_a_claim_that_is_none_is_told_what_is_wrong_with_it(pi: Pi, body: dict[str, str]) -> None:
    assert pi.client.post("/api/v1/gateway/enrolment", json=body).status_code == 422


def test_secrets_go_over_https_only_except_on_this_machine(app: FastAPI, trade: Trade) -> None:
    plain = Pi(app, "http://testserver")
    code, credential = trade.code("south"), trade.enrolled()
    for answer in (plain.enrol(code), plain.keyring(credential), plain.rotate(credential)):
        assert _problem(answer)[0] == 403
    here = httpx.Client(transport=_from_loopback(app), base_url="http://testserver")
    body = {"code": code, "claim": claim_number()}
    assert here.post("/api/v1/gateway/enrolment", json=body).status_code == 200


def _from_loopback(app: FastAPI) -> httpx.BaseTransport:
    transport = Visitor(app).client._transport
    transport._into.client = ("127.0.0.1", 4711)  # type: ignore[attr-defined]
    return transport


def test_nobody_gets_keys_without_a_credential(pi: Pi, trade: Trade, refused: list[Refusal]) -> None:
    credential = trade.enrolled()
    assert _problem(pi.client.get("/api/v1/gateway/keyring"))[0] == 401
    assert refused == []
    assert _problem(pi.keyring(credential.model_copy(update={"secret": "wrong"})))[0] == 401
    assert [(one.kind, one.gateway) for one in refused] == [(RefusalKind.CREDENTIAL_WRONG, "north")]


def test_a_revoked_credential_opens_nothing_and_is_told(pi: Pi, trade: Trade, refused: list[Refusal]) -> None:
    credential = trade.enrolled()
    assert pi.keyring(credential).status_code == 200
    trade.revoke()
    assert _problem(pi.keyring(credential))[0] == 401
    assert _problem(pi.rotate(credential))[0] == 401
    assert {one.kind for one in refused} == {RefusalKind.CREDENTIAL_ENDED}


def test_keys_are_fetched_once_and_then_only_asked_about(pi: Pi, trade: Trade) -> None:
    credential = trade.enrolled()
    first = pi.keyring(credential)
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["version"]}"'
    again = pi.keyring(credential, **{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_keys_count_as_fetched_only_when_the_gateway_names_them_since_an_answer_may_get_lost(
    pi: Pi, trade: Trade, store: Store
) -> None:
    credential = trade.enrolled()
    first = pi.keyring(credential)
    assert store.read(lambda tx: credentials.fetches(tx, ACME)) == {}
    pi.keyring(credential, **{"If-None-Match": '"of yesterday"'})
    assert store.read(lambda tx: credentials.fetches(tx, ACME)) == {}
    pi.keyring(credential, **{"If-None-Match": first.headers["etag"]})
    fetched = store.read(lambda tx: credentials.fetches(tx, ACME))
    assert fetched["north"].version == first.json()["version"]  # type: ignore[index]


def test_a_gateway_that_is_to_change_its_credential_is_told_even_if_it_has_the_keys(pi: Pi, trade: Trade) -> None:
    credential = trade.enrolled()
    tag = pi.keyring(credential).headers["etag"]
    trade.do(lambda desk: gateways.rotate(desk, ACME, "north", "ada"))
    answer = pi.keyring(credential, **{"If-None-Match": tag})
    assert (answer.status_code, answer.json()["rotate"]) == (200, True)
    made = pi.rotate(credential).json()
    assert made["generation"] == 2
    new = credential.model_copy(update=made)
    assert pi.keyring(credential).status_code == 200
    assert pi.keyring(new).json()["rotate"] is False
    assert pi.keyring(credential).status_code == 401


def test_a_gateway_gets_its_own_organisations_keys_and_no_others(pi: Pi, trade: Trade) -> None:
    ours, theirs = trade.enrolled("north", ACME), trade.enrolled("north", OTHERS)
    stolen = ours.model_copy(update={"username": theirs.username})
    assert pi.keyring(ours).status_code == 200
    assert pi.keyring(theirs).status_code == 200
    assert pi.keyring(stolen).status_code == 401


def test_a_gateway_is_nobody_at_the_console_and_a_person_no_gateway(pi: Pi, trade: Trade) -> None:
    credential = trade.enrolled()
    auth = (credential.username, credential.secret)
    assert pi.client.get("/api/v1/incidents", auth=auth).status_code == 401
    assert pi.client.get("/api/v1/gateway/keyring", auth=("sam", "correct horse battery staple")).status_code == 401
