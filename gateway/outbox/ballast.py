"""A file that only takes up room, to be given up when the disk is full.

On a full disk even deleting rows needs room, for the log of the deletion. Letting go of the ballast makes it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = 1024 * 1024
SMALLEST: Final = 64 * 1024


class Ballast:
    """Up to ``size`` bytes at ``path``: as much as there is room for, or none."""

    def __init__(self, path: Path, *, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    @property
    def aboard(self) -> bool:
        return self._path.exists()

    def take(self) -> None:
        """Take it (back) aboard."""
        size = self._size
        while not self.aboard and size >= SMALLEST:
            self._write(size)
            size //= 2

    def drop(self) -> None:
        """Give its room to the disk."""
        with suppress(OSError):  # a disk that can't even do this is said by the write that follows
            self._path.unlink(missing_ok=True)

    def _write(self, size: int) -> None:
        try:
            self._path.write_bytes(os.urandom(size))  # a file system may not store zeros
        except OSError:
            self.drop()
