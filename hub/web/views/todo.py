"""What is left to do before anybody relies on this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.directory import Role

if TYPE_CHECKING:
    from hub.cases.desk import Routes
    from hub.web.reading import BoardFacts


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, where, and whether it is done."""

    what: str
    href: str
    done: bool


def todo(facts: BoardFacts, routes: Routes) -> tuple[Step, ...]:
    """The steps in their order; none at all when all are done."""
    names = facts.names
    steps = (
        Step("Say where people work: a place", "/places", bool(names.places)),
        Step("Say who works alone", "/people", bool(names.workers)),
        Step("Hang up a gateway, and see it online", "/gateways", any(one.state == "online" for one in facts.gateways)),
        Step("Enrol a device and give it to somebody", "/devices", bool(names.worn)),
        Step("Somebody beside you who is told: an account with an e-mail address", "/people", _told(facts, routes)),
        Step("Prove it: a test alarm from a device, seen here", "/devices", _proved(facts)),
    )
    return () if all(step.done for step in steps) else steps


def _told(facts: BoardFacts, routes: Routes) -> bool:
    """Two can be reached, or a webhook is told: one person sleeps, too."""
    if routes.webhooks.get(facts.names.organisation.id):
        return True
    told = [one for one in facts.names.accounts.values() if one.active and one.email and one.role is not Role.WORKER]
    return routes.email and len(told) > 1


def _proved(facts: BoardFacts) -> bool:
    return any(device.proved_at is not None for device in facts.names.devices.values())
