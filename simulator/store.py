"""Where a virtual alarm keeps its three numbers. The interface is ``device/ports.pyi``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class MemoryStore:
    """Survives a reboot of the device, not the end of the simulator."""

    def __init__(self) -> None:
        self._kept = (0, 0, 0)

    def load(self) -> tuple[int, int, int]:
        return self._kept

    def save(self, epoch: int, counter: int, generation: int) -> None:
        self._kept = (epoch, counter, generation)


class FileStore:
    """Survives the simulator, so that a hub that outlives it sees no counter twice.

    Args:
        path: of a file of its own; its directory exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[int, int, int]:
        """The numbers; ``ValueError`` when the file holds anything else."""
        if not self._path.exists():
            return 0, 0, 0
        epoch, counter, generation = self._path.read_text("ascii").split()
        return int(epoch), int(counter), int(generation)

    def save(self, epoch: int, counter: int, generation: int) -> None:
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="ascii") as file:
            file.write(f"{epoch} {counter} {generation}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
