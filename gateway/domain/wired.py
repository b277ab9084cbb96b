"""The events of a button on a wire, as envelopes. An alarm like any other: kept until receipted, sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.outgoing import Outgoing, Rank, clock_quality
from protocols.mqtt.envelope import ButtonData, ButtonSign, EventEnvelope, button_event_id

if TYPE_CHECKING:
    from gateway.domain.moment import Moment
    from gateway.domain.outgoing import Speaker


def button_event(speaker: Speaker, button: str, sign: ButtonSign, *, number: int, now: Moment) -> Outgoing:
    """The ``number``-th event of this button since the gateway started."""
    data = ButtonData(button=button, boot=speaker.boot, number=number, sign=sign, gateway=speaker.gateway)
    envelope = EventEnvelope(
        id=button_event_id(speaker.gateway, data),
        source=speaker.source,
        time=now.wall,
        timequality=clock_quality(now),
        receivedtime=now.wall,
        data=data,
    )
    rank = Rank.NOTICE if sign is ButtonSign.TEST else Rank.ALARM
    return Outgoing(envelope.id, rank, envelope.to_json(), now.wall, ticks=now.ticks)


def is_alarm(event: Outgoing) -> bool:
    """Whether an event of the outbox is such an alarm, and new: it is nobody's device's, and no trouble."""
    return event.device is None and event.rank is Rank.ALARM and not event.replayed
