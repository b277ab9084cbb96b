"""Names of backups in a folder, and how many of them stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_STEM: Final = "tocsin-hub-"
_PATTERN: Final = f"{_STEM}????????T??????Z.tar"


def name(at: datetime) -> str:
    """Sorts by time."""
    return f"{_STEM}{at:%Y%m%dT%H%M%SZ}.tar"


def newest(folder: Path) -> list[Path]:
    """The backups in it, newest first."""
    return sorted(folder.glob(_PATTERN), reverse=True)


def thin(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest ``keep``; which were removed."""
    old = newest(folder)[keep:]
    for path in old:
        path.unlink(missing_ok=True)
    return old
