from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from hub.store import directory
from hub.store.directory import Account, Organisation, Role
from hub.store.tables import accounts as account_rows
from hub.store.tables import sign_ins
from hub.web import accounts, browsers
from hub.web.accounts import Origin, WrongPasswordError
from hub.web.app import build
from hub.web.throttle import FREE, Lane, Throttle, TooManyAttemptsError
from protocols.ids import OrganisationId
from tests.hub.desk import ACME
from tests.hub.web.conftest import OTHERS
from tests.hub.web.visitor import CHEAP, PASSWORD, Visitor

if TYPE_CHECKING:
    from typing import Any

    from fastapi import FastAPI

    from hub.store.store import Store
    from hub.web.context import Console
    from tests.hub.conftest import Watch


def test_a_right_password_opens_the_board(anybody: Visitor) -> None:
    answer = anybody.sign_in("sam")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Acme" in anybody.page("/")


def test_a_wrong_password_opens_nothing_and_says_not_what_was_wrong(anybody: Visitor) -> None:
    wrong, unknown = anybody.sign_in("sam", "guess"), anybody.sign_in("nobody", "guess")

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert "set-cookie" not in wrong.headers
    assert wrong.text.replace("sam", "") == unknown.text.replace("nobody", "")


def test_after_a_sign_in_one_is_where_one_wanted_to_go(anybody: Visitor) -> None:
    asked = anybody.open("/incidents/abc")
    assert asked.headers["location"] == "/sign-in?next=/incidents/abc"
    form = anybody.page(asked.headers["location"])

    answer = anybody.sign_in("sam", next=anybody.hidden(form, "/sign-in")["next"])

    assert answer.headers["location"] == "/incidents/abc"


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_a_sign_in_never_leads_elsewhere(anybody: Visitor, elsewhere: str) -> None:
    assert anybody.sign_in("sam", next=elsewhere).headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anybody: Visitor) -> None:
    cookie = anybody.sign_in("sam").headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age=43200" in cookie
    assert "secure" not in cookie


def test_behind_https_the_cookie_is_bound_to_this_host(console: Console) -> None:
    visitor = Visitor(build(replace(console, secure_cookies=True)), "https://testserver")

    answer = visitor.sign_in("sam")

    assert answer.headers["set-cookie"].startswith("__Host-tocsin=")
    assert "; Secure" in answer.headers["set-cookie"]
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    assert "Acme" in visitor.page("/")


def test_the_database_knows_only_the_hash_of_a_cookie(sam: Visitor, store: Store) -> None:
    token = sam.client.cookies["tocsin"]

    kept = store.read(lambda tx: tx.connection.execute(select(sign_ins)).all())

    assert kept
    assert token not in repr(kept)


def test_after_twelve_hours_one_must_sign_in_again(sam: Visitor, watch: Watch) -> None:
    for _ in range(24):
        watch.forward(minutes=29, seconds=59)
        sam.page("/")

    watch.forward(minutes=2)

    assert sam.open("/").headers["location"] == "/sign-in"


def test_expired_sign_ins_do_not_pile_up(sam: Visitor, store: Store, watch: Watch) -> None:
    watch.forward(hours=13)
    sam.sign_in("sam")

    assert len(store.read(lambda tx: tx.connection.execute(select(sign_ins)).all())) == 1


def test_signing_out_ends_it_on_the_hub_too(sam: Visitor) -> None:
    token = sam.client.cookies["tocsin"]
    sam.submit("/sign-out")
    sam.client.cookies.set("tocsin", token)

    assert sam.open("/").status_code == 303


def test_an_account_that_is_no_longer_active_is_out_at_once(sam: Visitor, store: Store) -> None:
    gone = update(account_rows).where(account_rows.c.id == "sam").values(active=False)
    store.write(lambda tx: tx.connection.execute(gone))

    assert sam.open("/").status_code == 303
    assert sam.sign_in("sam").status_code == 401


def test_wrong_passwords_get_slow_and_the_right_one_still_works_half_a_minute_later(
    anybody: Visitor, watch: Watch
) -> None:
    for _ in range(20):
        refused = anybody.sign_in("sam", "guess")
    assert refused.status_code == 429
    assert anybody.sign_in("sam").status_code == 429

    watch.forward(seconds=30)

    assert anybody.sign_in("sam").status_code == 303


@pytest.mark.parametrize("written", ["sam{}", "{}sam", "acme/sam{}", "{}acme/sam"])
def test_a_guess_counts_however_the_name_is_written(anybody: Visitor, written: str) -> None:
    answers = [anybody.sign_in(written.format(" " * blanks), "guess").status_code for blanks in range(12)]

    assert answers == [401] * FREE + [429] * (12 - FREE)
    assert anybody.sign_in("sam").status_code == 429


