from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ids import Address, AddressError, GatewayId, OrganisationId
from protocols.location import FixSource, LocationFix
from protocols.mqtt import asyncapi, topics
from protocols.mqtt.envelope import (
    MAX_SIZE,
    EnvelopeError,
    EventEnvelope,
    FrameData,
    ReceiptEnvelope,
    TimeQuality,
    event_id,
    observed,
)
from protocols.mqtt.topics import Channel, Topic, TopicError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def _event() -> EventEnvelope:
    data = FrameData(address=Address("c0:ff:ee:00:00:01"), frame=b"\x41\x00", rssi=-70, boot="b00t")
    return EventEnvelope(id="e1", source="acme/north", time=NOW, receivedtime=NOW, data=data)


def test_an_event_on_the_wire_has_the_attribute_names_of_cloudevents() -> None:
    assert json.loads(_event().to_json()) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "acme/north",
        "type": "tocsin.event",
        "time": "2026-03-02T09:00:00Z",
        "timequality": "unsynchronised",
        "receivedtime": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "schemaversion": 1,
        "waited": 0,
        "replayed": False,
        "data": {"kind": "frame", "address": "C0:FF:EE:00:00:01", "frame": "4100", "rssi": -70, "boot": "b00t"},
    }


def test_what_is_written_reads_back_the_same() -> None:
    assert EventEnvelope.from_json(_event().to_json()) == _event()


def test_attributes_of_a_newer_sender_are_ignored() -> None:
    newer = json.loads(_event().to_json()) | {"traceparent": "00-1"}
    newer["data"]["colour"] = "red"
    assert EventEnvelope.from_json(json.dumps(newer).encode()) == _event()


def test_another_schema_version_is_refused_and_its_id_is_still_known() -> None:
    other = json.loads(_event().to_json()) | {"schemaversion": 2}
    with pytest.raises(EnvelopeError) as caught:
        EventEnvelope.from_json(json.dumps(other).encode())
    assert caught.value.claimed_id == "e1"
    assert caught.value.problems == ["schemaversion: Input should be 1"]


@pytest.mark.parametrize("missing", ["id", "source", "time", "receivedtime", "data"])
def test_a_missing_attribute_is_named(missing: str) -> None:
    broken = json.loads(_event().to_json())
    del broken[missing]
    with pytest.raises(EnvelopeError, match=missing):
        EventEnvelope.from_json(json.dumps(broken).encode())


def test_a_time_without_a_zone_is_refused() -> None:
    naive = json.loads(_event().to_json()) | {"time": "2026-03-02T09:00:00"}
    with pytest.raises(EnvelopeError, match="time"):
        EventEnvelope.from_json(json.dumps(naive).encode())


def test_an_endless_message_is_not_even_parsed() -> None:
    with pytest.raises(EnvelopeError, match="at most"):
        EventEnvelope.from_json(b" " * (MAX_SIZE + 1))


@given(st.binary(max_size=300))
def test_random_bytes_are_a_typed_error_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(EnvelopeError):
        EventEnvelope.from_json(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(json.loads(_event().to_json()))), json_values)
def test_any_value_in_any_attribute_is_read_or_a_typed_error(attribute: str, value: object) -> None:
    changed = json.loads(_event().to_json()) | {attribute: value}
    try:
        EventEnvelope.from_json(json.dumps(changed).encode())
    except EnvelopeError as refused:
        assert refused.problems


def test_a_receipt_says_when_it_was_committed_or_is_none() -> None:
    with pytest.raises(EnvelopeError, match="recordedtime"):
        ReceiptEnvelope.from_json(
            b'{"id":"r","source":"s","time":"2026-03-02T09:00:00Z","data":{"event":"e","outcome":"recorded"}}'
        )


def test_an_event_id_is_the_same_from_every_gateway() -> None:
    assert event_id(Address("C0:FF:EE:00:00:01"), 3, 4, 2) == "c0ffee000001-3-4-2"


def test_observed_is_received_less_the_age() -> None:
    assert observed(NOW, 30) == NOW - timedelta(seconds=30)
    assert observed(NOW, None) == NOW


@pytest.mark.parametrize("channel", Channel)
def test_a_topic_reads_back_the_same(channel: Channel) -> None:
    topic = Topic(OrganisationId("acme"), GatewayId("north-1"), channel)
    assert topics.parse(str(topic)) == topic
    assert str(topic) == f"tocsin/v1/acme/north-1/{channel}"


@pytest.mark.parametrize(
    "topic",
    ["", "tocsin/v1/acme/north", "tocsin/v2/acme/north/event", "tocsin/v1/acme/north/other", "tocsin/v1/a+/n/event",
     "tocsin/v1/acme/north/event/more", "tocsin/v1/Acme/north/event", "tocsin/v1/acme/north/event\n", "$SYS/broker"],
)  # fmt: skip
def test_a_topic_outside_the_tree_is_refused(topic: str) -> None:
    with pytest.raises(TopicError):
        topics.parse(topic)


@given(st.text(max_size=80))
def test_any_topic_is_read_or_a_typed_error(topic: str) -> None:
    try:
        assert str(topics.parse(topic)) == topic
    except TopicError as refused:
        assert refused.topic == topic


@pytest.mark.parametrize("text", ["", "C0FFEE000001", "C0:FF:EE:00:00", "C0:FF:EE:00:00:0G", "C0:FF:EE:00:00:01\n"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        Address(text)


def test_a_fix_from_a_clock_ahead_is_not_younger_than_now() -> None:
    fix = LocationFix(
        latitude=51.5, longitude=-0.1, accuracy_m=5, fixed_at=NOW + timedelta(hours=1), source=FixSource.GNSS
    )
    assert fix.age_s(NOW) == 0


def test_the_asyncapi_document_is_the_one_the_models_make() -> None:
    assert json.loads(DOCUMENT.read_text("utf-8")) == asyncapi.document()


def test_the_asyncapi_document_resolves_every_reference() -> None:
    document = asyncapi.document()
    for reference in _references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def test_an_event_on_the_wire_is_valid_by_the_published_schema() -> None:
    import jsonschema

    document = asyncapi.document()
    schema = {"$ref": "#/components/schemas/EventEnvelope", "components": document["components"]}
    jsonschema.validate(json.loads(_event().to_json()), schema)
    assert _event().timequality is TimeQuality.UNSYNCHRONISED
