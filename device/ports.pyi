from collections.abc import Callable
from typing import Protocol, TypeAlias

Ecb: TypeAlias = Callable[[bytes], bytes]
Block: TypeAlias = Callable[[bytes], Ecb]

class Store(Protocol):
    def load(self) -> tuple[int, int, int]: ...
    def save(self, epoch: int, counter: int, generation: int) -> None: ...