def test_guesses_at_a_name_that_is_no_account_get_slow_just_the_same(anybody: Visitor) -> None:
    written = ["nobody", " nobody", "Nobody", "nobody  ", "NOBODY"]

    assert [anybody.sign_in(name, "guess").status_code for name in written] == [401] * FREE + [429]


def test_a_browser_that_was_signed_in_before_is_not_slowed_by_what_others_guess(sam: Visitor, app: FastAPI) -> None:
    sam.submit("/sign-out")
    guesser = Visitor(app)
    for _ in range(20):
        guesser.sign_in("sam", "guess")

    assert Visitor(app).sign_in("sam").status_code == 429
    assert sam.sign_in("sam").status_code == 303


def test_two_people_who_share_a_browser_are_both_known_to_it(sam: Visitor, app: FastAPI) -> None:
    sam.submit("/sign-out")
    sam.sign_in("mo")
    for _ in range(20):
        Visitor(app).sign_in("sam", "guess")

    assert sam.sign_in("sam").status_code == 303


def test_a_browser_that_was_signed_in_before_may_not_guess_for_ever_either(sam: Visitor) -> None:
    answers = [sam.sign_in("sam", "guess").status_code for _ in range(FREE + 2)]

    assert answers == [401] * FREE + [429] * 2


@pytest.mark.parametrize("forged", ["", ".", "made up", "made.up", "é.ü"])
def test_a_made_up_mark_makes_no_browser_known(console: Console, forged: str) -> None:
    account = console.store.read(lambda tx: directory.get_account(tx, ACME, "sam"))
    assert account is not None
    name = browsers.cookie_name(account, secure=True)

    assert browsers.known(account, {name: browsers.mark(account)})
    assert browsers.known(account, {name: forged}) is None
    assert browsers.known(replace(account, password_hash="another"), {name: browsers.mark(account)}) is None


def test_guesses_from_one_address_do_not_slow_another(store: Store, console: Console) -> None:
    throttle, here, there = Throttle(), Origin("192.0.2.7", {}), Origin("192.0.2.8", {})
    for _ in range(FREE):
        with pytest.raises(WrongPasswordError):
            accounts.authenticate(store, throttle, "sam", "guess", here)

    assert accounts.authenticate(store, throttle, "sam", PASSWORD, there).id == "sam"
    with pytest.raises(TooManyAttemptsError):
        accounts.authenticate(store, throttle, "sam", PASSWORD, here)


def test_a_crowd_at_the_door_is_sent_away_before_it_takes_all_memory(anybody: Visitor, app: FastAPI) -> None:
    app.state.throttle.others = full = Lane(1, 1, patience_s=0)
    with full.turn():
        assert anybody.sign_in("sam").status_code == 429

    assert anybody.sign_in("sam").status_code == 303


def test_guessing_at_one_account_does_not_slow_another(anybody: Visitor) -> None:
    for _ in range(10):
        anybody.sign_in("sam", "guess")

    assert anybody.sign_in("mo").status_code == 303


def test_two_organisations_may_have_an_account_of_the_same_name(anybody: Visitor, store: Store) -> None:
    def work(tx: Any) -> None:
        directory.add_account(tx, Account(OTHERS, "sam", "Sam of the others", None, Role.MANAGER, password_hash=CHEAP))

    store.write(work)

    assert "write it as organisation/sam" not in anybody.sign_in("sam", "a guess").text
    assert "write it as organisation/sam" in anybody.sign_in("sam").text
    assert anybody.sign_in("others/sam").status_code == 303
    assert "Sam of the others" in anybody.page("/")


def test_the_first_account_gets_a_password_that_is_shown_once(anybody: Visitor, store: Store) -> None:
    new = OrganisationId("new")
    store.write(lambda tx: directory.add_organisation(tx, Organisation(new, "New", "Europe/London")))

    password = store.write(lambda tx: accounts.first_account(tx, new))

    assert password is not None
    assert anybody.sign_in("admin", password).status_code == 303
    assert anybody.open("/").headers["location"] == "/account"
    assert store.write(lambda tx: accounts.first_account(tx, new)) is None


def test_an_organisation_in_which_somebody_can_sign_in_gets_no_first_account(console: Console) -> None:
    assert console.store.write(lambda tx: accounts.first_account(tx, ACME)) is None


def test_an_administrator_without_a_password_is_given_one(store: Store, console: Console) -> None:
    new = OrganisationId("new")
    admin = Account(new, "admin", "Ada", "ada@new.example", Role.ADMINISTRATOR)
    store.write(lambda tx: directory.add_account(tx, admin))

    assert store.write(lambda tx: accounts.first_account(tx, new))
    kept = store.read(lambda tx: directory.get_account(tx, new, "admin"))
    assert kept is not None
    assert kept.name == "Ada"
    assert kept.password_hash is not None
    assert kept.password_hash.startswith("$argon2id$")
