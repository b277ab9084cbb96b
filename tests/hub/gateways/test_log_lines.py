"""What Mosquitto writes when it refuses. Every line was taken from a running 2.0.11 (Debian 2.0.11-1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.broker.log_lines import LogLines
from hub.cases.access import RefusalKind

if TYPE_CHECKING:
    from hub.cases.access import Refusal

CONNECTED = """\
2026-11-22T10:17:50: New connection from 192.0.2.7:56004 on port 8883.
2026-11-22T10:17:50: New client connected from 192.0.2.7:56004 as acme.north.alarm (p5, c1, k60, u'acme.north.1.alarm').
2026-11-22T10:17:50: No will message specified.
2026-11-22T10:17:50: Sending CONNACK to acme.north.alarm (0, 0)
"""
PUBLISH = """\
2026-11-22T10:17:50: Denied PUBLISH from acme.north.alarm (d0, q1, r0, m1, 'tocsin/v1/acme/south/event', ... (9 bytes))
2026-11-22T10:17:50: Sending PUBACK to acme.north.alarm (m1, rc135)
"""
SUBSCRIBE = """\
2026-11-22T10:17:50: Received SUBSCRIBE from acme.north.alarm
2026-11-22T10:17:50: \ttocsin/v1/acme/south/command (QoS 1)
2026-11-22T10:17:50: \ttocsin/v1/acme/north/command (QoS 1)
2026-11-22T10:17:50: acme.north.alarm 1 tocsin/v1/acme/north/command
2026-11-22T10:17:50: Sending SUBACK to acme.north.alarm
"""
WILL = """\
2026-11-22T10:17:51: New connection from 192.0.2.7:56032 on port 8883.
2026-11-22T10:17:51: New client connected from 192.0.2.7:56032 as acme.north.alarm (p5, c1, k5, u'acme.north.1.alarm').
2026-11-22T10:17:51: Will message specified (4 bytes) (r0, q0).
2026-11-22T10:17:51: \ttocsin/v1/acme/south/status
2026-11-22T10:17:51: Sending CONNACK to acme.north.alarm (0, 0)
"""
REFUSED = """\
2026-11-22T10:17:52: New connection from 192.0.2.7:56048 on port 8883.
2026-11-22T10:17:52: Sending CONNACK to 192.0.2.7 (0, 135)
2026-11-22T10:17:52: Client <unknown> disconnected, not authorised.
"""
ORDINARY = """\
1795342752: mosquitto version 2.0.11 starting
1795342752: Warning: Mosquitto should not be run as root/administrator.
2026-11-22T10:17:53: Client acme.north.alarm already connected, closing old connection.
2026-11-22T10:17:50: Bad socket read/write on client acme.north.alarm: Unknown error.
2026-11-22T10:17:51: Received DISCONNECT from acme.north.alarm
2026-11-22T10:17:51: Client acme.north.alarm disconnected.
1795342752: Received PUBLISH from acme.north.alarm (d0, q1, r0, m2, 'tocsin/v1/acme/north/event', ... (9 bytes))
2026-11-22T10:39:00: Sending PUBACK to acme.north.alarm (m2, rc0)
2026-11-22T10:39:00: dynsec: hub.c9e5339e.access/tocsin-admin | createClient | username=tocsin-hub | password=*****
"""


def read(*texts: str) -> list[Refusal]:
    lines = LogLines()
    return [refusal for text in texts for line in text.splitlines() for refusal in lines.feed(line)]


def test_a_denied_publication_names_the_gateway_its_address_and_the_topic() -> None:
    (refusal,) = read(CONNECTED, PUBLISH)
    assert refusal.kind is RefusalKind.PUBLISH
    assert (refusal.organisation, refusal.gateway, refusal.source) == ("acme", "north", "192.0.2.7")
    assert "tocsin/v1/acme/south/event" in refusal.detail


def test_of_two_filters_only_the_denied_one_is_told() -> None:
    (refusal,) = read(CONNECTED, SUBSCRIBE)
    assert (refusal.kind, refusal.gateway) == (RefusalKind.SUBSCRIBE, "north")
    assert "south/command" in refusal.detail


def test_a_filter_denied_last_is_told_too() -> None:
    lines = SUBSCRIBE.splitlines()
    (refusal,) = read("\n".join([lines[0], lines[2], lines[3], lines[1], lines[4]]))
    assert "south/command" in refusal.detail


def test_a_last_will_for_another_is_told_although_the_broker_says_nothing_of_it() -> None:
    (refusal,) = read(WILL)
    assert (refusal.kind, refusal.gateway, refusal.source) == (RefusalKind.WILL, "north", "192.0.2.7")


def test_a_gateways_own_last_will_is_none() -> None:
    assert read(WILL.replace("south", "north")) == []


@pytest.mark.parametrize("reason", [4, 5, 134, 135])
def test_a_refused_connection_names_the_gateway_that_lives_at_that_address(reason: int) -> None:
    (refusal,) = read(CONNECTED, REFUSED.replace("135", str(reason)))
    assert (refusal.kind, refusal.gateway, refusal.source) == (RefusalKind.CONNECT, "north", "192.0.2.7")


def test_a_refused_connection_from_where_no_gateway_or_several_are_names_the_address() -> None:
    (unknown,) = read(REFUSED)
    assert (unknown.organisation, unknown.gateway, unknown.source) == (None, None, "192.0.2.7")
    (either,) = read(CONNECTED, CONNECTED.replace("north", "south"), REFUSED)
    assert (either.gateway, either.source) == (None, "192.0.2.7")


def test_a_broker_that_tells_the_client_id_is_understood_too() -> None:
    (refusal,) = read(CONNECTED, REFUSED.replace("CONNACK to 192.0.2.7", "CONNACK to acme.north.alarm"))
    assert (refusal.kind, refusal.gateway) == (RefusalKind.CONNECT, "north")


def test_nothing_else_is_a_refusal() -> None:
    assert read(ORDINARY, CONNECTED, ORDINARY) == []


def test_what_an_attacker_writes_into_a_topic_names_nobody_else() -> None:
    forged = "x', ... (1 bytes)) Denied PUBLISH from others.south.alarm (d0, q1, r0, m1, 'y"
    (refusal,) = read(CONNECTED, PUBLISH.replace("tocsin/v1/acme/south/event", forged))
    assert (refusal.organisation, refusal.gateway) == ("acme", "north")
    (refusal,) = read(CONNECTED, SUBSCRIBE.replace("tocsin/v1/acme/south/command", "acme.north.alarm 1 x"))
    assert refusal.kind is RefusalKind.SUBSCRIBE


def test_a_topic_that_is_very_long_is_told_in_part() -> None:
    (refusal,) = read(CONNECTED, PUBLISH.replace("south", "s" * 60_000))
    assert len(refusal.detail) < 300


LINES = (CONNECTED + PUBLISH + SUBSCRIBE + WILL + REFUSED + ORDINARY).splitlines()


@given(st.lists(st.sampled_from(LINES) | st.text(), max_size=30))
def test_lines_in_any_order_and_any_text_are_survived(lines: list[str]) -> None:
    read("\n".join(lines))
