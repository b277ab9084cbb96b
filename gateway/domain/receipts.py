"""Whether the hub's receipt is for the event that it names.

A receipt names an event by its id, and an id is easily claimed: the hub answers any gateway with the id that the
gateway sent, and tells every gateway near the device. So a device's event is taken off the outbox only by what nobody
but the hub can make: the downlink sealed under that device's key, *stored*, for just this epoch, sequence and stage. It
is sealed under the generation of the frame that it answers, which may be one that has been followed by another since.

*Unreadable* carries no such proof, for the hub could not open what it got. It is believed nevertheless: the hub answers
it only to the gateway that sent the message, on that gateway's own topic, to which the broker lets only the hub
publish. The alarm is not lost by it, since the hub keeps the message raw and pages somebody. Not believing it would
send the same bytes for ever.

An event of the gateway itself has no device and no key. It goes by its id, which holds the gateway's random boot id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.hearing import key_in
from gateway.domain.keyring import address_in
from protocols.ble import aes, downlink
from protocols.mqtt.envelope import Outcome

if TYPE_CHECKING:
    from gateway.domain.hearing import EventKey
    from gateway.domain.keyring import Keyring
    from gateway.domain.outgoing import Outgoing
    from protocols.enrolment import DeviceKey
    from protocols.mqtt.envelope import ReceiptData


def belongs(receipt: ReceiptData, event: Outgoing, keyring: Keyring) -> bool:
    """Whether ``event`` need not be sent again after this receipt of its id, which came on the gateway's own topic.

    Args:
        receipt: what the hub says.
        event: what waits under the id that it names.
        keyring: of the expected devices. An event of any other is kept: nothing can prove its receipt.
    """
    if receipt.event != event.id:
        return False
    if event.device is None or receipt.outcome is Outcome.UNREADABLE:
        return True
    if receipt.address is None or receipt.address != address_in(event.device):
        return False
    expected = key_in(event.id)
    return expected is not None and any(_stored(receipt, key) == expected for key in keyring.proving(event.device))


def _stored(receipt: ReceiptData, key: DeviceKey) -> EventKey | None:
    """The event of the device that the downlink, sealed under this key, says is stored."""
    if receipt.downlink is None:
        return None
    opened = downlink.open_(aes.block(key.key), key.address.octets, receipt.downlink)
    if opened is None or opened[0] != downlink.KIND_RECEIPT:
        return None
    _, _, epoch, sequence, code, _ = opened
    return epoch, sequence, code
