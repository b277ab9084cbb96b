"""The hub's end of the wire: notes what comes, and gives receipts when told to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from protocols.ble import downlink
from protocols.mqtt.envelope import (
    EventEnvelope,
    FrameData,
    Outcome,
    PresenceData,
    PresenceEnvelope,
    ReceiptData,
    ReceiptEnvelope,
    StatusData,
    StatusEnvelope,
)
from protocols.mqtt.topics import Channel, from_gateways
from tests.gateway.air import KEY, SPEAKER, from_hub
from tocsin.mqtt import Connection, Received
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from types import TracebackType


class Hub:
    """Use it as a context: connected at its beginning."""

    def __init__(self, port: int, key: bytes = KEY, settings: MqttSettings | None = None) -> None:
        self._key = key
        self.receipting = True
        self.events: list[EventEnvelope] = []
        self.statuses: list[StatusData] = []
        self.digests: list[PresenceData] = []
        self._counter = 0
        self._readers = {
            str(SPEAKER.topic(Channel.EVENT)): self._event,
            str(SPEAKER.topic(Channel.STATUS)): self._status,
            str(SPEAKER.topic(Channel.PRESENCE)): self._presence,
        }
        topics = [from_gateways(channel) for channel in (Channel.EVENT, Channel.STATUS, Channel.PRESENCE)]
        settings = settings or MqttSettings(port=port)
        self._connection = Connection(settings, client_id="hub", subscriptions=topics, on_message=self._message)

    def __enter__(self) -> Self:
        self._connection.start()
        assert self._connection.wait_connected(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._connection.stop()

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    def publish(self, channel: Channel, payload: bytes) -> None:
        assert self._connection.publish(SPEAKER.topic(channel), payload)

    def _message(self, message: Received) -> None:
        self._readers[message.topic](message.payload)
        message.acknowledge()

    def _event(self, payload: bytes) -> None:
        event = EventEnvelope.from_json(payload)
        self.events.append(event)
        if self.receipting:
            self._receipt(event)

    def _status(self, payload: bytes) -> None:
        self.statuses.append(StatusEnvelope.from_json(payload).data)

    def _presence(self, payload: bytes) -> None:
        self.digests.append(PresenceEnvelope.from_json(payload).data)

    def _receipt(self, event: EventEnvelope) -> None:
        self._counter += 1
        address = value = None
        if isinstance(event.data, FrameData):
            address = event.data.address
            epoch, sequence, stage = map(int, event.id.split("-")[1:])
            value = from_hub(downlink.KIND_RECEIPT, self._counter, stage, epoch=epoch, sequence=sequence, key=self._key)
        now = datetime.now(UTC)
        data = ReceiptData(event=event.id, outcome=Outcome.RECORDED, address=address, downlink=value)
        receipt = ReceiptEnvelope(id=f"r{self._counter}", source="charity/hub", time=now, recordedtime=now, data=data)
        self.publish(Channel.RECEIPT, receipt.to_json())
