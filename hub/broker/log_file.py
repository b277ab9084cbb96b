"""A log file that somebody else writes, followed: moved away, cut short or not there yet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

PIECE: Final = 256 * 1024
"""Bytes read at once, at most."""
LONGEST_LINE: Final = 128 * 1024
CUT_AT: Final = 64 * 1024 * 1024
"""Bytes; a file that has grown beyond is cut once it has been read to its end."""


class LogFile:
    """Follows one path, from the end of what is there when it is first looked at.

    Args:
        path: of the file; it need not be there yet.
        cut_at: size in bytes at which it is cut.
    """

    def __init__(self, path: Path, *, cut_at: int = CUT_AT) -> None:
        self._path = path
        self._cut_at = cut_at
        self._file: BinaryIO | None = None
        self._rest = b""
        self._from_end = True

    def read(self) -> list[str]:
        """Whole lines that are new, up to :data:`PIECE` bytes; none = there is nothing more now.

        Raises:
            OSError: it can't be read.
        """
        if self._file is None and not self._open():
            return []
        lines = self._next()
        if not lines and self._was_replaced():
            self.close()
            return self._next() if self._open() else []
        if not lines:
            self._cut()
        return lines

    @property
    def is_there(self) -> bool:
        return self._file is not None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            self._from_end = False
            return False
        if self._from_end:
            self._file.seek(0, os.SEEK_END)
        self._from_end = False
        return True

    def _next(self) -> list[str]:
        file = self._opened()
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
            self._rest = b""
        *whole, self._rest = (self._rest + file.read(PIECE)).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in whole]

    def _was_replaced(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._opened().fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _cut(self) -> None:
        """Whoever writes it appends, and so goes on at the beginning. Without the right to, somebody else has to."""
        if self._opened().tell() >= self._cut_at and not self._rest and os.access(self._path, os.W_OK):
            os.truncate(self._path, 0)

    def _opened(self) -> BinaryIO:
        assert self._file is not None  # noqa: S101 - callers have opened it
        return self._file
