"""From what people type into forms to what the hub works with."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hub.domain.mail import is_address
from hub.domain.quoting import has_unseen
from protocols.ids import NAME

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_COORDINATES: Final = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d+(?:\.\d+)?)\s*")
_YEARS: Final = range(1970, 3000)
_MOST_NORTH: Final = 90
_MOST_EAST: Final = 180


class FieldError(ValueError):
    """A field that can't be used.

    Attributes:
        where: its name.
        what: is wrong, in words.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


def local_time(where: str, text: str, zone: ZoneInfo) -> datetime:
    """A wall-clock time of the organisation, in UTC; of two (when the clocks go back) the earlier.

    Raises:
        FieldError: it is no time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise FieldError(where, f"{text!r} is no date and time") from wrong
    return utc(where, at if at.tzinfo is not None else at.replace(tzinfo=zone))


def utc(where: str, at: datetime) -> datetime:
    """A time in UTC, far enough from both ends of the calendar to be reckoned with.

    Raises:
        FieldError: it is not.
    """
    if at.year not in _YEARS:
        raise FieldError(where, f"nothing happens in the year {at.year}")
    return at.astimezone(UTC)


def check_end(where: str, at: datetime, now: datetime) -> None:
    """A session is about what is to come.

    Raises:
        FieldError: it would be over already.
    """
    if at <= now:
        raise FieldError(where, "is in the past")


def coordinates(where: str, text: str) -> tuple[float, float] | None:
    """``51.5074, -0.1278`` as latitude and longitude in degrees; None when nothing was typed.

    Raises:
        FieldError: they are no coordinates, or not on this planet.
    """
    if not text.strip():
        return None
    found = _COORDINATES.fullmatch(text)
    if found is None:
        raise FieldError(where, f"{text!r} is not like 51.50740, -0.12780 (latitude, longitude)")
    latitude, longitude = float(found[1]), float(found[2])
    if abs(latitude) > _MOST_NORTH or abs(longitude) > _MOST_EAST:
        raise FieldError(where, f"{text!r} is no place on Earth")
    return latitude, longitude


def required(where: str, text: str) -> str:
    """Something must be there.

    Raises:
        FieldError: nothing is.
    """
    if not text.strip():
        raise FieldError(where, "please fill it in")
    if has_unseen(text.strip()):
        raise FieldError(where, "it holds characters that nobody sees (line ends, controls, marks of direction)")
    return text.strip()


def local_path(path: str) -> str:
    """A path on this hub to go to next; ``/`` for anything that could lead elsewhere."""
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else "/"


def email(where: str, text: str) -> str | None:
    """An e-mail address; None when nothing was typed.

    Raises:
        FieldError: it is none.
    """
    if not text.strip():
        return None
    if not is_address(text.strip()):
        raise FieldError(where, f"{text!r} is no e-mail address that a mail can be sent to")
    return text.strip()


def hyphened(text: str) -> str:
    """The id that somebody may have meant: ``north-wing`` for ``North Wing``; empty when there is none."""
    wanted = "-".join(re.findall("[a-z0-9]+", text.lower()))
    return wanted if re.fullmatch(NAME, wanted) else ""


def identifier(where: str, text: str) -> str:
    """An id that people type.

    Raises:
        FieldError: it can't be one.
    """
    if not re.fullmatch(NAME, text.strip().lower()):
        better = hyphened(text)
        instead = f". How about {better}?" if better else ""
        raise FieldError(where, f"{text!r} is not made of lower case letters, digits and hyphens, at most 40{instead}")
    return text.strip().lower()
