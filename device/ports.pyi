from collections.abc import Callable
from typing import Protocol, TypeAlias

Ecb: TypeAlias = Callable[[bytes], bytes]

class Store(Protocol):
    def load(self) -> tuple[int, int]: ...
    def save(self, epoch: int, counter: int) -> None: ...
