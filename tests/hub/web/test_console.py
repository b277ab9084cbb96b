from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from hub.domain.incident import Outcome, Phase
from hub.domain.session import Risk, SessionPhase
from hub.store import directory
from hub.store import sessions as session_rows
from protocols.events import Cause, Stage
from protocols.mqtt.envelope import GatewayState
from tests.hub.desk import ACME
from tests.hub.web.scenes import unreadable, weak_battery

if TYPE_CHECKING:
    from hub.store.sessions import SessionRecord
    from tests.hub.conftest import Watch
    from tests.hub.desk import Office
    from tests.hub.web.conftest import Woken
    from tests.hub.web.visitor import Visitor


def text(html: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\xa0", " ").split())


def cards(page: str) -> list[str]:
    return re.findall(r'<article class="alarm.*?</article>', page, re.DOTALL)


def the_session(office: Office) -> SessionRecord:
    (only,) = office.store.read(lambda tx: session_rows.listed(tx, ACME, tuple(SessionPhase)))
    return only


def test_an_alarm_says_who_where_what_and_since_when(sam: Visitor, office: Office, watch: Watch) -> None:
    office.session()
    watch.forward(minutes=5)
    office.digest(office.alarm.frame(battery=61))
    office.hear(office.alarm.event(Cause.PANIC), age_s=20)

    (card,) = cards(sam.page())

    for words in (
        "Nobody has it",
        "Panic alarm: Alice Archer",
        "Home 17 , 17 Elm Row",
        "07700 900001",
        "20 s ago",
        "battery 61 %",
        "gateway north",
        "Matched: the device is assigned to Alice Archer; their session is under way",
        "Next: everyone is told in 60 s",
    ):
        assert words in text(card), words
    assert 'href="geo:51.500000,-0.100000"' in card
    assert 'href="tel:07700900001"' in card


def test_the_buttons_of_an_alarm_work_without_a_script(sam: Visitor, office: Office, woken: Woken) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"

    assert sam.submit(f"{path}/take").headers["location"] == "/"
    assert "Sam Super has it" in sam.page()
    assert f"{path}/take" not in sam.page()

    assert sam.submit(f"{path}/help-sent", on=path).headers["location"] == path
    assert "Help is on its way, says Sam Super" in sam.page(path)

    sam.submit(f"{path}/close", outcome="genuine", note="All is well.")
    assert office.the_incident().state.outcome is Outcome.GENUINE
    assert "No alarm." in sam.page()
    assert "All is well." in sam.page(path)
    assert woken.times == 3


def test_who_has_it_can_be_relieved(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.take(by="mo")

    assert "Take it over" in sam.page()
    sam.submit(f"/incidents/{office.the_incident().id}/take")

    assert office.the_incident().state.holder == "sam"


def test_an_alarm_can_not_be_closed_without_an_outcome(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))

    assert sam.submit(f"/incidents/{office.the_incident().id}/close", note="x").status_code == 422
    assert office.the_incident().state.phase is Phase.OPEN


@pytest.mark.parametrize("again", [Stage.ALARM, Stage.PRE_ALARM, Stage.DURESS])
def test_what_came_in_while_the_close_form_was_open_is_not_closed_unseen(
    sam: Visitor, office: Office, again: Stage
) -> None:
    office.hear(office.alarm.event(Cause.FALL))
    office.take()
    action = f"/incidents/{office.the_incident().id}/close"
    form = {**sam.hidden(sam.page(), action), "outcome": "false_alarm", "note": "She <dropped> it."}
    office.hear(office.alarm.event(Cause.PANIC, again, new=again is not Stage.DURESS))

    answer = sam.client.post(action, data=form)

    assert answer.status_code == 409
    assert office.the_incident().state.phase is Phase.OPEN
    assert "Something new came in: look again before you close" in text(answer.text)
    assert "Nobody has it" in text(cards(answer.text)[0])
    assert "She &lt;dropped&gt; it.</textarea>" in answer.text

    looked_again = {**form, **sam.hidden(answer.text, action)}
    assert sam.client.post(action, data=looked_again).status_code == 303
    assert office.the_incident().state.phase is Phase.CLOSED


def test_what_is_no_new_sign_does_not_stand_in_the_way_of_a_close(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    action = f"/incidents/{office.the_incident().id}/close"
    form = {**sam.hidden(sam.page(), action), "outcome": "test"}
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    office.take(by="mo")

    assert sam.client.post(action, data=form).status_code == 303


def test_a_close_that_does_not_say_what_was_seen_is_refused(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))

    assert sam.submit(f"/incidents/{office.the_incident().id}/close", outcome="test", seen="").status_code == 422
    assert office.the_incident().state.phase is Phase.OPEN


def test_a_close_form_half_filled_in_lives_on_until_a_new_sign_comes_in(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    drawer = re.compile(r'id="(close-[^"]*)" hx-preserve')
    (before,) = drawer.findall(sam.page())
    office.take()
    (in_hand,) = drawer.findall(sam.page())
    office.hear(office.alarm.event(Cause.FALL))
    (after,) = drawer.findall(sam.page())

    assert before == in_hand != after


def test_duress_is_shown_plainly_and_the_phone_is_not_offered(sam: Visitor, office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.PANIC, Stage.DURESS, new=False))
    board, incident = sam.page(), sam.page(f"/incidents/{office.the_incident().id}")

    for page in (board, incident):
        (card,) = cards(page)
        assert "Duress: the wearer cancelled under threat. Do not call the worker's phone" in text(card)
        assert "tel:" not in card
        assert "says that it was nothing" not in card
    assert "Ask the police for a silent approach." in text(incident)
    assert "07700 900001 (it must not be called)" in text(incident)


def test_a_discreet_panic_is_not_answered_by_a_ringing_phone(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.DISCREET_PANIC))

    (card,) = cards(sam.page())
    assert "Do not call the worker's phone" in text(card)
    assert "tel:" not in card


