"""Every route, as every role, with every scope: what the one table says, and nothing else."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from hub.cases.desk import Desk
from hub.store import directory
from hub.store.directory import Account, Role
from hub.web import rights, tokens
from hub.web.rights import Door, Right
from protocols.ids import WorkerId
from tests.hub.desk import ACME
from tests.hub.web.visitor import CHEAP, HTML, PASSWORD, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant

    from hub.store.store import Store, Tx

OPEN = {"/api/openapi.json", "/static"}
"""What is no route of ours: the description of the API, and files that hold nothing."""
STREAM = "/live"
NAMES = {Role.WORKER: "wendy", Role.SUPERVISOR: "sam", Role.MANAGER: "mo", Role.ADMINISTRATOR: "adi"}
EXPECTED = {
    Role.WORKER: {"own"},
    Role.SUPERVISOR: {
        "own", "alarms:see", "alarms:act", "faults:shelve", "sessions:log", "directory:see",
    },
    Role.MANAGER: {
        "own", "alarms:see", "alarms:act", "faults:shelve", "sessions:log", "directory:see",
        "directory:edit", "journal:see",
    },
    Role.ADMINISTRATOR: {
        "own", "alarms:see", "alarms:act", "faults:shelve", "sessions:log", "directory:see",
        "directory:edit", "journal:see", "gateways:edit", "settings:edit", "accounts:edit", "tokens:edit",
    },
}  # fmt: skip


def scopes(dependant: Dependant) -> Iterator[str]:
    """What a route declares, at whatever depth."""
    yield from dependant.own_oauth_scopes or ()
    for inner in dependant.dependencies:
        yield from scopes(inner)


def routes(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """(method, path, what it declares) of every route there is."""
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        for method in sorted(context.methods or ()):
            yield method, context.path or "", set(scopes(context.dependant))


def concrete(path: str) -> str:
    return re.sub(r"\{\w+\}", "none", path)


@pytest.fixture
def everyone(store: Store, app: FastAPI) -> dict[Role, Visitor]:
    """One person of each role, signed in."""

    def work(tx: Tx) -> None:
        for role in (Role.WORKER, Role.ADMINISTRATOR):
            worker = WorkerId("alice") if role is Role.WORKER else None
            name = NAMES[role]
            directory.add_account(tx, Account(ACME, name, name, None, role, password_hash=CHEAP, worker=worker))

    store.write(work)
    visitors = {role: Visitor(app) for role in Role}
    for role, visitor in visitors.items():
        assert visitor.sign_in(NAMES[role]).status_code == 303
    return visitors


def csrf(visitor: Visitor) -> str:
    return visitor.hidden(visitor.page("/account"), "/sign-out-everywhere")["csrf"]


def knock(visitor: Visitor, method: str, path: str, **more: Any) -> int:
    """The answer to a request that nobody filled in; a stream is asked for by nobody here."""
    headers = {**HTML, **more.pop("headers", {})}
    return visitor.client.request(method, concrete(path), headers=headers, **more).status_code


def test_the_table_says_what_each_role_may_do() -> None:
    assert {role: {str(right) for right in rights.of(role)} for role in Role} == EXPECTED


def test_whoever_may_more_may_all_that_others_may() -> None:
    order = [rights.of(role) for role in (Role.WORKER, Role.SUPERVISOR, Role.MANAGER, Role.ADMINISTRATOR)]
    assert all(less < more for less, more in itertools.pairwise(order))


def test_every_right_has_words(app: FastAPI) -> None:
    assert all(rights.words(right) for right in Right)


def test_every_route_declares_what_it_takes(app: FastAPI) -> None:
    known = {*Right, *Door}
    undeclared = [(method, path) for method, path, takes in routes(app) if not takes]
    unknown = [(method, path, takes) for method, path, takes in routes(app) if takes - known]

    assert undeclared == []
    assert unknown == []
    assert len(list(routes(app))) > 40


def test_what_is_no_route_of_ours_is_known(app: FastAPI) -> None:
    others = {
        (route.path or "")
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, APIRoute)
    }
    assert others == OPEN
    assert any(isinstance(route, Mount) for route in app.routes)


def test_only_these_doors_are_open_to_everybody(app: FastAPI) -> None:
    public = {(method, path) for method, path, takes in routes(app) if Door.PUBLIC in takes}
    assert public == {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/health")}


def test_every_route_as_every_role_is_as_the_table_says(app: FastAPI, everyone: dict[Role, Visitor]) -> None:
    wrong, tried = [], 0
    tokens_of = {role: csrf(visitor) for role, visitor in everyone.items()}
    for method, path, takes in routes(app):
        needed = takes & set(Right)
        if not needed or path == STREAM:
            continue
        for role, visitor in everyone.items():
            tried += 1
            status = knock(visitor, method, path, headers={"X-CSRF-Token": tokens_of[role]}, data={"x": "y"})
            allowed = needed <= rights.of(role)
            if status >= 500 or status == 401 or (status == 403) is allowed:
                wrong.append((role, method, path, status, allowed))

    assert tried > 100
    assert wrong == []


def test_nobody_who_is_signed_out_gets_anything(app: FastAPI, anybody: Visitor) -> None:
    wrong = []
    for method, path, takes in routes(app):
        if takes & {Door.PUBLIC, Door.GATEWAY}:
            continue
        answer = anybody.client.request(method, concrete(path), headers=HTML)
        sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        if answer.status_code != 401 and not sent_away:
            wrong.append((method, path, answer.status_code))

    assert wrong == []


@pytest.mark.parametrize("scope", sorted(rights.grantable(Role.ADMINISTRATOR)))
def test_a_token_opens_what_its_scopes_say_and_nothing_else(
    app: FastAPI, everyone: dict[Role, Visitor], store: Store, scope: Right
) -> None:
    secret = make_token(store, "adi", scope)
    visitor, wrong, tried = Visitor(app), [], 0
    for method, path, takes in routes(app):
        if not path.startswith("/api/v1/") or takes & set(Door):
            continue
        tried += 1
        status = knock(visitor, method, path, headers={"authorization": f"Bearer {secret}"}, json={"x": "y"})
        if status >= 500 or status == 401 or (status == 403) is (takes & set(Right) == {scope}):
            wrong.append((method, path, status, takes))

    assert tried > 20
    assert wrong == []


def test_a_token_opens_no_page(app: FastAPI, everyone: dict[Role, Visitor], store: Store) -> None:
    secret = make_token(store, "adi", *rights.grantable(Role.ADMINISTRATOR))
    opened = [
        (method, path)
        for method, path, takes in routes(app)
        if not path.startswith("/api/")
        and not takes & {Door.PUBLIC}
        and Visitor(app)
        .client.request(method, concrete(path), headers={"authorization": f"Bearer {secret}"})
        .status_code
        != 401
    ]
    assert opened == []


def test_an_account_with_a_one_time_password_opens_only_its_own_page(
    app: FastAPI, everyone: dict[Role, Visitor], store: Store
) -> None:
    def work(tx: Tx) -> None:
        directory.set_password(tx, ACME, "adi", CHEAP, tx.now)

    store.write(work)
    visitor = everyone[Role.ADMINISTRATOR]
    token = csrf(visitor)
    for method, path, takes in routes(app):
        if takes & set(Right):
            status = knock(visitor, method, path, headers={"X-CSRF-Token": token})
            assert status == (403 if method != "GET" or path.startswith("/api/") else 303), (method, path, status)


def make_token(store: Store, maker: str, *wanted: str) -> str:
    def work(tx: Tx) -> str:
        from hub.cases.desk import Routes

        account = directory.get_account(tx, ACME, maker)
        assert account is not None
        return tokens.new(Desk(tx, Routes()), account, "a program", wanted)[0]

    return store.write(work)


def test_a_program_with_a_password_has_the_rights_of_its_role(everyone: dict[Role, Visitor], anybody: Visitor) -> None:
    new = {"name": "Bob"}
    assert anybody.call("POST", "/workers", new, name="sam").status_code == 403
    assert anybody.call("POST", "/workers", new, name="mo", password=PASSWORD).status_code == 201
    refused = anybody.call("POST", "/workers", new, name="wendy").json()
    assert (refused["type"], refused["what"]) == ("urn:tocsin:problem:not-allowed", "directory:edit")
