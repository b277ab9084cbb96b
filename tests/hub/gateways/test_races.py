"""A gateway that asks while it is being revoked: nothing that it is given outlives that. Once per database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hub.cases import claims
from hub.cases import device_keys as keys_of
from hub.cases.claims import CredentialEndedError
from hub.cases.desk import Routes
from hub.store import device_keys, devices
from hub.store.devices import Device
from hub.web.app import build
from hub.web.changes import Changes
from hub.web.context import Console
from protocols import codes
from protocols.ids import Address
from tests.hub.gateways.trade import ACME, THERE, claim_number
from tests.hub.web.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from httpx import Client

    from hub.cases.access import Refusal
    from hub.store.store import Store
    from protocols.enrolment import Credential
    from tests.hub.gateways.trade import Trade

HTTPS = "https://testserver"
ASKING = 6
LIMIT_S = 20
WAITED_S = 0.3
"""How long somebody who has to wait for a lock is seen to wait."""
DEVICE = Address("C0:FF:EE:00:00:01")


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


def _ask(client: Client, credential: Credential, what: str) -> tuple[int, Any]:
    method = "POST" if what == "rotation" else "GET"
    answer = client.request(method, f"/api/v1/gateway/{what}", auth=(credential.username, credential.secret))
    return answer.status_code, answer.json()


def _after_recognition(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """``happens`` between a request's sign-in and what it does."""
    recognise = claims.recognise

    def recognised(*given: Any) -> Any:
        found = recognise(*given)
        happens()
        return found

    monkeypatch.setattr(claims, "recognise", recognised)


@pytest.mark.parametrize("what", ["rotation", "keyring"])
def test_a_gateway_revoked_between_sign_in_and_what_it_asks_for_gets_nothing(
    app: FastAPI, trade: Trade, store: Store, refused: list[Refusal], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    store.write(lambda tx: (devices.add(tx, Device(ACME, DEVICE, "a")), device_keys.add(tx, ACME, DEVICE, bytes(16))))
    credential = trade.enrolled()
    assert trade.use(credential)
    _after_recognition(monkeypatch, trade.revoke)
    status, body = _ask(Visitor(app, HTTPS).client, credential, what)
    assert status == 401
    assert "keys" not in body
    assert "secret" not in body
    assert trade.live() == []
    assert [one.gateway for one in refused] == ["north"]


def test_a_gateway_that_asks_from_many_threads_has_nothing_left_after_it_was_revoked(
    app: FastAPI, trade: Trade
) -> None:
    for trial in range(3):
        gateway = f"g{trial}"
        credential = trade.enrolled(gateway)
        assert trade.use(credential)
        begun, over = threading.Barrier(ASKING + 1), threading.Event()

        def hammer(credential: Credential = credential, begun: Any = begun, over: Any = over) -> list[Any]:
            client, got = Visitor(app, HTTPS).client, []
            begun.wait(LIMIT_S)
            while not over.is_set():
                got.append(_ask(client, credential, "rotation"))
            return got

        with ThreadPoolExecutor(ASKING) as threads:
            asked = [threads.submit(hammer) for _ in range(ASKING)]
            begun.wait(LIMIT_S)
            trade.revoke(gateway)
            over.set()
            answers = [answer for each in asked for answer in each.result(LIMIT_S)]
        assert {status for status, _ in answers} <= {200, 401}
        assert len({body["generation"] for status, body in answers if status == 200}) <= 1
        assert trade.live() == []


def _revoked_meanwhile(trade: Trade, act: Callable[[Any], object]) -> None:
    """Somebody revokes the gateway after ``act`` was done, and before that was committed."""
    with ThreadPoolExecutor(1) as other:
        revoking = []

        def work(desk: Any) -> None:
            act(desk)
            if not revoking:
                revoking.append(other.submit(trade.revoke))
            threading.Event().wait(WAITED_S)
            assert not revoking[0].done()

        trade.do(work)
        revoking[0].result(LIMIT_S)


def test_a_revocation_waits_for_a_rotation_under_way_and_ends_what_that_made(trade: Trade) -> None:
    credential = trade.enrolled()
    found = trade.recognise(credential)
    _revoked_meanwhile(trade, lambda desk: claims.rotate(desk, found, THERE.source))  # type: ignore[arg-type]
    assert trade.live() == []


def test_a_revocation_waits_for_a_code_that_is_being_traded_and_ends_what_that_made(trade: Trade) -> None:
    code, claim = codes.read(trade.code()), claim_number()
    _revoked_meanwhile(trade, lambda desk: claims.claim(desk, code, claim, THERE))
    assert trade.live() == []


def test_a_revocation_waits_for_keys_that_are_being_handed_out_and_makes_new_ones(trade: Trade, store: Store) -> None:
    store.write(lambda tx: (devices.add(tx, Device(ACME, DEVICE, "a")), device_keys.add(tx, ACME, DEVICE, bytes(16))))
    found = trade.recognise(trade.enrolled())
    handed: list[int] = []

    def fetch(desk: Any) -> None:
        claims.use(desk, found, THERE.source)  # type: ignore[arg-type]
        handed[:] = [key.generation for key in keys_of.keyring(desk.tx, ACME)]

    _revoked_meanwhile(trade, fetch)
    assert handed == [0]
    with pytest.raises(CredentialEndedError):
        trade.do(fetch)
    assert [key.generation for key in store.read(lambda tx: keys_of.keyring(tx, ACME))] == [1, 0]