def test_a_wearers_cancel_is_shown_and_closes_nothing(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))

    (card,) = cards(sam.page())
    assert "The wearer says that it was nothing" in text(card)
    assert "Take it" in text(card)


def test_a_pre_alarm_is_shown_but_is_no_alarm_yet(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.FALL, Stage.PRE_ALARM))

    page = sam.page()
    (card,) = cards(page)
    assert "Pre-alarm: the wearer may still cancel" in text(card)
    assert "<button" not in card
    assert 'data-untaken="0"' in page


def test_a_late_alarm_says_how_late_it_is(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC, age_s=900), age_s=900)

    assert "reached us 15 min late" in text(cards(sam.page())[0])


def test_an_alarm_nobody_can_place_says_so(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))

    card = text(cards(sam.page())[0])
    assert "Unmatched: no session explains it : the device is assigned to Alice Archer; no session" in card
    assert "Where: not known" in card


def test_what_nobody_has_comes_first_and_is_pointed_at_from_every_other_page(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    panic = office.the_incident().id
    office.take()
    other = unreadable(office)

    assert ["Unreadable alarm" in card for card in cards(sam.page())] == [True, False]
    assert "1 alarm that nobody has. Unreadable alarm" in text(sam.page(f"/incidents/{panic}"))
    assert "that nobody has." not in text(sam.page(f"/incidents/{other.id}"))


def test_the_page_of_an_incident_shows_what_became_of_each_notification(sam: Visitor, office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()

    page = text(sam.page(f"/incidents/{office.the_incident().id}"))

    assert "alarm Sam Super email sent 1" in page
    assert "to the wearer: person has it alarm 1 downlink" in page
    assert "C0:FF:EE:00:00:01/1/1" in page
    assert "taken Sam Super" in page


def test_the_call_sheet_says_whom_to_ring(sam: Visitor, office: Office) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL))

    page = text(sam.page(f"/incidents/{office.the_incident().id}"))

    assert "Ring 999, ask for the ambulance service" in page
    assert "Home 17, 17 Elm Row" in page
    assert "51.50000, -0.10000 (latitude, longitude, WGS 84)" in page


