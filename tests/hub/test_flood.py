"""A gateway in wrong hands: what it can't do to others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.cases import access, incidents, panels
from hub.cases.access import Refusal, RefusalKind
from hub.cases.recording import UNREADABLE_A_DAY
from hub.channels.wording import subject
from hub.domain.incident import Outcome as IncidentOutcome
from hub.domain.quoting import LONGEST, folded
from hub.ingest.flooding import FloodWatch
from hub.ingest.inbox import SHARE, SHARE_BYTES, Inbox
from hub.store import outbox
from hub.store.events import KEPT
from hub.store.faults import FaultKind
from hub.store.tables import unreadable
from protocols.events import Cause, Stage
from protocols.ids import GatewayId, OrganisationId
from protocols.mqtt.envelope import (
    ButtonData,
    ButtonSign,
    EventEnvelope,
    GatewayEventData,
    GatewayState,
    GatewayTrouble,
    PanelData,
    PanelFault,
)
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, Message

if TYPE_CHECKING:
    from hub.channels.port import Outgoing
    from tests.hub.desk import Office

OTHERS = OrganisationId("others")


def _topic(gateway: str, organisation: OrganisationId = ACME) -> str:
    return str(Topic(organisation, GatewayId(gateway), Channel.EVENT))


def _flooded(inbox: Inbox, count: int = 20_000, size: int = 100) -> list[Message]:
    sent = [Message(_topic("evil", OTHERS), bytes(size)) for _ in range(count)]
    for message in sent:
        inbox.put(message)  # type: ignore[arg-type]
    return sent


def test_an_alarm_is_in_the_next_batch_though_another_gateway_has_sent_twenty_thousand() -> None:
    inbox = Inbox()
    _flooded(inbox)
    inbox.put(Message(_topic("north"), b"alarm"))  # type: ignore[arg-type]

    assert b"alarm" in [message.payload for message in inbox.take(2, 0)]


def test_gateways_are_heard_in_turn_each_in_its_own_order() -> None:
    inbox = Inbox()
    for gateway in ("a", "b"):
        for number in range(3):
            inbox.put(Message(_topic(gateway), f"{gateway}{number}".encode()))  # type: ignore[arg-type]

    assert [message.payload for message in inbox.take(10, 0)] == [b"a0", b"b0", b"a1", b"b1", b"a2", b"b2"]
    assert inbox.take(10, 0) == []


def test_a_batch_holds_no_more_of_one_gateway_than_its_share() -> None:
    inbox = Inbox()
    _flooded(inbox, 500)
    for _ in range(3):
        inbox.put(Message(_topic("north"), b"alarm"))  # type: ignore[arg-type]

    assert len(inbox.take(256, 0)) == SHARE + 3
    assert len(inbox.take(256, 0)) == SHARE


def test_what_does_not_fit_is_given_back_to_its_gateway_and_counted() -> None:
    inbox = Inbox(each=10)
    sent = _flooded(inbox, 30)

    assert [bool(message.acknowledged) for message in sent] == [False] * 10 + [True] * 20
    assert inbox.dropped() == {_topic("evil", OTHERS): 20}
    assert inbox.dropped() == {}


def test_large_messages_fill_no_memory() -> None:
    inbox = Inbox(each_bytes=1000)
    _flooded(inbox, 30, size=300)

    assert len(inbox.take(100, 0)) == 3
    inbox.put(Message(_topic("evil", OTHERS), bytes(5000)))  # type: ignore[arg-type]
    assert len(inbox.take(100, 0)) == 1


def test_administrators_are_told_once_of_a_gateway_that_floods(office: Office) -> None:
    inbox = Inbox(each=1)
    watch = FloodWatch(office.store, office.routes, office.metrics, {"event": inbox})
    for _ in range(3):
        for _ in range(5):
            inbox.put(Message(_topic("north"), b"x"))  # type: ignore[arg-type]
        watch.step()
    office.dispatch()

    assert [(fault.kind, fault.subject) for fault in office.faults()] == [(FaultKind.GATEWAY_FLOODS, "north")]
    assert sorted(office.fault_mails()) == ["mo@acme.example", "sam@acme.example"]


def _press(office: Office, number: int, gateway: str = "north") -> Message:
    now = office.watch.now()
    data = ButtonData(button="wall", boot="b", number=number, sign=ButtonSign.PANIC)
    event = EventEnvelope(id=f"x{number}", source="x", time=now, receivedtime=now, data=data)
    return Message(_topic(gateway), event.to_json())


def test_three_hundred_presses_make_few_mails_and_none_is_left_unsaid(office: Office) -> None:
    office.ingest.step([_press(office, number) for number in range(1, 301)])  # type: ignore[arg-type]
    office.dispatch()

    everybody = ("mo@acme.example", "sam@acme.example")
    assert office.mails() == {(to, message): 1 for to in everybody for message in ("alarm", "joined")}
    assert {out.facts.count for out in office.mail.taken if out.facts.message == "joined"} == {299}
    assert any("(299 times)" in subject(out.facts) for out in office.mail.taken)


def test_a_further_press_is_told_of_at_once_and_the_next_ones_half_a_minute_later(office: Office) -> None:
    for number in range(1, 5):
        office.ingest.step([_press(office, number)])  # type: ignore[list-item]
        office.dispatch()
    assert office.mails()["sam@acme.example", "joined"] == 1

    office.pass_time(seconds=29)
    assert office.mails()["sam@acme.example", "joined"] == 1
    office.pass_time(seconds=1)
    told = [out.facts.count for out in office.mail.taken if (out.facts.message, out.target[:3]) == ("joined", "sam")]
    assert told == [1, 2]
    office.pass_time(seconds=2)
    office.ingest.step([_press(office, 5)])  # type: ignore[list-item]
    office.pass_time(seconds=1)
    assert office.mails()["sam@acme.example", "joined"] == 2


def test_the_ladder_goes_on_through_a_flood(office: Office) -> None:
    for second in range(60):
        office.ingest.step([_press(office, second + 1)])  # type: ignore[list-item]
        office.pass_time(seconds=1)

    assert office.mails()["sam@acme.example", "alarm"] == 2
    assert office.the_incident().state.rung == 1


def test_a_press_while_the_mail_about_the_last_one_is_under_way_is_told_of_later(office: Office) -> None:
    office.ingest.step([_press(office, 1), _press(office, 2)])  # type: ignore[list-item]
    keep = office.mail.send

    def send(outgoing: Outgoing) -> str:
        office.mail.send = keep  # type: ignore[method-assign]
        office.ingest.step([_press(office, 3)])  # type: ignore[list-item]
        return keep(outgoing)

    waiting = office.store.write(lambda tx: [one for one in outbox.lease(tx, "email", 9) if one.message == "joined"])
    office.mail.send = send  # type: ignore[method-assign]
    for item in waiting:
        office.dispatcher._handle(item)
    office.pass_time(seconds=31)

    told = [out.facts.count for out in office.mail.taken if (out.facts.message, out.target[:3]) == ("joined", "sam")]
    assert told == [1, 1]


def test_duress_is_never_merged(office: Office) -> None:
    for _ in range(3):
        office.hear(office.alarm.event(Cause.PANIC))
        office.hear(office.alarm.event(Cause.PANIC, Stage.DURESS, new=False))

    assert office.mails()["sam@acme.example", "duress"] == 3


def _junk(office: Office, count: int, size: int = 100) -> None:
    sent = [Message(_topic("north"), b"junk %d " % number + bytes(size)) for number in range(count)]
    office.ingest.step(sent)  # type: ignore[arg-type]
    office.dispatch()


def _kept(office: Office) -> list[tuple[int, str, str]]:
    columns = (unreadable.c.payload, unreadable.c.digest, unreadable.c.problems)
    rows = office.store.read(lambda tx: tx.connection.execute(select(*columns)).all())
    return [(len(row.payload), row.digest, row.problems) for row in rows]


def test_of_a_long_message_that_can_not_be_read_its_beginning_length_and_digest_are_kept(office: Office) -> None:
    message = Message(_topic("north"), b"\xff" * 100_000)
    office.ingest.step([message])  # type: ignore[list-item]

    ((size, digest, problems),) = _kept(office)
    assert (size, digest) == (KEPT, hashlib.sha256(message.payload).hexdigest())
    assert "100000 bytes" in problems


def test_no_end_of_junk_fills_no_disk_and_still_pages(office: Office) -> None:
    _junk(office, UNREADABLE_A_DAY + 50)
    assert len(_kept(office)) == UNREADABLE_A_DAY
    assert office.mails()["sam@acme.example", "alarm"] == 1

    office.desk(lambda desk: incidents.take(desk, ACME, office.the_incident().id, "sam"))
    _junk(office, UNREADABLE_A_DAY + 60)
    assert len(office.incidents()) == 1
    office.desk(lambda desk: incidents.close(desk, ACME, office.the_incident().id, "sam", IncidentOutcome.TEST, ""))
    _junk(office, UNREADABLE_A_DAY + 70)
    assert office.live("gateway:north") is not None
    assert len(_kept(office)) == UNREADABLE_A_DAY

    office.watch.forward(days=1, seconds=1)
    _junk(office, UNREADABLE_A_DAY + 80)
    assert len(_kept(office)) > UNREADABLE_A_DAY


def _says(office: Office, trouble: GatewayTrouble, detail: str) -> None:
    now = office.watch.now()
    data = GatewayEventData(trouble=trouble, detail=detail, boot="b")
    event = EventEnvelope(id="g1", source="x", time=now, receivedtime=now, data=data)
    office.ingest.step([Message(_topic("north"), event.to_json())])  # type: ignore[list-item]


def test_a_gateway_writes_no_mail_of_its_own(office: Office) -> None:
    _says(
        office,
        GatewayTrouble.SHEDDING,
        "x\n\nYour password\u202e has expired: https://evil.example/\x1b[2J" + "y" * 500,
    )
    (fault,) = office.faults()

    assert fault.detail.startswith('gateway north says: "x Your password has expired: https://evil.example/ [2Jyyy')
    assert len(fault.detail) < LONGEST + 30
    assert fault.detail.isprintable()


def test_a_panel_writes_no_mail_of_its_own(office: Office) -> None:
    panel = PanelData(faults={PanelFault.CABLE_CUT: "x\n\nSign in: https://evil.example/"})
    office.desk(lambda desk: panels.status(desk, ACME, GatewayId("north"), panel))

    assert office.faults()[0].detail == 'gateway north says: "x Sign in: https://evil.example/"'


@given(st.text())
def test_folded_text_is_one_printable_line(text: str) -> None:
    assert folded(text).isprintable()
    assert len(folded(text)) <= LONGEST


def test_what_a_gateway_says_of_itself_hides_nothing_that_the_hub_finds(office: Office) -> None:
    office.status(GatewayState.ONLINE)
    _says(office, GatewayTrouble.REFUSED, "harmless")
    for kind in (RefusalKind.CREDENTIAL_WRONG, RefusalKind.PUBLISH, RefusalKind.PUBLISH):
        refusal = Refusal(kind, "192.0.2.1", f"it tried: {kind}", ACME, "north")
        office.desk(lambda desk, refusal=refusal: access.tell(desk, refusal))
    office.dispatch()

    told = sorted(out.facts.what for out in office.mail.taken if out.target.startswith("sam"))
    assert told == [
        "access refused: it tried: publication",
        "access refused: it tried: wrong credential",
        'gateway refused something: gateway north says: "harmless"',
    ]


def test_a_gateway_with_large_messages_has_its_share_of_a_batch_in_bytes() -> None:
    inbox = Inbox()
    for _ in range(10):
        inbox.put(Message("tocsin/v1/acme/evil/presence", b"x" * SHARE_BYTES))  # type: ignore[arg-type]
    for number in range(5):
        inbox.put(Message(f"tocsin/v1/acme/g{number}/presence", b"small"))  # type: ignore[arg-type]
        inbox.put(Message(f"tocsin/v1/acme/g{number}/presence", b"small"))  # type: ignore[arg-type]
    batch = [message.topic for message in inbox.take(64, 0)]
    assert batch.count("tocsin/v1/acme/evil/presence") == 1
    assert len(batch) == 11
    assert len(inbox.take(64, 0)) == 1
