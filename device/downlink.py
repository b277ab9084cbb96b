"""Which of the bytes written to a device it believes: sealed under its key, of this start, new, and to the point.

Whoever is in range may write; whoever recorded a frame may write it again. So nothing is believed for its place in a
conversation: a *heard* answers a frame that was sent, a *rekey* tells a higher generation, everything else carries the
hub's own rising counter.
"""

from device.events import Queue
from device.keys import Keys
from protocols.ble import downlink, layout

STAGES_TOLD = (layout.TOLD_PERSON_HAS_IT, layout.TOLD_HELP_SENT, layout.TOLD_CLOSED)
"""What a *stage* may say. Only a receipt says *stored*."""
STAGES_STORED = (
    layout.STAGE_NOTICE,
    layout.STAGE_PRE_ALARM,
    layout.STAGE_ALARM,
    layout.STAGE_CANCELLED,
    layout.STAGE_DURESS,
)
COMMANDS = (downlink.COMMAND_ASK, downlink.COMMAND_LOCATE)

_CODES = {downlink.KIND_RECEIPT: STAGES_STORED, downlink.KIND_STAGE: STAGES_TOLD, downlink.KIND_COMMAND: COMMANDS}


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """Bytes that are not believed.

    Attributes:
        reason: ``length``, ``authentication``, ``epoch``, ``frame`` (a *heard* for no frame of late), ``kind``,
            ``replay``, ``code``, ``sequence`` or ``store`` (the new key could not be saved).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Message:
    """A downlink that was believed. ``sequence`` is 0 in a command, and the generation in a *rekey*."""

    def __init__(self, kind: int, sequence: int, code: int, argument: int) -> None:
        self.kind = kind
        self.sequence = sequence
        self.code = code
        self.argument = argument


class Acceptance:
    """What was accepted last, since the start of the device."""

    def __init__(self, keys: Keys, address: bytes) -> None:
        self._keys = keys
        self._address = address
        self._counter = -1
        self._last = b""

    def take(self, value: bytes, epoch: int, queue: Queue) -> "Message | None":
        """The message in ``value``; ``None`` for the last one again, since two gateways may write the same.

        Raises:
            Refused: it is not believed, and nothing was changed.
        """
        kind, counter, of_epoch, sequence, code, argument = self._open(value)
        if kind == downlink.KIND_REKEY:
            return self._rekey(sequence)
        if of_epoch != epoch:
            raise Refused("epoch")
        if kind == downlink.KIND_HEARD:
            _check_heard(counter, sequence, queue)
        elif value == self._last:
            return None
        else:
            self._check(kind, counter, sequence, code, queue)
            self._counter = counter
            self._last = value
        return Message(kind, sequence, code, argument)

    def _open(self, value: bytes) -> "tuple[int, int, int, int, int, int]":
        if len(value) != downlink.SIZE:
            raise Refused("length")
        ecb = self._keys.root if value[0] == downlink.KIND_REKEY else self._keys.working
        opened = downlink.open_(ecb, self._address, value)
        if opened is None:
            raise Refused("authentication")
        return opened

    def _rekey(self, generation: int) -> "Message | None":
        if generation < self._keys.generation:
            raise Refused("replay")
        if generation == self._keys.generation:
            return None
        return Message(downlink.KIND_REKEY, generation, 0, 0)

    def _check(self, kind: int, counter: int, sequence: int, code: int, queue: Queue) -> None:
        if kind not in _CODES:
            raise Refused("kind")
        if counter <= self._counter:
            raise Refused("replay")
        if code not in _CODES[kind]:
            raise Refused("code")
        if kind != downlink.KIND_COMMAND and queue.find(sequence) is None:
            raise Refused("sequence")


def _check_heard(counter: int, sequence: int, queue: Queue) -> None:
    event = queue.sent(counter)
    if event is None or event.sequence != sequence:
        raise Refused("frame")