def test_a_session_is_logged_at_a_known_place_from_now_on(sam: Visitor, office: Office, watch: Watch) -> None:
    answer = sam.submit("/sessions", worker="alice", place="home-17", lasts="90", risk="high")

    assert answer.headers["location"] == "/"
    session = the_session(office)
    assert (session.state.phase, session.state.risk) == (SessionPhase.ACTIVE, Risk.HIGH)
    assert (session.state.ends_at - watch.now()).total_seconds() == 90 * 60


def test_a_double_click_logs_one_session_and_says_which_is_under_way(sam: Visitor, office: Office) -> None:
    fields = {"worker": "alice", "place": "home-17", "lasts": "90"}
    sam.submit("/sessions", **fields)

    again = sam.submit("/sessions", **fields)

    assert again.status_code == 409
    assert f"session {the_session(office).id}" in text(again.text)

    assert sam.submit("/sessions", **fields, also="true").status_code == 303


def test_a_session_planned_twice_is_planned_once(sam: Visitor, office: Office) -> None:
    fields = {"worker": "alice", "place": "home-17", "starts": "2026-03-02T12:00"}
    sam.submit("/sessions", **fields)

    assert sam.submit("/sessions", **fields).status_code == 409
    assert sam.submit("/sessions", **{**fields, "starts": "2026-03-02T14:00"}).status_code == 303


@pytest.mark.parametrize(
    "times",
    [
        {"ends": "2026-03-12T12:00"},
        {"starts": "2027-06-01T12:00"},
        {"starts": "9999-12-31T23:59"},
        {"starts": "0001-01-01T00:00"},
        {"ends": "0001-01-01T00:00+14:00"},
        {"ends": "9999-12-31T23:59-12:00"},
    ],
)
def test_a_session_with_times_that_are_a_mistake_is_refused(
    sam: Visitor, office: Office, times: dict[str, str]
) -> None:
    answer = sam.submit("/sessions", worker="alice", place="home-17", **times)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert office.store.read(lambda tx: session_rows.listed(tx, ACME, tuple(SessionPhase))) == []


def test_a_note_that_looks_like_a_time_and_is_none_breaks_no_page(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"
    sam.submit(f"{path}/close", outcome="test", note="2026-99-99T99:99:99Z")

    assert "2026-99-99T99:99:99Z" in sam.page(path)


def test_times_are_typed_in_the_organisations_own_zone(sam: Visitor, office: Office, watch: Watch) -> None:
    watch.forward(days=120)  # British Summer Time
    sam.sign_in("sam")
    sam.submit("/sessions", worker="alice", place="home-17", starts="2026-06-30T12:00", ends="2026-06-30T13:30")

    state = the_session(office).state
    assert state.phase is SessionPhase.PLANNED
    assert (state.starts_at.isoformat(), state.ends_at.isoformat()) == (
        "2026-06-30T11:00:00+00:00",
        "2026-06-30T12:30:00+00:00",
    )
    assert "from 12:00 until 13:30" in text(sam.page())


def test_a_session_can_be_at_a_place_nobody_knew(sam: Visitor, office: Office) -> None:
    sam.submit("/sessions", worker="alice", new_place="Mill", new_address="Otley", new_coordinates="53.9, -1.69")

    place = office.store.read(lambda tx: directory.get_place(tx, ACME, the_session(office).place))
    assert place is not None
    assert (place.name, place.address, place.latitude, place.longitude) == ("Mill", "Otley", 53.9, -1.69)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"worker": "", "place": "home-17"}, "Worker"),
        ({"worker": "alice", "place": ""}, "Place"),
        ({"worker": "alice", "new_place": "Mill", "new_coordinates": "north of here"}, "Coordinates"),
        ({"worker": "alice", "place": "home-17", "ends": "2020-01-01T10:00"}, "End"),
        ({"worker": "alice", "place": "home-17", "starts": "tomorrow"}, "Start"),
    ],
)
def test_a_form_that_can_not_be_used_says_which_field_is_wrong(
    sam: Visitor, office: Office, fields: dict[str, str], where: str
) -> None:
    answer = sam.submit("/sessions", **fields)

    assert answer.status_code == 422
    assert f"{where}: " in text(answer.text)
    assert office.store.read(lambda tx: session_rows.listed(tx, ACME, tuple(SessionPhase))) == []


