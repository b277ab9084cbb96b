"""Accounts and tokens: who changes them, and what nobody can do to them."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.cases import accounts as cases
from hub.cases.accounts import Edit, LastAdministratorError, OwnAccountError
from hub.cases.desk import Desk, Routes
from hub.store import api_tokens, directory, sign_ins
from hub.store.api_tokens import ApiToken
from hub.store.directory import Account, Role
from hub.web import accounts, tokens
from hub.web.accounts import Origin, WeakPasswordError
from hub.web.throttle import MANY, Throttle, TooManyAttemptsError, place_of
from hub.web.tokens import ScopeError
from protocols.ids import WorkerId
from tests.hub.desk import ACME
from tests.hub.web.visitor import CHEAP, PASSWORD, Visitor
from tests.services import eventually

if TYPE_CHECKING:
    from typing import Any

    from fastapi import FastAPI

    from hub.store.store import Store, Tx
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office

NEW = "a better horse for a better battery"


@pytest.fixture
def adi(app: FastAPI, store: Store) -> Visitor:
    """The only administrator, signed in."""
    new = Account(ACME, "adi", "Adi Admin", "adi@acme.example", Role.ADMINISTRATOR, password_hash=CHEAP)
    store.write(lambda tx: directory.add_account(tx, new))
    visitor = Visitor(app)
    visitor.sign_in("adi")
    return visitor


def edit(role: Role, *, active: bool = True) -> Edit:
    return Edit("Name", "mail@acme.example", role, "alice" if role is Role.WORKER else None, active)


def act(store: Store, work: Any) -> Any:
    return store.write(lambda tx: work(Desk(tx, Routes())))


def put(visitor: Visitor, account: str, **more: Any) -> int:
    body = {"name": "Name", "role": "supervisor", **more}
    return visitor.call("PUT", f"/accounts/{account}", body, name="adi").status_code


def test_the_last_administrator_can_not_be_locked_out(adi: Visitor, store: Store) -> None:
    by_another = lambda new: act(store, lambda desk: cases.edit(desk, ACME, "adi", new, "mo"))  # noqa: E731
    for new in (edit(Role.MANAGER), edit(Role.ADMINISTRATOR, active=False)):
        with pytest.raises(LastAdministratorError):
            by_another(new)
    act(store, lambda desk: cases.edit(desk, ACME, "mo", edit(Role.ADMINISTRATOR), "adi"))

    by_another(edit(Role.MANAGER))

    assert store.read(lambda tx: directory.administrators(tx, ACME)) == ["mo"]


def test_nobody_changes_their_own_role_or_ends_themselves(adi: Visitor, store: Store) -> None:
    act(store, lambda desk: cases.edit(desk, ACME, "mo", edit(Role.ADMINISTRATOR), "adi"))
    for new in (edit(Role.MANAGER), edit(Role.ADMINISTRATOR, active=False)):
        with pytest.raises(OwnAccountError):
            act(store, lambda desk, new=new: cases.edit(desk, ACME, "adi", new, "adi"))
    assert put(adi, "adi", role="manager") == 403
    assert put(adi, "adi", role="administrator") == 200


def test_an_account_that_is_ended_is_out_at_once_with_its_tokens(adi: Visitor, app: FastAPI, store: Store) -> None:
    mo = Visitor(app)
    mo.sign_in("mo")
    maker = store.read(lambda tx: directory.get_account(tx, ACME, "mo"))
    secret, _ = act(store, lambda desk: tokens.new(desk, maker, "rota", ["alarms:see"]))
    assert with_token(app, secret) == 200

    assert put(adi, "mo", role="manager", active=False) == 200

    assert mo.open("/").status_code == 303
    assert mo.sign_in("mo").status_code == 401
    assert with_token(app, secret) == 401


def with_token(app: FastAPI, secret: str, path: str = "/incidents") -> int:
    return Visitor(app).client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {secret}"}).status_code


def test_a_reset_revokes_every_token_of_the_account_and_of_no_other(adi: Visitor, store: Store) -> None:
    def work(tx: Any) -> None:
        for account in ("sam", "mo"):
            until = tx.now + timedelta(days=9)
            token = ApiToken(ACME, f"of-{account}", "x", frozenset({"own"}), account, tx.now, until)
            api_tokens.add(tx, token, f"secret of {account}")

    store.write(work)
    adi.call("POST", "/accounts/sam/password", name="adi")

    kept = store.read(lambda tx: {token.id: token.revoked_at is None for token in api_tokens.listed(tx, ACME)})
    assert kept == {"of-sam": False, "of-mo": True}


def test_a_reset_gives_a_password_for_one_sign_in_that_must_be_changed_there(adi: Visitor, app: FastAPI) -> None:
    sam = Visitor(app)
    sam.sign_in("sam")
    password = adi.call("POST", "/accounts/sam/password", name="adi").json()["password"]

    assert sam.open("/").status_code == 303
    assert sam.sign_in("sam").status_code == 401
    assert sam.sign_in("sam", password).status_code == 303
    assert sam.open("/").headers["location"] == "/account"
    assert sam.call("GET", "/incidents", password=password).status_code == 403
    changed = sam.submit("/account/password", on="/account", current=password, new=NEW, again=NEW)
    assert (changed.status_code, changed.headers["location"]) == (303, "/")
    assert "Alarms" in sam.page("/")
    assert Visitor(app).sign_in("sam", password).status_code == 401


def test_a_one_time_password_that_nobody_used_is_good_for_three_days(adi: Visitor, app: FastAPI, watch: Watch) -> None:
    password = adi.call("POST", "/accounts/sam/password", name="adi").json()["password"]
    watch.forward(days=3)

    assert Visitor(app).sign_in("sam", password).status_code == 401


def test_a_new_password_signs_every_other_browser_out(sam: Visitor, app: FastAPI) -> None:
    elsewhere = Visitor(app)
    elsewhere.sign_in("sam")
    before = sam.client.cookies["tocsin"]

    sam.submit("/account/password", on="/account", current=PASSWORD, new=NEW, again=NEW)

    assert sam.client.cookies["tocsin"] != before
    assert "Alarms" in sam.page("/")
    assert elsewhere.open("/").status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "again", "status"),
    [
        ("wrong", NEW, NEW, 403),
        (PASSWORD, NEW, NEW + "x", 422),
        (PASSWORD, "short", "short", 422),
        (PASSWORD, PASSWORD, PASSWORD, 422),
        (PASSWORD, "Sam Super 2026!", "Sam Super 2026!", 422),
        (PASSWORD, "a" * 20, "a" * 20, 422),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it_and_to_a_good_one(
    sam: Visitor, current: str, new: str, again: str, status: int
) -> None:
    answer = sam.submit("/account/password", on="/account", current=current, new=new, again=again)

    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert sam.open("/").status_code == 200


def test_whoever_found_an_open_browser_can_not_guess_the_password_in_it(sam: Visitor) -> None:
    statuses = [
        sam.submit("/account/password", on="/account", current="guess", new=NEW, again=NEW).status_code
        for _ in range(6)
    ]
    assert statuses[-1] == 429


def test_a_long_password_is_no_reason_to_refuse_it() -> None:
    account = Account(ACME, "sam", "Sam", None, Role.SUPERVISOR)
    assert accounts.check_password("four words " * 90, account)
    with pytest.raises(WeakPasswordError):
        accounts.check_password("ab" * 501, account)


def test_signing_out_everywhere_ends_every_browser(sam: Visitor, app: FastAPI) -> None:
    elsewhere = Visitor(app)
    elsewhere.sign_in("sam")

    assert sam.submit("/sign-out-everywhere", on="/account").status_code == 303

    assert elsewhere.open("/").status_code == sam.open("/").status_code == 303


def test_signing_in_again_makes_the_old_cookie_worthless(sam: Visitor) -> None:
    before = sam.client.cookies["tocsin"]
    sam.sign_in("sam")
    after = sam.client.cookies["tocsin"]
    sam.client.cookies.set("tocsin", before)

    assert before != after
    assert sam.open("/").status_code == 303


def test_a_cookie_that_somebody_else_planted_never_becomes_a_sign_in(anybody: Visitor, app: FastAPI) -> None:
    anybody.client.cookies.set("tocsin", "planted")
    anybody.sign_in("sam")
    planter = Visitor(app)
    planter.client.cookies.set("tocsin", "planted")

    assert planter.open("/").status_code == 303


def test_a_browser_that_nobody_uses_is_signed_out_after_an_hour(sam: Visitor, watch: Watch) -> None:
    watch.forward(minutes=59)
    sam.page("/")
    watch.forward(minutes=59)
    sam.page("/")

    watch.forward(minutes=61)

    assert sam.open("/").status_code == 303


def test_reading_writes_at_most_every_five_minutes(sam: Visitor, store: Store, watch: Watch) -> None:
    token = sam.client.cookies["tocsin"]

    def seen() -> Any:
        kept = store.read(lambda tx: sign_ins.get(tx, token))
        assert kept is not None
        return kept.seen_at

    before = seen()
    watch.forward(minutes=4)
    sam.page("/")
    assert seen() == before
    watch.forward(minutes=1)
    sam.page("/")
    assert seen() == watch.now()


def test_an_id_that_is_none_is_refused_in_words(adi: Visitor) -> None:
    for number in ("No Good", "a/b", "", "x" * 41):
        new = {"id": number, "name": "X", "role": "supervisor"}
        assert adi.call("POST", "/accounts", new, name="adi").status_code == 422
    assert adi.call("POST", "/accounts", {"id": "w", "name": "X", "role": "worker"}, name="adi").status_code == 422


# -- tokens


def test_a_token_is_shown_once_and_only_its_hash_is_kept(adi: Visitor, app: FastAPI, store: Store) -> None:
    page = adi.submit("/tokens", on="/tokens", name="rota", scopes=["alarms:see"], days="30").text
    found = re.search(r"tocsin_[0-9A-Za-z]{36}", page)
    assert found is not None
    assert tokens.is_well_formed(found[0])

    assert with_token(app, found[0]) == 200
    assert with_token(app, found[0], "/workers") == 403
    assert found[0] not in adi.page("/tokens")
    from sqlalchemy import select

    from hub.store.tables import api_tokens

    kept = store.read(lambda tx: tx.connection.execute(select(api_tokens)).all())
    assert found[0] not in repr(kept)


def test_a_token_ends_by_itself_and_at_once_when_it_is_revoked(adi: Visitor, app: FastAPI, watch: Watch) -> None:
    made = [
        adi.call("POST", "/tokens", {"name": "x", "scopes": ["alarms:see"], "days": 1}, name="adi").json()
        for _ in range(2)
    ]
    assert adi.call("POST", f"/tokens/{made[0]['id']}/revoke", name="adi").status_code == 204
    assert [with_token(app, one["token"]) for one in made] == [401, 200]

    watch.forward(days=1)

    assert with_token(app, made[1]["token"]) == 401


def test_a_token_has_never_more_rights_than_its_maker_has_now(adi: Visitor, app: FastAPI, store: Store) -> None:
    maker = store.read(lambda tx: directory.get_account(tx, ACME, "mo"))
    secret, _ = act(store, lambda desk: tokens.new(desk, maker, "x", ["directory:edit", "directory:see"]))
    post = {"name": "Bob"}
    headers = {"authorization": f"Bearer {secret}"}
    assert Visitor(app).client.post("/api/v1/workers", json=post, headers=headers).status_code == 201

    put(adi, "mo", role="supervisor")

    assert Visitor(app).client.post("/api/v1/workers", json=post, headers=headers).status_code == 403
    assert with_token(app, secret, "/workers") == 200


@pytest.mark.parametrize("scopes", [[], ["gateways:edit"], ["accounts:edit"], ["tokens:edit"], ["everything"]])
def test_nobody_gives_a_token_what_they_may_not_give(sam: Visitor, store: Store, scopes: list[str]) -> None:
    maker = store.read(lambda tx: directory.get_account(tx, ACME, "mo"))
    with pytest.raises(ScopeError):
        act(store, lambda desk: tokens.new(desk, maker, "x", scopes))


@pytest.mark.parametrize("scope", ["accounts:edit", "tokens:edit", "gateways:edit"])
def test_no_token_makes_another_way_in_that_outlives_it_not_even_an_administrators(
    adi: Visitor, store: Store, scope: str
) -> None:
    maker = store.read(lambda tx: directory.get_account(tx, ACME, "adi"))
    with pytest.raises(ScopeError):
        act(store, lambda desk: tokens.new(desk, maker, "x", [scope]))


def test_a_token_says_when_it_was_last_used_and_by_whom_things_were_done(
    adi: Visitor, app: FastAPI, office: Office
) -> None:
    from protocols.events import Cause

    new = {"name": "x", "scopes": ["alarms:see", "alarms:act"]}
    made = adi.call("POST", "/tokens", new, name="adi").json()
    office.hear(office.alarm.event(Cause.PANIC))
    headers = {"authorization": f"Bearer {made['token']}"}
    taken = Visitor(app).client.post(f"/api/v1/incidents/{office.the_incident().id}/take", headers=headers)

    assert taken.json()["holder"] == f"adi/{made['id']}"
    assert f"Adi Admin, by token {made['id']} has it" in adi.page("/")
    assert adi.call("GET", "/tokens", name="adi").json()[0]["used_at"] is not None


@pytest.mark.parametrize("text", ["", "tocsin_", "tocsin_" + "0" * 36, "é" * 43, "x" * 43])
def test_what_is_no_token_is_not_even_looked_up(text: str) -> None:
    assert not tokens.is_well_formed(text)


def test_one_wrong_letter_in_a_token_is_noticed_without_asking_the_hub() -> None:
    token = tokens.generate()
    assert tokens.is_well_formed(token)
    assert not any(
        tokens.is_well_formed(token[:at] + ("x" if token[at] != "x" else "y") + token[at + 1 :])
        for at in range(len(token))
    )


# -- a flood of wrong passwords


def guess(store: Store, throttle: Throttle, address: str, name: str) -> None:
    with contextlib.suppress(accounts.WrongPasswordError, TooManyAttemptsError):
        accounts.authenticate(store, throttle, name, "guess", Origin(address, {}))


def test_sam_gets_in_from_a_known_browser_and_from_a_new_address_while_others_guess(sam: Visitor, store: Store) -> None:
    """Eight at once, without a pause, at ever other names, from addresses that have been at it for a while."""
    throttle, over, tries = Throttle(), threading.Event(), itertools.count()
    now = store.read(lambda tx: tx.now)
    addresses = [f"198.51.100.{number}" for number in range(8)]
    for address, number in itertools.product(addresses, range(MANY)):
        throttle.failed(("", str(number), address), now, address)

    def flood(address: str) -> None:
        while not over.wait(0.001):
            guess(store, throttle, address, f"nobody-{next(tries)}")

    flooders = [threading.Thread(target=flood, args=(address,)) for address in addresses]
    for flooder in flooders:
        flooder.start()
    try:
        eventually(lambda: next(tries) > 20, within_s=30)
        began = time.monotonic()
        known, fresh = Origin(addresses[0], dict(sam.client.cookies)), Origin("203.0.113.5", {})
        assert accounts.authenticate(store, throttle, "sam", PASSWORD, known).id == "sam"
        assert accounts.authenticate(store, throttle, "sam", PASSWORD, fresh).id == "sam"
        assert time.monotonic() - began < 15
    finally:
        over.set()
        for flooder in flooders:
            flooder.join()


def test_an_address_that_guesses_at_many_names_waits_with_its_like(store: Store, watch: Watch) -> None:
    throttle = Throttle()
    for number in range(MANY):
        throttle.failed(("", str(number), "192.0.2.7"), watch.now(), "192.0.2.7")

    assert throttle.lane("192.0.2.7", watch.now(), is_known=False) is throttle.guessers
    assert throttle.lane("192.0.2.7", watch.now(), is_known=True) is throttle.known
    assert throttle.lane("192.0.2.8", watch.now(), is_known=False) is throttle.neighbours
    assert throttle.lane("192.0.2.7", watch.now() + timedelta(hours=2), is_known=False) is throttle.others


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
def test_a_customer_with_many_addresses_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place


# -- a worker's own


@pytest.fixture
def wendy(app: FastAPI, store: Store, office: Office) -> Visitor:
    """Alice's account, signed in."""

    def work(tx: Tx) -> None:
        new = Account(ACME, "wendy", "Alice Archer", None, Role.WORKER, password_hash=CHEAP, worker=WorkerId("alice"))
        directory.add_account(tx, new)

    store.write(work)
    visitor = Visitor(app)
    visitor.sign_in("wendy")
    return visitor


