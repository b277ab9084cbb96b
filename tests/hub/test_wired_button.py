"""A button that is wired to a gateway: an alarm like any other, from the place where it hangs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.cases import incidents, sessions
from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.matching import SessionWindow, Verdict
from hub.domain.wired import match_place
from hub.store import directory, journal, presence, restores, wired_events
from hub.store.directory import Worker
from hub.store.faults import FaultKind
from hub.web import reading
from hub.web.views import incident as incident_view
from protocols.events import Cause, Stage
from protocols.ids import GatewayId, PlaceId, SessionId, WorkerId
from protocols.mqtt.envelope import (
    ButtonData,
    ButtonSign,
    EventEnvelope,
    GatewayState,
    PanelData,
    PanelFault,
    PanelTold,
    StatusData,
    StatusEnvelope,
    TimeQuality,
    button_event_id,
)
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, Message

if TYPE_CHECKING:
    from tests.hub.desk import Office

NORTH = GatewayId("north")
PLACE = PlaceId("home-17")


class Wall:
    """The panel of gateway north at home-17, as the hub sees it."""

    def __init__(self, office: Office, *, place: PlaceId | None = PLACE) -> None:
        self.office = office
        self.number = 0
        office.store.write(lambda tx: presence.put_place(tx, ACME, NORTH, place, state="online"))

    def press(self, sign: ButtonSign = ButtonSign.PANIC, *, age_s: float = 0, boot: str = "b") -> Message:
        self.number += 1
        return self.send(ButtonData(button="desk", boot=boot, number=self.number, sign=sign), age_s=age_s)

    def send(
        self, data: ButtonData, *, age_s: float = 0, claimed: str | None = None, replayed: bool = False
    ) -> Message:
        at = self.office.at() - timedelta(seconds=age_s)
        envelope = EventEnvelope(
            id=claimed or button_event_id(NORTH, data),
            source="acme/north",
            time=at,
            timequality=TimeQuality.SYNCHRONISED,
            receivedtime=at,
            data=data,
            replayed=replayed,
        )
        message = Message(str(Topic(ACME, NORTH, Channel.EVENT)), envelope.to_json())
        self.office.ingest.step([message])  # type: ignore[list-item]
        self.office.dispatch()
        return message

    def says(self, panel: PanelData | None, *, state: GatewayState = GatewayState.ONLINE) -> None:
        data = StatusData(state=state, boot="b", version="1", panel=panel)
        envelope = StatusEnvelope(id="s", source="acme/north", time=self.office.at(), data=data)
        message = Message(str(Topic(ACME, NORTH, Channel.STATUS)), envelope.to_json())
        self.office.signs.step([message])  # type: ignore[list-item]
        self.office.dispatch()

    def told(self) -> list[tuple[str, str]]:
        """(event, told) of every stage that was sent to the panel."""
        topic = str(Topic(ACME, NORTH, Channel.COMMAND))
        sent = [json.loads(payload)["data"] for where, payload in self.office.published if where == topic]
        return [(one["event"], one["told"]) for one in sent if one.get("kind") == "stage"]

    def close(self) -> None:
        number = self.office.the_incident().id
        self.office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.GENUINE, "helped"))
        self.office.dispatch()


@pytest.fixture
def wall(office: Office) -> Wall:
    return Wall(office)


def worker_bob(office: Office) -> None:
    bob = Worker(ACME, WorkerId("bob"), "Bob Baker", None, None, "sam")
    office.store.write(lambda tx: directory.add_worker(tx, bob))


def test_a_press_pages_the_supervisor_of_the_only_worker_in_session_there(office: Office, wall: Wall) -> None:
    session = office.session()
    message = wall.press()
    record = office.the_incident()
    assert (record.state.kind, record.state.phase) == (Kind.PANIC, Phase.OPEN)
    assert record.match.verdict is Verdict.MATCHED
    assert (record.match.worker, record.match.session, record.match.place) == ("alice", session.id, PLACE)
    assert (record.gateway, record.address) == (NORTH, None)
    assert office.mails() == {("sam@acme.example", "alarm"): 1}
    assert message.acknowledged
    assert office.receipts() == [{"event": "north-b-desk-1", "outcome": "recorded"}]


def test_with_nobody_in_session_it_pages_all_the_same_from_its_place(office: Office, wall: Wall) -> None:
    wall.press()
    record = office.the_incident()
    assert (record.match.verdict, record.match.worker, record.match.place) == (Verdict.UNMATCHED, None, PLACE)
    assert record.match.reasons == ("desk of gateway north was pressed", "nobody is in session at its place")
    assert office.mails() == {("sam@acme.example", "alarm"): 1, ("mo@acme.example", "alarm"): 1}


def test_with_two_workers_there_it_is_ambiguous_and_says_who_they_are(office: Office, wall: Wall) -> None:
    worker_bob(office)
    office.session()
    office.session(worker="bob")
    wall.press()
    record = office.the_incident()
    assert (record.match.verdict, record.match.worker, record.match.place) == (Verdict.AMBIGUOUS, None, PLACE)
    assert record.match.reasons[1] == "2 workers are in session at its place: alice, bob"
    assert office.mails()


def test_a_gateway_without_a_place_pages_and_says_so(office: Office) -> None:
    Wall(office, place=None).press()
    assert office.the_incident().match.reasons[1] == "the gateway was given no place"
    assert office.mails()


def test_a_gateway_the_hub_never_heard_of_pages(office: Office) -> None:
    wall = Wall(office)
    data = ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC)
    envelope = EventEnvelope(id="x", source="s", time=office.at(), receivedtime=office.at(), data=data)
    topic = str(Topic(ACME, GatewayId("unheard-of"), Channel.EVENT))
    office.ingest.step([Message(topic, envelope.to_json())])  # type: ignore[list-item]
    office.dispatch()
    assert wall.office.the_incident().gateway == "unheard-of"
    assert office.mails()


def test_the_same_press_is_recorded_once_however_often_it_comes(office: Office, wall: Wall) -> None:
    data = ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC)
    for _ in range(3):
        wall.send(data)
    assert [receipt["outcome"] for receipt in office.receipts()] == ["recorded", "duplicate", "duplicate"]
    assert office.mails() == {("sam@acme.example", "alarm"): 1, ("mo@acme.example", "alarm"): 1}
    assert office.written(office.the_incident().id).count("event") == 1


def test_after_a_restart_of_the_gateway_number_one_is_another_press(office: Office, wall: Wall) -> None:
    for boot in ("b", "c"):
        wall.send(ButtonData(button="desk", boot=boot, number=1, sign=ButtonSign.PANIC))
    assert [receipt["outcome"] for receipt in office.receipts()] == ["recorded", "recorded"]


def test_after_a_restore_of_the_hub_the_replayed_press_is_labelled_as_such(office: Office, wall: Wall) -> None:
    restore = restores.Restore(1, office.at() + timedelta(seconds=1), office.at())
    office.store.write(lambda tx: restores.note(tx, restore))
    wall.send(ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC), replayed=True)
    number = office.the_incident().id
    assert office.store.read(lambda tx: restores.label(tx, ACME, number)) is restores.Label.REPLAYED


def test_a_gateway_that_was_enrolled_anew_hands_in_what_it_kept_and_is_receipted(office: Office, wall: Wall) -> None:
    """Its place is where it was pressed, and it is the same event under both ids."""
    office.store.write(lambda tx: presence.put_place(tx, ACME, GatewayId("old"), PLACE, state="offline"))
    office.store.write(lambda tx: presence.put_place(tx, ACME, NORTH, None, state="online"))
    data = ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC, gateway="old")
    name = button_event_id(GatewayId("old"), data)
    for _ in range(2):
        wall.send(data, claimed=name)
    assert [(one["event"], one["outcome"]) for one in office.receipts()] == [(name, "recorded"), (name, "duplicate")]
    record = office.the_incident()
    assert (record.gateway, record.match.place) == ("old", PLACE)


def test_what_is_receipted_is_the_envelope_that_came(office: Office, wall: Wall) -> None:
    wall.send(ButtonData(button="desk", boot="b", number=1, sign=ButtonSign.PANIC), claimed="old-b-desk-1")
    assert [receipt["event"] for receipt in office.receipts()] == ["old-b-desk-1"]


def test_it_joins_the_alarm_that_the_worker_s_own_device_raised(office: Office, wall: Wall) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.FALL))
    wall.press()
    record = office.the_incident()
    assert record.state.kind is Kind.PANIC
    assert record.address == office.alarm.address


def test_a_second_press_when_somebody_has_it_starts_the_ladder_anew(office: Office, wall: Wall) -> None:
    wall.press()
    office.take()
    office.pass_time(seconds=30)
    wall.press()
    assert office.the_incident().state.phase is Phase.OPEN


def test_nobody_can_cancel_it_but_a_person_who_closes_it(office: Office, wall: Wall) -> None:
    wall.press()
    office.pass_time(minutes=30)
    assert office.the_incident().state.phase is Phase.OPEN
    wall.close()
    assert office.the_incident().state.phase is Phase.CLOSED


def test_a_discreet_button_is_a_discreet_panic(office: Office, wall: Wall) -> None:
    wall.press(ButtonSign.DISCREET_PANIC)
    assert office.the_incident().state.kind is Kind.DISCREET_PANIC


def test_a_cut_cable_is_a_tamper_alarm_where_it_is_set_so(office: Office, wall: Wall) -> None:
    wall.press(ButtonSign.TAMPER)
    assert office.the_incident().state.kind is Kind.TAMPER
    assert office.mails()


def test_a_test_is_recorded_and_receipted_and_pages_nobody(office: Office, wall: Wall) -> None:
    wall.press(ButtonSign.TEST)
    assert [receipt["outcome"] for receipt in office.receipts()] == ["recorded"]
    assert office.incidents() == []
    assert not office.mails()
    assert office.written("gateway:north") == ["event"]
    assert office.store.read(lambda tx: wired_events.proved_at(tx, ACME, NORTH)) == office.at()
    assert office.store.read(lambda tx: wired_events.proved_at(tx, ACME, "south")) is None


def test_a_press_that_waited_notifies_and_is_labelled_with_its_age(office: Office, wall: Wall) -> None:
    wall.press(age_s=7200)
    assert office.mail.taken[0].facts.age_s == 7200


def test_it_is_in_the_journal_of_its_incident(office: Office, wall: Wall) -> None:
    wall.press()
    chain = office.the_incident().id
    (entry,) = [one for one in office.store.read(lambda tx: journal.read(tx, ACME, chain)) if one.action == "event"]
    assert entry.detail["event"] == "north/b/desk/1"
    assert entry.detail["cause"] == "panic"
    assert office.journal_is_whole()


def test_the_panel_is_told_each_later_stage_until_it_says_that_it_shows_it(office: Office, wall: Wall) -> None:
    wall.press()
    office.take()
    assert wall.told() == [("north-b-desk-1", "person has it")]
    office.pass_time(seconds=10)
    assert len(wall.told()) > 1
    sent = len(wall.told())
    wall.says(PanelData(event="north-b-desk-1", told=PanelTold.PERSON_HAS_IT))
    office.pass_time(minutes=5)
    assert len(wall.told()) <= sent + 1
    assert office.waiting() == 0
    wall.close()
    assert wall.told()[-1] == ("north-b-desk-1", "closed")


def test_a_panel_that_started_anew_is_told_of_the_live_alarm(office: Office, wall: Wall) -> None:
    wall.press()
    wall.says(PanelData(event="north-b-desk-1", told=PanelTold.STORED))
    assert wall.told() == []
    wall.says(PanelData())
    assert wall.told() == [("north-b-desk-1", "stored")]


def test_a_panel_that_missed_the_end_is_told_of_it(office: Office, wall: Wall) -> None:
    wall.press()
    wall.close()
    office.pass_time(minutes=40)
    assert office.waiting() == 0
    sent = len(wall.told())
    wall.says(PanelData(event="north-b-desk-1", told=PanelTold.STORED))
    assert wall.told()[sent:] == [("north-b-desk-1", "closed")]


def test_a_panel_that_knows_of_nothing_is_not_told_what_is_over(office: Office, wall: Wall) -> None:
    wall.press()
    wall.close()
    wall.says(PanelData())
    assert office.waiting() == 0


def shown_around(office: Office, wall: Wall, stage: Stage, *, taken_before: bool) -> list[str]:
    """What the panel is told when the wearer's device says this, before or after somebody has it."""
    office.hear(office.alarm.event(Cause.PANIC))
    wall.press()
    wall.says(PanelData(event="north-b-desk-1", told=PanelTold.STORED))
    shown = PanelTold.STORED
    for step in ("take", "cancel") if taken_before else ("cancel", "take"):
        if step == "take":
            office.take()
        else:
            office.hear(office.alarm.event(Cause.PANIC, stage, new=False))
        shown = PanelTold(wall.told()[-1][1]) if wall.told() else shown
        wall.says(PanelData(event="north-b-desk-1", told=shown))
    if office.the_incident().state.phase is Phase.OPEN:
        office.take()
    wall.says(PanelData())
    wall.close()
    return list(dict.fromkeys(told for _, told in wall.told()))