def test_a_planned_session_is_started_or_cancelled(sam: Visitor, office: Office) -> None:
    sam.submit("/sessions", worker="alice", place="home-17", starts="2026-03-02T12:00")
    path = f"/sessions/{the_session(office).id}"

    assert f'action="{path}/cancel"' in sam.page()
    sam.submit(f"{path}/start")
    assert the_session(office).state.phase is SessionPhase.ACTIVE


def test_a_session_is_extended_from_its_end_or_from_now_when_that_has_passed(
    sam: Visitor, office: Office, watch: Watch
) -> None:
    office.session(minutes=60)
    path = f"/sessions/{the_session(office).id}"
    end = the_session(office).state.ends_at

    sam.submit(f"{path}/extend", minutes="30")
    assert (the_session(office).state.ends_at - end).total_seconds() == 30 * 60

    watch.forward(minutes=55)
    sam.page()
    watch.forward(minutes=55)
    sam.submit(f"{path}/extend", minutes="15")
    assert (the_session(office).state.ends_at - watch.now()).total_seconds() == 15 * 60


def test_a_session_shows_when_its_device_was_last_heard(sam: Visitor, office: Office, watch: Watch) -> None:
    office.session()
    office.digest(office.alarm.frame(battery=17))
    watch.forward(seconds=40)

    row = text(sam.page())
    assert "alarm 1 · heard 40 s ago by north · battery 17 %" in row


def test_silence_and_overrun_are_marked(sam: Visitor, office: Office) -> None:
    office.session(minutes=4)
    office.pass_time(minutes=10)

    page = sam.page()
    assert 'class="mark silent"' in page
    assert 'class="mark overrun"' in page
    assert "over by 6 min" in text(page)


def test_a_silent_or_blind_gateway_is_marked(sam: Visitor, office: Office) -> None:
    office.status(GatewayState.ONLINE)
    office.status(GatewayState.ONLINE, gateway="south", blind=True)
    assert "north online" in text(sam.page())
    assert "south blind" in text(sam.page())

    office.pass_time(minutes=2)

    assert "north silent heard 2 min ago" in text(sam.page())


def test_a_fault_is_shelved_for_a_time_with_a_reason_and_comes_back(sam: Visitor, office: Office, watch: Watch) -> None:
    path = f"/faults/{weak_battery(office)}/shelve"
    assert sam.submit(path, minutes="30", reason=" ").status_code == 422

    sam.submit(path, minutes="30", reason="a new one is on its way")

    assert "Shelved until 09:30, by Sam Super: a new one is on its way" in text(sam.page())
    watch.forward(minutes=31)
    assert f'action="{path}"' in sam.page()


def test_closed_incidents_can_be_found_again(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"
    sam.submit(f"{path}/close", outcome="false_alarm")

    page = sam.page("/incidents")

    assert f'href="{path}"' in page
    assert "Panic alarm Alice Archer not known Closed by Sam Super false alarm" in text(page)
    assert 'href="/incidents"' in sam.page()


def test_a_page_that_is_not_there_is_a_page(sam: Visitor) -> None:
    answer = sam.open("/incidents/none")

    assert answer.status_code == 404
    assert "no incident none" in text(answer.text)


def test_a_script_is_told_in_one_line_what_was_wrong(sam: Visitor, office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    path = f"/incidents/{office.the_incident().id}"
    sam.submit(f"{path}/close", outcome="test")

    token = {"X-CSRF-Token": sam.csrf(), "HX-Request": "true"}
    answer = sam.client.post(f"{path}/take", headers=token)

    assert answer.status_code == 409
    assert answer.text == "Not possible now: Taken is not possible: the incident is closed"
