"""A gateway in wrong hands: what it can't do to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.ingest.flooding import FloodWatch
from hub.ingest.inbox import Inbox
from hub.store.faults import FaultKind
from protocols.ids import GatewayId, OrganisationId
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, Message

if TYPE_CHECKING:
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