@pytest.mark.parametrize("taken_before", [False, True])
@pytest.mark.parametrize("stage", [Stage.CANCELLED, Stage.DURESS])
def test_at_the_panel_a_cancel_and_a_cancel_under_duress_look_the_same(
    office: Office, wall: Wall, stage: Stage, taken_before: bool
) -> None:
    office.session()
    assert shown_around(office, wall, stage, taken_before=taken_before) == ["person has it", "closed"]


def test_what_the_wearer_cancels_is_not_what_somebody_else_pressed_on_the_wall(office: Office, wall: Wall) -> None:
    office.session()
    office.hear(office.alarm.event(Cause.PANIC))
    wall.press()
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    record = office.the_incident()
    assert (record.state.phase, record.state.cancelled_by_wearer) == (Phase.OPEN, False)
    assert "one of several was cancelled" in office.written(record.id)
    assert not [message for _, message in office.mails() if message == "cancelled_by_wearer"]
    office.take()
    assert wall.told()[-1] == ("north-b-desk-1", "person has it")


def test_a_wearer_s_cancel_that_comes_before_its_alarm_is_not_what_somebody_pressed_on_the_wall(
    office: Office, wall: Wall
) -> None:
    office.session()
    alarm = office.alarm.event(Cause.PANIC)
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    wall.press()
    office.hear(alarm)
    assert not office.the_incident().state.cancelled_by_wearer


