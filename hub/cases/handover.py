"""From one device to the next: until the new one is heard, an alarm of the old one is still its wearer's.

A device that was assigned is not in anybody's pocket yet. It may lie in the office, be on its way, or have no battery,
while its worker goes on relying on the old one. Only alarms count: whether the worker is silent is judged by the new
device alone, for the old one may be in a drawer by now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.store import presence, wearers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.domain.matching import Assignment
    from hub.store.store import Tx
    from protocols.ids import OrganisationId


def kept(tx: Tx, organisation: OrganisationId, worn: Sequence[Assignment], at: datetime) -> Sequence[Assignment]:
    """The assignments of a device, with the last one prolonged while nothing that replaced it has been heard."""
    over = [one for one in worn if one.until is not None and one.until <= at]
    if not over or any(one.covers(at) for one in worn):
        return worn
    newest = max(over, key=lambda one: one.until or at)
    return [*worn, replace(newest, until=None, kept=True)] if _waits(tx, organisation, newest) else worn


def _waits(tx: Tx, organisation: OrganisationId, old: Assignment) -> bool:
    """Something replaced it, and nothing that the worker was given since has been heard."""
    if old.until is None:
        return False
    given = wearers.given_since(tx, organisation, old.worker, old.until)
    replaced = any(since == old.until for _, since in given)
    heard = [presence.of_device(tx, organisation, address) for address, _ in given]
    came = zip(heard, given, strict=True)
    return replaced and not any(seen is not None and seen.heard_at >= since for seen, (_, since) in came)