def test_a_worker_starts_extends_and_ends_a_session_of_their_own(wendy: Visitor, office: Office) -> None:
    assert wendy.open("/").headers["location"] == "/me"
    wendy.submit("/me/sessions", on="/me", place="home-17", lasts="60", risk="high")
    (session,) = wendy.call("GET", "/me", name="wendy").json()["sessions"]
    assert (session["worker"], session["phase"], session["risk"]) == ("alice", "active", "high")

    path = f"/me/sessions/{session['id']}"
    assert wendy.submit(f"{path}/extend", on="/me", minutes="15").status_code == 303
    assert wendy.submit(f"{path}/end", on="/me").status_code == 303
    assert wendy.call("GET", "/me", name="wendy").json()["sessions"] == []


def test_a_worker_sees_and_ends_nothing_of_a_colleague(wendy: Visitor, office: Office) -> None:
    from tests.hub.web.scenes import busy_night

    busy_night(office)
    page = wendy.page("/me")
    assert "Bob" not in page
    theirs = office.session(worker="bob")
    answers = [
        wendy.call("POST", f"/me/sessions/{theirs.id}/end", name="wendy").status_code,
        wendy.call("POST", f"/sessions/{theirs.id}/end", name="wendy").status_code,
        wendy.open(f"/incidents/{office.incidents()[0].id}").status_code,
    ]
    assert answers == [404, 403, 403]