def test_what_is_wrong_with_a_panel_is_a_fault_until_it_is_mended(office: Office, wall: Wall) -> None:
    wall.says(PanelData(faults={PanelFault.BUTTON_STUCK: "button desk is held down or stuck"}))
    wall.says(
        PanelData(faults={PanelFault.BUTTON_STUCK: "button desk is held down or stuck", PanelFault.CABLE_CUT: "x"})
    )
    assert {(fault.kind, fault.subject) for fault in office.faults()} == {
        (FaultKind.PANEL_FAULT, "north: button stuck"),
        (FaultKind.PANEL_FAULT, "north: cable cut"),
    }
    assert office.fault_mails().count("sam@acme.example") == 2
    wall.says(None, state=GatewayState.OFFLINE)
    assert len(office.faults()) > 2
    wall.says(PanelData())
    assert office.faults() == []


@pytest.mark.parametrize(
    "event", ["", "north", "north-b-desk", "north-b-desk-x", "north-b-desk-99999999999999", "south-b-desk-1", "n-1-1-1"]
)
def test_a_panel_that_names_an_unknown_event_spoils_nothing(office: Office, wall: Wall, event: str) -> None:
    wall.press()
    wall.says(PanelData(event=event, told=PanelTold.STORED))
    assert wall.told() == []


