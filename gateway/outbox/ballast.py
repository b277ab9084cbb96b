"""A file that only takes up room, to be given up when the disk is full.

On a full disk even deleting rows needs room, for the log of the deletion. Letting go of the ballast makes it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = 1024 * 1024


class Ballast:
    """``size`` bytes at ``path``."""

    def __init__(self, path: Path, *, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    @property
    def aboard(self) -> bool:
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def take(self) -> bool:
        """Take it (back) aboard; False when there is no room for it now."""
        if self.aboard:
            return True
        try:
            self._path.write_bytes(os.urandom(self._size))  # a file system may not store zeros
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> None:
        """Give its room to the disk."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return  # a disk that can't even do this is said by the write that follows
