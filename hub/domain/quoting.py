"""What others say of themselves, fit to be shown to people and put into mails."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 200
"""Characters."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that are not seen, or that change how others are: controls, direction, line ends."""


def has_unseen(text: str) -> bool:
    """Whether it holds characters that a name has no need of and nobody sees."""
    return any(unicodedata.category(char) in _UNSEEN for char in text)


def folded(text: str) -> str:
    """One line, of characters that can be seen, no longer than :data:`LONGEST`."""
    shown = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in text)
    line = " ".join(shown.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def said_by(gateway: str, text: str) -> str:
    """The words of a gateway, as its own: whoever holds its credential can make it say anything."""
    return f'gateway {gateway} says: "{folded(text)}"'