def test_a_worker_is_told_the_truth_of_their_own_alarm(wendy: Visitor, office: Office) -> None:
    from protocols.events import Cause

    office.hear(office.alarm.event(Cause.PANIC))
    assert "Nobody has it yet" in wendy.page("/me")
    office.take()
    assert "A person has it" in wendy.page("/me")


def test_a_cancel_and_a_cancel_under_threat_look_the_same_to_whoever_looks_at_the_phone(
    wendy: Visitor, office: Office
) -> None:
    from protocols.events import Cause, Stage

    pages = []
    for stage in (Stage.CANCELLED, Stage.DURESS):
        office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM))
        office.hear(office.alarm.event(Cause.PANIC, stage, new=False))
        page = re.sub(r'(name="csrf" value=|X-CSRF-Token": )"[^"]*"', "", wendy.page("/me"))
        pages.append((page, wendy.call("GET", "/me", name="wendy").json()))
    assert office.live() is not None
    assert pages[0] == pages[1]


def test_an_account_of_nobody_who_works_alone_is_told_so(sam: Visitor) -> None:
    assert sam.open("/me").status_code == 404


def test_a_worker_is_mailed_of_nobody_elses_alarm(wendy: Visitor, office: Office, store: Store) -> None:
    from dataclasses import replace

    from protocols.events import Cause

    known = store.read(lambda tx: directory.get_account(tx, ACME, "wendy"))
    assert known is not None
    store.write(lambda tx: directory.save_account(tx, replace(known, email="wendy@acme.example")))
    office.hear(office.alarm.event(Cause.PANIC))
    office.pass_time(minutes=10)

    assert "wendy@acme.example" not in {to for to, _ in office.mail.said()}
