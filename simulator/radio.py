"""The air: who hears whom, how well, and what goes wrong.

A link between controllers in one process. Where stations are and what stands between them is decided by a
:class:`Propagation`; what breaks on purpose by :class:`Faults`; luck by dice that are each link's own, so that one
link's traffic never changes another's luck.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, Protocol

from bumble import hci, ll
from bumble.link import LocalLink

from simulator.controller import Advertisement, RadioController

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bumble.core import PhysicalTransport

SUPERVISION_TIMEOUT_S: Final = 1.0
_CONNECTION_INTERVAL_S: Final = 0.030
_MOST_RETRIES: Final = 100
_IN_ORDER_S: Final = 1e-6
_REMEMBERED: Final = 50


@dataclass(frozen=True, slots=True)
class Reception:
    """How a station is received just now.

    Attributes:
        rssi_dbm: signal strength.
        loss: probability that one advertisement is not heard, 0 to 1.
    """

    rssi_dbm: int
    loss: float = 0.0


class Propagation(Protocol):
    """Who hears whom."""

    def between(self, sender: str, receiver: str) -> Reception | None:
        """Reception of station ``sender`` at station ``receiver`` just now; ``None`` = out of range."""


class Everywhere:
    """A :class:`Propagation` without walls: everybody hears everybody equally well."""

    def __init__(self, rssi_dbm: int = -50, loss: float = 0.0) -> None:
        self.reception = Reception(rssi_dbm, loss)

    def between(self, sender: str, receiver: str) -> Reception | None:  # noqa: ARG002 - the same for all
        return self.reception


@dataclass
class Faults:
    """What is broken on purpose; may be changed at any time.

    Attributes:
        jammed: nobody hears anything.
        muted: stations that neither send nor hear.
        loss: probability of losing an advertisement on any link, on top of the link's own.
        loss_at: the same for all links of one station.
        repeats: probability that an advertisement is reported twice.
    """

    jammed: bool = False
    muted: set[str] = field(default_factory=set)
    loss: float = 0.0
    loss_at: dict[str, float] = field(default_factory=dict)
    repeats: float = 0.0

    def cuts(self, sender: str, receiver: str) -> bool:
        return self.jammed or not self.muted.isdisjoint((sender, receiver))

    def added_to(self, loss: float, sender: str, receiver: str) -> float:
        """``loss`` together with the losses switched on here, as if each struck on its own."""
        arrives = 1.0 - loss
        for other in (self.loss, self.loss_at.get(sender, 0.0), self.loss_at.get(receiver, 0.0)):
            arrives *= 1.0 - other
        return 1.0 - arrives


@dataclass(slots=True)
class _Pipe:
    """One direction of one link: its dice, and when its last packet gets through."""

    dice: Random
    busy_until: float = 0.0


class VirtualLink(LocalLink):  # type: ignore[misc]  # bumble is untyped to mypy
    """The air between :class:`~simulator.controller.RadioController` s.

    An advertisement is heard once or not at all. A packet of a connection is sent again until it gets through, so loss
    costs it time; a peer that can't be reached for :data:`SUPERVISION_TIMEOUT_S` is disconnected at both ends.

    Args:
        propagation: who hears whom.
        seed: of all dice.

    Attributes:
        heard_at: when a receiver last heard an advertisement of a sender, by (sender, receiver), on the loop's clock.
    """

    def __init__(self, propagation: Propagation, seed: int) -> None:
        super().__init__()
        self.controllers: list[RadioController] = []
        self.faults = Faults()
        self.heard_at: dict[tuple[str, str], float] = {}
        self._said: dict[str, deque[Advertisement]] = {}
        self._propagation = propagation
        self._seed = seed
        self._pipes: dict[tuple[str, str], _Pipe] = {}
        self._silent_since: dict[tuple[str, object], float] = {}

    def station(self, name: str, host_source: object = None, host_sink: object = None) -> RadioController:
        """Put a controller on the air."""
        return RadioController(name, self, Random(f"{self._seed}/{name}"), host_source, host_sink)

    def add_controller(self, controller: RadioController) -> None:
        self.controllers.append(controller)

    def reception(self, sender: str, receiver: str) -> Reception | None:
        """Reception just now with the faults that are switched on; ``None`` = nothing is heard."""
        if self.faults.cuts(sender, receiver):
            return None
        undisturbed = self._propagation.between(sender, receiver)
        if undisturbed is None:
            return None
        loss = self.faults.added_to(undisturbed.loss, sender, receiver)
        return Reception(undisturbed.rssi_dbm, loss) if loss < 1.0 else None

    def send_advertising_pdu(self, sender_controller: RadioController, packet: Advertisement | ll.ConnectInd) -> None:
        if isinstance(packet, Advertisement):
            self._note(sender_controller.name, packet)
            for receiver in self.controllers:
                if receiver is not sender_controller and receiver.is_listening:
                    self._advertise(sender_controller, receiver, packet)
        else:
            asyncio.get_running_loop().call_soon(self._connect, sender_controller, packet)

    def _note(self, sender: str, packet: Advertisement) -> None:
        said = self._said.setdefault(sender, deque(maxlen=_REMEMBERED))
        if not said or said[-1].data != packet.data:
            said.append(packet)

    def said(self, sender: str) -> list[Advertisement]:
        """The last different advertisements of a station, the newest last: what an eavesdropper has."""
        return list(self._said.get(sender, ()))

    def _advertise(self, sender: RadioController, receiver: RadioController, packet: Advertisement) -> None:
        reception = self.reception(sender.name, receiver.name)
        dice = self._pipe(sender.name, receiver.name).dice
        if reception is None or dice.random() < reception.loss:
            return
        loop = asyncio.get_running_loop()
        self.heard_at[sender.name, receiver.name] = loop.time()
        call_soon = loop.call_soon
        for _ in range(1 + (dice.random() < self.faults.repeats)):
            call_soon(receiver.hear, packet, reception.rssi_dbm)
        if packet.scan_response and receiver.scans_actively and dice.random() >= reception.loss:
            call_soon(receiver.hear_scan_response, packet, reception.rssi_dbm)

    def _connect(self, central: RadioController, request: Any) -> None:  # noqa: ANN401 - bumble's ConnectInd
        peripheral = self.find_le_controller(request.advertiser_address)
        if peripheral is not None and self.reception(central.name, peripheral.name) is not None:
            peripheral.on_le_connect_ind(request)
        if peripheral is None or request.initiator_address not in peripheral.le_connections:
            central.drop(request.advertiser_address, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def send_acl_data(
        self, sender_controller: RadioController, destination_address: object, transport: PhysicalTransport, data: bytes
    ) -> None:
        address = sender_controller.random_address
        self._send(
            sender_controller,
            destination_address,
            lambda receiver: receiver.on_link_acl_data(address, transport, data),
        )

    def send_ll_control_pdu(self, sender_address: object, receiver_address: object, packet: object) -> None:
        sender = self.find_le_controller(sender_address)
        if sender is not None:
            self._send(sender, receiver_address, lambda receiver: receiver.on_ll_control_pdu(sender_address, packet))

    def _send(self, sender: RadioController, to: object, deliver: Callable[[RadioController], None]) -> None:
        receiver = self.find_le_controller(to)
        if receiver is None:
            return
        pipe = self._pipe(sender.name, receiver.name)
        failed = self._failed_tries(sender.name, receiver.name, pipe.dice)
        if failed is None:
            return
        loop = asyncio.get_running_loop()
        began = max(loop.time(), pipe.busy_until + _IN_ORDER_S)
        pipe.busy_until = began + failed * _CONNECTION_INTERVAL_S
        loop.call_at(pipe.busy_until, deliver, receiver)

    def _failed_tries(self, sender: str, receiver: str, dice: Random) -> int | None:
        """How often a packet of a connection is lost or fades away before it gets through; None = it never does."""
        for failed in range(_MOST_RETRIES):
            reception = self.reception(sender, receiver)
            if reception is not None and dice.random() >= reception.loss:
                return failed
        return None

    def _pipe(self, sender: str, receiver: str) -> _Pipe:
        key = (sender, receiver)
        if key not in self._pipes:
            self._pipes[key] = _Pipe(Random(f"{self._seed}/{sender}/{receiver}"))
        return self._pipes[key]

    def step(self, now: float) -> None:
        """Link supervision: end the connections whose peer can't be reached any more; ``now`` in seconds."""
        lost = {
            (controller.name, address): (controller, address)
            for controller, address in self._connections()
            if not self._reaches(controller, address)
        }
        self._silent_since = {key: self._silent_since.get(key, now) for key in lost}
        for key, (controller, address) in lost.items():
            if now - self._silent_since[key] >= SUPERVISION_TIMEOUT_S:
                controller.drop(address, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _connections(self) -> Iterator[tuple[RadioController, object]]:
        for controller in self.controllers:
            for address in controller.le_connections:
                yield controller, address

    def _reaches(self, controller: RadioController, address: object) -> bool:
        peer = self.find_le_controller(address)
        if peer is None or controller.random_address not in peer.le_connections:
            return False
        return self.reception(controller.name, peer.name) is not None
