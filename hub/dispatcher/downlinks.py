"""Stages and questions to devices, repeated until the device itself says that it shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hub.cases import notify, telling
from hub.cases.desk import Desk
from hub.cases.device_keys import REKEY
from hub.cases.panels import PANEL
from hub.dispatcher import panels
from hub.store import faults, outbox, presence
from hub.store.events import Spoken
from hub.store.faults import FaultKind
from hub.store.outbox import ItemState
from protocols.ble import downlink
from protocols.events import Told
from protocols.ids import Address, EventIdentity
from protocols.mqtt.envelope import CommandData, CommandEnvelope
from protocols.mqtt.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.cases.desk import Routes
    from hub.store.outbox import Item
    from hub.store.presence import Presence
    from hub.store.store import Tx

EXPIRES: Final = timedelta(seconds=60)
SAY_SO: Final = timedelta(seconds=60)
"""A wearer not told within this is a fault that people hear of."""
GIVE_UP: Final = timedelta(minutes=30)
_BACKOFF_S: Final = (3, 5, 10, 20, 30)
_ASK_TRIES: Final = 3
_BLIND_TRIES: Final = 4


def send(tx: Tx, *, item: Item, publish: Callable[[str, bytes], bool], routes: Routes) -> None:
    """Send one downlink to every gateway that may reach the device, or see that it is done.

    A sealed downlink that is published although this transaction fails does no harm: the next one has a counter that
    is at least as high, and says the same.
    """
    if item.message == PANEL:
        panels.send(tx, item=item, publish=publish)
        return
    if not outbox.is_wanted(tx, item):
        return
    address = Address(str(item.recipient))
    if item.message == REKEY:
        said = _publish(tx, item, telling.rekey(tx, item.organisation, address), publish)
        outbox.finish(tx, item, ItemState.SENT, said)
        return
    seen = presence.of_device(tx, item.organisation, address)
    waited = tx.now - item.created_at
    if _is_shown(item, seen):
        outbox.finish(tx, item, ItemState.SENT, "the device shows it")
        faults.clear(tx, item.organisation, FaultKind.WEARER_NOT_TOLD, address)
        return
    if item.message == "stage" and waited > SAY_SO:
        detail = f"{address} has not shown for {int(waited.total_seconds())} s what its wearer should know"
        notify.fault(Desk(tx, routes), item.organisation, FaultKind.WEARER_NOT_TOLD, address, detail)
    if waited > GIVE_UP or (item.message == outbox.ASK and item.attempts >= _ASK_TRIES):
        outbox.finish(tx, item, ItemState.FAILED, "the device never showed it")
    else:
        said = _publish(tx, item, _seal(tx, item, address, seen), publish)
        outbox.retry(tx, item, tx.now + timedelta(seconds=_wait(item)), said)


def _wait(item: Item) -> int:
    return _BACKOFF_S[min(item.attempts, len(_BACKOFF_S) - 1)]


def _identity(address: Address, payload: Any) -> EventIdentity:  # noqa: ANN401 - JSON
    return EventIdentity(address, int(payload["epoch"]), int(payload["sequence"]))


def _spoken(address: Address, payload: Any) -> Spoken:  # noqa: ANN401 - JSON
    """A row from before there were generations knows none."""
    return Spoken(_identity(address, payload), int(payload.get("enrolment", 1)), int(payload.get("generation", 0)))


def _is_shown(item: Item, seen: Presence | None) -> bool:
    """The newest authentic frame of the device says so itself.

    A frame about a newer event can't say it; after some attempts *closed* is taken as shown then.
    """
    if seen is None or item.message != "stage":
        return False
    wanted, about = Told(int(item.payload["told"])), _identity(seen.address, item.payload)
    if seen.identity == about:
        return seen.told is wanted or (seen.told is not Told.NOT_DELIVERED and seen.told > wanted)
    return wanted is Told.CLOSED and seen.identity > about and item.attempts >= _BLIND_TRIES


def _seal(tx: Tx, item: Item, address: Address, seen: Presence | None) -> bytes | None:
    if item.message == "stage":
        told = int(item.payload["told"])
        return telling.stage(tx, item.organisation, _spoken(address, item.payload), told)
    if seen is None:
        return None
    return telling.command(tx, item.organisation, seen, downlink.COMMAND_ASK)


def _publish(tx: Tx, item: Item, sealed: bytes | None, publish: Callable[[str, bytes], bool]) -> str:
    if sealed is None:
        return "nothing to say: the device was never heard, or has what it needs"
    address = Address(str(item.recipient))
    data = CommandData(address=address, downlink=sealed, expires_at=tx.now + EXPIRES)
    envelope = CommandEnvelope(
        id=f"{item.id}-{item.attempts}",
        source=f"{item.organisation}/hub",
        subject=address,
        time=tx.now,
        data=data,
    ).to_json()
    gateways = telling.gateways_near(tx, item.organisation, address)
    taken = [
        gateway for gateway in gateways if publish(str(Topic(item.organisation, gateway, Channel.COMMAND)), envelope)
    ]
    return f"sent to {', '.join(taken)}" if taken else "no gateway could be reached"
