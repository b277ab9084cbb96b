"""The device's two keys: the root key it was born with, and the working key under which it speaks and is spoken to."""

from device.ports import Block
from protocols.ble import keys


class Keys:
    """Root and working key.

    Attributes:
        root: AES-ECB under the root key. Nothing but derivation and *rekey* uses it.
        working: AES-ECB under the working key of :attr:`generation`.
        generation: only ever rises.
    """

    def __init__(self, block: Block, root: bytes) -> None:
        self._block = block
        self.root = block(root)
        self.take(0)

    def take(self, generation: int) -> None:
        """Speak under this generation from now on."""
        self.generation = generation
        self.working = self._block(keys.working(self.root, generation))
