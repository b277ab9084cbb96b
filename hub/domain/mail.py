"""E-mail addresses, as far as a mail can be written to them."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 254
"""Octets of an address (RFC 5321, 4.5.3.1.3)."""
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


def is_address(text: str) -> bool:
    """Whether a header can be made of it: a dot-atom at a domain (RFC 5322, 3.4.1), in ASCII."""
    return len(text) <= LONGEST and _ADDRESS.fullmatch(text) is not None
