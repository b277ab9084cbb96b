"""Stages to panels, repeated until the panel itself says that it shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.store import outbox, wired_events
from hub.store.outbox import ItemState
from protocols.ids import GatewayId
from protocols.mqtt.envelope import CommandEnvelope, PanelTold, StageData
from protocols.mqtt.topics import HUB, Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.outbox import Item
    from hub.store.store import Tx

GIVE_UP: Final = timedelta(minutes=30)
"""A panel that comes back later than this catches up by its status."""
_BACKOFF_S: Final = (3, 5, 10, 20, 30)


def send(tx: Tx, *, item: Item, publish: Callable[[str, bytes], bool]) -> None:
    """Send one stage to its panel, or see that it is done."""
    if not outbox.is_wanted(tx, item):
        return
    data = StageData(event=str(item.payload["event"]), told=PanelTold(item.payload["shows"]))
    seen = wired_events.by_id(tx, item.organisation, str(item.recipient), data.event)
    if seen is not None and seen.told is data.told:
        outbox.finish(tx, item, ItemState.SENT, "the panel shows it")
    elif tx.now - item.created_at > GIVE_UP:
        outbox.finish(tx, item, ItemState.FAILED, "the panel never showed it")
    else:
        said = "sent" if publish(*_message(tx, item, data)) else "the broker could not be reached"
        wait = _BACKOFF_S[min(item.attempts, len(_BACKOFF_S) - 1)]
        outbox.retry(tx, item, tx.now + timedelta(seconds=wait), said)


def _message(tx: Tx, item: Item, data: StageData) -> tuple[str, bytes]:
    envelope = CommandEnvelope(
        id=f"{item.id}-{item.attempts}",
        source=f"{item.organisation}/{HUB}",
        subject=item.recipient,
        time=tx.now,
        data=data,
    )
    return str(Topic(item.organisation, GatewayId(str(item.recipient)), Channel.COMMAND)), envelope.to_json()
