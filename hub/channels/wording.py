"""What a notification says, in plain words, shortest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from hub.domain.incident import Message
from hub.domain.ladder import Audience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hub.channels.port import Facts

_LATE_S: Final = 60
_HEADS: Final = {
    Message.ALARM: "ALARM",
    Message.DURESS: "ALARM, UNDER DURESS",
    Message.JOINED: "FURTHER ALARM",
    Message.CANCELLED_BY_WEARER: "Wearer cancelled",
    Message.REMINDER: "STILL OPEN",
    Message.WELFARE: "Are you all right?",
}


def subject(facts: Facts) -> str:
    """One line: how bad, what, who."""
    head = _HEADS.get(Message(facts.message), "") if facts.message in set(Message) else "Fault"
    if facts.audience == Audience.CALL_SHEET:
        head += f", NOBODY HAS TAKEN IT (round {facts.round + 1})"
    if facts.count > 1:
        head += f" ({facts.count} times)"
    who = f": {facts.who}" if facts.who else ""
    again = f", {facts.after_restore}" if facts.after_restore else ""
    late = f" (happened {age(facts.age_s)} ago{again})" if facts.age_s > _LATE_S or again else ""
    return f"{head}: {facts.what}{who}{late}"


def body(facts: Facts) -> str:
    """The whole text."""
    return "\n".join(_lines(facts)) + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    yield subject(facts)
    yield ""
    yield from _orders(facts)
    yield f"Happened  {_time(facts.observed_at, facts.zone)} ({age(facts.age_s)} ago)"
    yield f"Recorded  {_time(facts.opened_at, facts.zone)}"
    if facts.phase:
        yield f"Stands    {facts.phase}" + (f", with {facts.holder}" if facts.holder else "")
    if facts.after_restore:
        yield "Known     to the hub before it was restored from a backup: ask whether somebody has dealt with it."
    if not facts.certain:
        yield "Unsure    " + "; ".join(facts.reasons)
    yield ""
    yield f"Who, where and what to do: {facts.link}"


def _orders(facts: Facts) -> Iterator[str]:
    if facts.message == Message.WELFARE:
        yield "Press your alarm twice to check in, or call your supervisor. Otherwise they are told in a minute."
    elif facts.message == Message.CANCELLED_BY_WEARER:
        yield "The wearer says that it was nothing. That closes nothing: speak to them, then close it."
    elif facts.message in {Message.ALARM, Message.DURESS, Message.JOINED, Message.REMINDER}:
        yield "Open the page below and take it. Reading this mail tells nobody that you have it."
    if facts.duress:
        yield "The wearer cancelled UNDER THREAT. Do not call their phone; the device shows a cancelled alarm."
    elif facts.discreet:
        yield "The wearer asked for help unseen. Do not call their phone."
    if facts.audience == Audience.CALL_SHEET:
        yield "Nobody has taken it. The page has what to say to 999 or 101."
    yield ""


def age(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h 5 min``."""
    whole = max(0, int(seconds))
    if whole < 120:  # noqa: PLR2004 - two minutes
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def _time(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M:%S %Z")
