"""Moments, as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from hub.web.own import Own
    from hub.web.reading import Names


_EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 29, tzinfo=UTC)
"""Beyond these, some zone's calendar ends."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time.

    Attributes:
        iso: in UTC, for the page's own clock to count from.
        short: as short as today allows: ``14:05``, ``Mon 14:05``, ``3 May 14:05``.
        full: to the second, with zone.
        exact: time of day to the tenth of a second.
        ago: how long ago, or how long still: ``40 s``, ``3 min``, ``2 h 5 min``.
    """

    iso: str
    short: str
    full: str
    exact: str
    ago: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Now, somewhere."""

    now: datetime
    zone: ZoneInfo

    @classmethod
    def of(cls, names: Names | Own) -> Self:
        return cls(names.now, ZoneInfo(names.organisation.zone))

    def at(self, moment: datetime) -> Moment:
        """``moment`` as people read it; whatever was stored, a page can be shown."""
        utc = max(_EARLIEST, min(moment, _LATEST)).astimezone(UTC)
        local = utc.astimezone(self.zone)
        return Moment(
            utc.isoformat(timespec="milliseconds"),
            self._short(local),
            f"{local:%a} {local.day} {local:%b %Y %H:%M:%S %Z}",
            f"{local:%H:%M:%S}.{local.microsecond // 100_000}",
            length(abs(self.now - utc)),
        )

    def maybe(self, moment: datetime | None) -> Moment | None:
        return None if moment is None else self.at(moment)

    def field(self, moment: datetime) -> str:
        """As an input of type ``datetime-local`` wants it."""
        return f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    def _short(self, local: datetime) -> str:
        today = self.now.astimezone(self.zone).date()
        days = abs((local.date() - today).days)
        if days == 0:
            return f"{local:%H:%M}"
        if days < 7:  # noqa: PLR2004 - within a week a weekday is enough
            return f"{local:%a %H:%M}"
        year = "" if local.year == today.year else f" {local.year}"
        return f"{local.day} {local:%b}{year} {local:%H:%M}"


def length(span: timedelta) -> str:
    """``40 s``, ``3 min``, ``2 h 5 min``, ``3 days``; the page's own clock counts in the same words."""
    seconds = max(0, int(span.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 2:  # noqa: PLR2004 - seconds matter for two minutes
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 2:  # noqa: PLR2004
        return f"{hours} h {minutes % 60} min"
    return f"{days} days"
