"""Whether a hub is there: one replica is enough. Each says so every five seconds, all of them on one topic.

The replicas are told apart by their boots. Of each that is gone the broker says so (its last will), unless this gateway
was away itself; so what a replica said counts for a while only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SILENT_S: Final = 20.0
"""A replica that has not spoken for so long is not counted on when another one goes."""


@dataclass(frozen=True, slots=True)
class Hubs:
    """What is known of the hub.

    Attributes:
        spoke: the boots of the replicas that are there, each with the ticks at which it last said so.
        online: any is there; None before anything was said.
    """

    spoke: tuple[tuple[str, float], ...] = ()
    online: bool | None = None


def said(hubs: Hubs, boot: str, ticks: float, *, online: bool) -> tuple[Hubs, bool]:
    """A replica spoke, or the broker of it.

    Returns:
        What is known now; and whether whatever waits for a receipt is worth sending again at once: a replica has come
        that was not there, or one went, maybe with something that it had not recorded, and another one is there.
    """
    others = tuple((each, at) for each, at in hubs.spoke if each != boot)
    was_there = len(others) < len(hubs.spoke)
    if online:
        return Hubs((*others, (boot, ticks)), online=True), hubs.online is not None and not was_there
    left = tuple((each, at) for each, at in others if ticks - at < SILENT_S)
    return Hubs(left, online=bool(left)), was_there and bool(left)
