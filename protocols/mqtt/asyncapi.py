"""The AsyncAPI 3 document, generated from the envelopes: ``python -m protocols.mqtt.asyncapi``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from protocols.mqtt.envelope import (
    SCHEMA_VERSION,
    CommandEnvelope,
    Envelope,
    EventEnvelope,
    PositionEnvelope,
    PresenceEnvelope,
    ReceiptEnvelope,
    StatusEnvelope,
)
from protocols.mqtt.topics import HUB, ROOT, Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVELOPES: Final[Mapping[Channel, type[Envelope[Any]]]] = {
    Channel.STATUS: StatusEnvelope,
    Channel.EVENT: EventEnvelope,
    Channel.PRESENCE: PresenceEnvelope,
    Channel.POSITION: PositionEnvelope,
    Channel.RECEIPT: ReceiptEnvelope,
    Channel.COMMAND: CommandEnvelope,
}
_RETAINED: Final = {Channel.STATUS}
_FROM_HUB: Final = {Channel.RECEIPT, Channel.COMMAND}
_PARAMETERS: Final = {
    "organisation": {"description": "Id of the organisation; the broker's access list decides it."},
    "gateway": {"description": f"Id of the gateway; never '{HUB}'."},
}
_SCHEMA_REFERENCES: Final = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The whole document, as JSON-ready values."""
    schemas: dict[str, Any] = {}
    messages = {channel.value: _message(envelope, schemas) for channel, envelope in _ENVELOPES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tocsin over MQTT",
            "version": f"{SCHEMA_VERSION}.0.0",
            "description": "Between gateways and the hub. A PUBACK proves nothing about the hub: only a receipt does.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {**{channel.value: _channel(channel) for channel in Channel}, "hubStatus": _hub_status()},
        "operations": {
            **{channel.value: _operation(channel) for channel in Channel},
            "hubStatus": _hub_operation(),
        },
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _message(envelope: type[Envelope[Any]], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = envelope.model_json_schema(mode="serialization", ref_template=_SCHEMA_REFERENCES)
    schemas.update(schema.pop("$defs", {}))
    schemas[envelope.__name__] = schema
    return {"name": envelope.__name__, "payload": {"$ref": f"#/components/schemas/{envelope.__name__}"}}


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{organisation}}/{{gateway}}/{channel}",
        "parameters": dict(_PARAMETERS),
        "messages": {channel.value: {"$ref": f"#/components/messages/{channel}"}},
    }


def _hub_status() -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{organisation}}/{HUB}/{Channel.STATUS}",
        "parameters": {"organisation": _PARAMETERS["organisation"]},
        "messages": {"status": {"$ref": "#/components/messages/status"}},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel in _FROM_HUB else "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"The hub {'sends' if channel in _FROM_HUB else 'receives'} {channel}s.",
        "bindings": {"mqtt": {"qos": 1, "retain": channel in _RETAINED, "bindingVersion": "0.2.0"}},
    }


def _hub_operation() -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/hubStatus"},
        "summary": "The hub says whether it is there; the broker says it when it is not.",
        "bindings": {"mqtt": {"qos": 1, "retain": True, "bindingVersion": "0.2.0"}},
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))  # noqa: T201 - this is its output
