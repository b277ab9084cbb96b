"""Names and ages for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta

_NAMED: Final = 5


def some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (", ".join(names[:_NAMED]) or "none") + more


def age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    if hours < 2:  # noqa: PLR2004 - up to two hours in minutes
        return f"{int(hours * 60)} min"
    return f"{int(hours)} h" if hours < 72 else f"{age.days} days"  # noqa: PLR2004 - up to three days in hours