def test_a_button_with_a_hyphen_in_its_name_is_found_by_its_event(office: Office, wall: Wall) -> None:
    data = ButtonData(button="front-desk", boot="b0", number=12, sign=ButtonSign.PANIC)
    wall.send(data)
    found = office.store.read(lambda tx: wired_events.by_id(tx, ACME, NORTH, button_event_id(NORTH, data)))
    assert found is not None
    assert found.data == data


def window(worker: str, office: Office, *, starts: int = -10, ended: int | None = None, active: bool = True) -> Any:
    at = office.at()
    ended_at = None if ended is None else at + timedelta(minutes=ended)
    return SessionWindow(
        SessionId(f"s-{worker}-{starts}"), WorkerId(worker), PLACE, at + timedelta(minutes=starts), ended_at, active
    )


def test_whoever_is_about_to_begin_there_is_meant_only_if_nobody_is_there_yet(office: Office) -> None:
    soon = window("bob", office, starts=20, active=False)
    now = window("alice", office)
    assert match_place(office.at(), "x", PLACE, [soon]).worker == "bob"
    assert match_place(office.at(), "x", PLACE, [soon, now]).worker == "alice"
    assert match_place(office.at(), "x", PLACE, [window("alice", office, ended=-1)]).worker is None


def test_two_sessions_of_the_same_worker_name_the_worker_and_no_session(office: Office) -> None:
    found = match_place(office.at(), "x", PLACE, [window("alice", office), window("alice", office, starts=-5)])
    assert (found.verdict, found.worker, found.session) == (Verdict.AMBIGUOUS, "alice", None)


def test_only_sessions_at_its_own_place_count(office: Office, wall: Wall) -> None:
    office.session()
    office.store.write(lambda tx: presence.put_place(tx, ACME, NORTH, "elsewhere", state="online"))
    wall.press()
    assert office.the_incident().match.worker is None


def test_a_session_that_ended_there_is_not_meant(office: Office, wall: Wall) -> None:
    session = office.session()
    office.pass_time(minutes=5)
    office.desk(lambda desk: sessions.end(desk, ACME, session.id, "sam"))
    office.pass_time(minutes=5)
    wall.press()
    assert office.the_incident().match.worker is None


def test_the_page_of_its_incident_says_what_happened_and_where(office: Office, wall: Wall) -> None:
    wall.press()
    office.take()
    organisation = directory.Organisation(ACME, "Acme", "Europe/London")
    facts = office.store.read(lambda tx: reading.incident(tx, organisation, office.the_incident().id))
    page = incident_view.incident(facts)
    assert [(row.what, row.gateway, row.battery) for row in page.events] == [
        ("panic, wired button desk", "north", None)
    ]
    answers = {line.asked: line.answer for line in page.sheet.lines}
    assert answers["What happened?"] == "Somebody pressed the panic button on the wall there."
    assert answers["Where?"] == "Home 17, 17 Elm Row"
    assert "to the panel: person has it" in [one.what for one in page.notifications]


def test_a_mail_about_nobody_in_particular_names_the_gateway(office: Office, wall: Wall) -> None:
    wall.press()
    assert office.mail.taken[0].facts.who == "somebody at gateway north"
