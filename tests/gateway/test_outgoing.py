from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gateway.domain.moment import Moment
from gateway.domain.outgoing import Outgoing, Rank, frame_event, plausible, rank_of, trouble_event
from protocols.events import Cause, Stage
from protocols.mqtt.envelope import EventEnvelope, FrameData, GatewayEventData, GatewayTrouble, TimeQuality
from protocols.mqtt.topics import Channel
from tests.gateway.air import ADDRESS, SPEAKER, START, frame, opened, panic

NOW = Moment(START, 0.0, synchronised=True)


def envelope(service_data: bytes, now: Moment = NOW) -> EventEnvelope:
    return EventEnvelope.from_json(frame_event(SPEAKER, opened(service_data), device="d", now=now).payload)


def test_an_event_has_the_same_id_on_every_repeat() -> None:
    assert envelope(panic(1)).id == envelope(panic(2)).id == "c0ffee000001-1-1-2"


def test_the_frame_travels_sealed_as_it_was_heard() -> None:
    data = envelope(panic(3)).data
    assert isinstance(data, FrameData)
    assert (data.address, data.frame, data.boot) == (ADDRESS, panic(3), "b007")


def test_an_event_happened_when_the_device_says_and_was_received_now() -> None:
    made = envelope(panic(1, age=90))
    assert (made.time, made.receivedtime) == (START - timedelta(seconds=90), START)
    assert made.timequality is TimeQuality.SYNCHRONISED


def test_a_gateway_whose_clock_follows_nobody_says_so() -> None:
    assert envelope(panic(1), Moment(START, 0.0)).timequality is TimeQuality.UNSYNCHRONISED


def test_an_event_of_unknown_age_is_dated_when_it_was_heard_and_says_so() -> None:
    made = envelope(panic(1, age=9999))
    assert (made.time, made.timequality) == (START, TimeQuality.UNKNOWN)


@pytest.mark.parametrize(
    ("stage", "cause", "rank"),
    [
        (Stage.PRE_ALARM, Cause.FALL, Rank.ALARM),
        (Stage.ALARM, Cause.PANIC, Rank.ALARM),
        (Stage.DURESS, Cause.PANIC, Rank.ALARM),
        (Stage.CANCELLED, Cause.FALL, Rank.CANCEL),
        (Stage.NOTICE, Cause.CHECK_IN, Rank.NOTICE),
    ],
)
def test_a_duress_cancel_ranks_as_an_alarm_and_a_check_in_last(stage: Stage, cause: Cause, rank: Rank) -> None:
    assert rank_of(opened(frame(1, sequence=1, cause=cause, stage=stage)).report) is rank


@pytest.mark.parametrize("payload", [b"", b"{broken", b"[1]", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_envelope_goes_out_as_it_is(payload: bytes) -> None:
    assert Outgoing("e", Rank.ALARM, payload, START).sent_at(9, started=0) == payload


def test_a_stamped_envelope_keeps_what_this_version_does_not_know() -> None:
    newer = Outgoing("e", Rank.ALARM, b'{"id":"e","colour":"r\xc3\xb6t","waited":7}', START)
    assert json.loads(newer.sent_at(9.9, started=0)) == {"id": "e", "colour": "röt", "waited": 9}


def test_each_trouble_of_a_gateway_is_an_event_of_its_own() -> None:
    first, second = (trouble_event(SPEAKER, GatewayTrouble.BLIND, "nothing", number=n, now=NOW) for n in (1, 2))
    assert first.id != second.id
    data = EventEnvelope.from_json(first.payload).data
    assert data == GatewayEventData(trouble=GatewayTrouble.BLIND, detail="nothing", boot="b007")


@pytest.mark.parametrize(("rssi", "said"), [(-60, -60), (127, -128), (-300, -128), (20, 20)])
def test_a_strength_that_is_not_known_never_makes_an_envelope_unreadable(rssi: int, said: int) -> None:
    assert plausible(rssi) == said


def test_topics_carry_organisation_and_gateway() -> None:
    assert SPEAKER.topic(Channel.EVENT) == "tocsin/v1/charity/porch/event"
    assert SPEAKER.client_id("alarm") == "charity.porch.alarm"
