"""Codes and credentials: traded once, changed, revoked. Once per database."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.cases import claims, gateways
from hub.cases.access import Refusal, RefusalKind
from hub.cases.claims import CredentialEndedError
from hub.cases.gateways import CodeLifetimeError, GatewayIdError, Standing
from hub.cases.sessions import UnknownReferenceError
from hub.store import directory, faults, journal, presence
from hub.store.directory import Place
from hub.store.faults import FaultKind
from hub.store.presence import GatewayRecord
from hub.store.tables import metadata
from protocols.enrolment import Enrolment
from protocols.ids import GatewayId, PlaceId
from tests.hub.gateways.trade import ACME, OTHERS, claim_number

if TYPE_CHECKING:
    from hub.store.store import Store
    from tests.hub.conftest import Watch
    from tests.hub.gateways.trade import Trade


def _kind(outcome: object) -> RefusalKind:
    assert isinstance(outcome, Refusal)
    return outcome.kind


def test_a_code_is_traded_for_all_that_a_gateway_needs(trade: Trade) -> None:
    enrolment = trade.claim(trade.code(), claim_number())
    assert isinstance(enrolment, Enrolment)
    assert (enrolment.organisation, enrolment.gateway, enrolment.hub_url) == ("acme", "north", "https://hub.example")
    assert enrolment.credential.username == "acme.north.1"
    assert len(enrolment.credential.secret) >= 43  # 256 bits in base 64
    assert trade.use(enrolment.credential)


def test_a_lost_answer_is_told_again_until_the_credential_was_used(trade: Trade) -> None:
    code, claim = trade.code(), claim_number()
    first = trade.claim(code, claim)
    assert trade.claim(code, claim) == first
    assert isinstance(first, Enrolment)
    trade.use(first.credential)
    assert _kind(trade.claim(code, claim)) is RefusalKind.CODE_USED


def test_a_claimed_code_is_told_again_even_after_it_expired(trade: Trade, watch: Watch) -> None:
    code, claim = trade.code(), claim_number()
    first = trade.claim(code, claim)
    watch.forward(hours=2)
    assert trade.claim(code, claim) == first


def test_a_code_is_worth_nothing_to_a_second_gateway(trade: Trade) -> None:
    code = trade.code()
    trade.claim(code, claim_number())
    refused = trade.claim(code, claim_number())
    assert _kind(refused) is RefusalKind.CODE_USED
    assert isinstance(refused, Refusal)
    assert (refused.organisation, refused.gateway) == (ACME, "north")


def test_a_code_expires(trade: Trade, watch: Watch) -> None:
    code = trade.code(minutes=60)
    watch.forward(minutes=60)
    assert _kind(trade.claim(code, claim_number())) is RefusalKind.CODE_EXPIRED
    assert trade.live() == []


def test_a_code_that_nobody_made_is_refused(trade: Trade) -> None:
    assert _kind(trade.claim("0000-0000-0000", claim_number())) is RefusalKind.CODE_UNKNOWN


def test_only_the_newest_code_of_a_gateway_is_good(trade: Trade) -> None:
    first, second = trade.code(), trade.code()
    assert _kind(trade.claim(first, claim_number())) is RefusalKind.CODE_USED
    assert isinstance(trade.claim(second, claim_number()), Enrolment)


@pytest.mark.parametrize("gateway", ["hub", "North", "a.b", "a/b", "", "a" * 41, "north\n"])
def test_no_code_is_made_for_what_can_be_no_gateway(trade: Trade, gateway: str) -> None:
    with pytest.raises(GatewayIdError):
        trade.code(gateway)


@pytest.mark.parametrize("minutes", [0, -1, 60 * 24 * 8])
def test_a_code_is_good_for_some_time_and_not_for_ever(trade: Trade, minutes: int) -> None:
    with pytest.raises(CodeLifetimeError):
        trade.code(minutes=minutes)


def test_the_place_of_a_code_becomes_the_gateways_and_stays_when_it_speaks(trade: Trade, store: Store) -> None:
    store.write(lambda tx: directory.add_place(tx, Place(ACME, PlaceId("hall"), "Village hall")))
    enrolment = trade.claim(trade.code(place="hall"), claim_number())
    assert isinstance(enrolment, Enrolment)
    assert (enrolment.place, enrolment.place_name) == ("hall", "Village hall")
    now = trade.listed()["north"]
    assert (now.place, now.heard_at, now.standing) == ("hall", None, Standing.ENROLLED)
    record = GatewayRecord(ACME, GatewayId("north"), "online", "b", "1", 0, blind=False, heard_at=_now(store))
    store.write(lambda tx: presence.put_gateway(tx, record))
    assert trade.listed()["north"].place == "hall"
    trade.claim(trade.code(), claim_number())
    assert trade.listed()["north"].place == "hall"


def test_a_code_needs_a_place_of_the_same_organisation(trade: Trade, store: Store) -> None:
    store.write(lambda tx: directory.add_place(tx, Place(OTHERS, PlaceId("hof"), "Hof")))
    with pytest.raises(UnknownReferenceError):
        trade.code(place="hof")


def test_a_replaced_gateway_gets_a_credential_by_a_new_code_and_the_old_one_ends_with_its_first_use(
    trade: Trade,
) -> None:
    old = trade.enrolled()
    assert trade.use(old)
    new = trade.enrolled()
    assert new.generation == 2
    assert trade.use(old)
    assert trade.use(new)
    assert not trade.use(old)
    assert trade.live() == ["acme.north.2"]


def test_what_a_code_was_traded_for_is_not_told_to_whoever_was_there_before(trade: Trade) -> None:
    old = trade.enrolled()
    assert trade.use(old)
    new = trade.enrolled()
    with pytest.raises(CredentialEndedError):
        trade.rotate(old)
    assert trade.use(new)
    assert trade.live() == ["acme.north.2"]


def test_a_new_code_ends_what_was_traded_for_an_earlier_one_and_never_used(trade: Trade) -> None:
    used = trade.enrolled()
    assert trade.use(used)
    traded = trade.enrolled()
    trade.code()
    assert not trade.use(traded)
    assert trade.live() == ["acme.north.1"]
    assert trade.rotate(used).generation == 3


def test_a_changed_credential_ends_the_one_before_when_it_is_first_used(trade: Trade) -> None:
    old = trade.enrolled()
    new = trade.rotate(old)
    assert new.secret != old.secret
    assert trade.use(old)
    assert trade.rotate(old) == new
    assert trade.use(new)
    assert _kind(trade.recognise(old)) is RefusalKind.CREDENTIAL_ENDED
    assert trade.rotate(new).generation == 3


def test_a_wrong_secret_opens_nothing_whoever_is_named(trade: Trade) -> None:
    credential = trade.enrolled()
    for name in (credential.username, "acme.north.9", "acme.south.1", "others.north.1", "acme.north", "", "x" * 500):
        wrong = credential.model_copy(update={"username": name, "secret": "wrong"})
        assert _kind(trade.recognise(wrong)) is RefusalKind.CREDENTIAL_WRONG


def test_a_secret_is_worth_nothing_under_another_name(trade: Trade) -> None:
    north, south = trade.enrolled("north"), trade.enrolled("south")
    assert _kind(trade.recognise(north.model_copy(update={"username": south.username}))) is RefusalKind.CREDENTIAL_WRONG


def test_revoked_means_every_generation_and_every_code(trade: Trade) -> None:
    old = trade.enrolled()
    trade.use(old)
    new, code = trade.rotate(old), trade.code()
    trade.revoke()
    assert trade.live() == []
    for credential in (old, new):
        assert _kind(trade.recognise(credential)) is RefusalKind.CREDENTIAL_ENDED
    assert _kind(trade.claim(code, claim_number())) is RefusalKind.CODE_USED
    assert trade.listed()["north"].standing is Standing.REVOKED
    assert trade.listed()["north"].ended_why == "stolen"


def test_a_credential_revoked_between_sign_in_and_use_is_not_used(trade: Trade) -> None:
    credential = trade.enrolled()
    found = trade.recognise(credential)
    assert not isinstance(found, Refusal)
    trade.revoke()
    for act in (claims.use, claims.rotate):
        with pytest.raises(CredentialEndedError):
            trade.do(partial(act, record=found, source="192.0.2.7"))
    assert trade.live() == []
    assert trade.listed()["north"].standing is Standing.REVOKED


def test_every_credential_that_a_gateway_may_be_using_is_asked_to_change(trade: Trade) -> None:
    old = trade.enrolled()
    new = trade.rotate(old)
    trade.do(lambda desk: gateways.rotate(desk, ACME, "north", "ada"))
    for credential in (old, new):
        found = trade.recognise(credential)
        assert not isinstance(found, Refusal)
        assert found.rotate_asked_at is not None


def test_a_new_code_traded_changes_nothing_about_a_gateway_that_is_online(trade: Trade, store: Store) -> None:
    record = GatewayRecord(ACME, GatewayId("north"), "online", "b", "1", 0, blind=False, heard_at=_now(store))
    store.write(lambda tx: presence.put_gateway(tx, record))
    trade.enrolled()
    assert trade.listed()["north"].state == "online"


def test_what_is_not_there_can_not_be_revoked_or_rotated(trade: Trade) -> None:
    with pytest.raises(UnknownReferenceError):
        trade.revoke("east")
    with pytest.raises(UnknownReferenceError):
        trade.do(lambda desk: gateways.rotate(desk, ACME, "east", "ada"))


def test_a_gateway_that_was_taken_out_is_no_fault_when_it_falls_silent(trade: Trade, store: Store) -> None:
    trade.use(trade.enrolled())
    detail = "nothing heard"
    store.write(lambda tx: faults.raise_(tx, ACME, FaultKind.GATEWAY_SILENT, "north", detail))
    trade.revoke()
    assert store.read(lambda tx: faults.listed(tx, ACME)) == []
    assert trade.listed()["north"].standing is Standing.REVOKED


def test_a_gateway_that_keeps_a_credential_for_a_month_too_long_is_a_fault_until_it_changes_it(
    trade: Trade, store: Store, watch: Watch
) -> None:
    def told() -> list[tuple[str, FaultKind]]:
        trade.do(gateways.look_for_overdue)
        return [(fault.subject, fault.kind) for fault in store.read(lambda tx: faults.listed(tx, ACME))]

    old = trade.enrolled()
    trade.use(old)
    watch.forward(days=89)
    assert told() == []
    watch.forward(days=1)
    assert told() == told() == [("north", FaultKind.CREDENTIAL_OLD)]
    new = trade.rotate(old)
    assert told() == [("north", FaultKind.CREDENTIAL_OLD)], "it has not used it yet"
    trade.use(new)
    assert told() == []
    watch.forward(days=90)
    assert len(told()) == 1
    trade.revoke()
    assert told() == []


def test_two_organisations_may_have_a_gateway_of_the_same_name_and_know_nothing_of_each_other(trade: Trade) -> None:
    ours, theirs = trade.enrolled("north", ACME), trade.enrolled("north", OTHERS)
    assert (ours.username, theirs.username) == ("acme.north.1", "others.north.1")
    assert trade.use(ours)
    assert trade.use(theirs)
    trade.revoke("north", OTHERS)
    assert trade.use(ours)
    assert trade.listed(OTHERS)["north"].standing is Standing.REVOKED
    assert trade.listed(ACME)["north"].standing is Standing.ACTIVE
    assert _kind(trade.recognise(ours.model_copy(update={"username": theirs.username}))) is RefusalKind.CREDENTIAL_WRONG


def test_a_list_tells_how_far_each_gateway_has_come(trade: Trade, watch: Watch) -> None:
    trade.code("invited")
    trade.enrolled("enrolled")
    trade.use(trade.enrolled("active"))
    trade.do(lambda desk: gateways.rotate(desk, ACME, "active", "ada"))
    standing = {name: one.standing for name, one in trade.listed().items()}
    assert standing == {"invited": Standing.INVITED, "enrolled": Standing.ENROLLED, "active": Standing.ACTIVE}
    active = trade.listed()["active"]
    assert active.rotating
    assert active.rotate_after == watch.now() + timedelta(days=60)
    assert trade.listed()["invited"].code_until == watch.now() + timedelta(hours=1)
    watch.forward(hours=1)
    assert "invited" not in trade.listed()


def test_the_journal_tells_who_let_a_gateway_in_and_out(trade: Trade, store: Store) -> None:
    credential = trade.enrolled()
    trade.use(credential)
    trade.use(trade.rotate(credential))
    trade.revoke()
    assert trade.written() == [
        "code made",
        "enrolled",
        "credential in use",
        "rotated",
        "credential in use",
        "revoked",
    ]
    by = {entry.action: entry.by for entry in store.read(lambda tx: journal.read(tx, ACME, "gateway:north"))}
    assert (by["code made"], by["enrolled"], by["revoked"]) == ("ada", "ada", "ada")
    assert not store.read(lambda tx: list(journal.verify(tx)))


def test_no_code_and_no_secret_can_be_read_in_the_database(trade: Trade, store: Store) -> None:
    code, claim = trade.code(), claim_number()
    enrolment = trade.claim(code, claim)
    assert isinstance(enrolment, Enrolment)
    text = store.read(
        lambda tx: "".join(repr(tx.connection.execute(select(each)).all()) for each in metadata.sorted_tables)
    )
    plain = code.replace("-", "")
    for hidden in (code, plain, plain[:12], claim, enrolment.credential.secret):
        assert hidden not in text
        assert hidden.encode().hex() not in text


def _now(store: Store):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return store.read(lambda tx: tx.now)
