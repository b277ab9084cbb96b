"""What is left to do before anybody relies on this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.store.directory import Role

if TYPE_CHECKING:
    from hub.cases.desk import Routes
    from hub.web.reading import BoardFacts

NAMED: Final = 5
"""So many devices are named; of the others there is a number."""


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
        _proof(facts),
    )
    return () if all(step.done for step in steps) else steps


def _told(facts: BoardFacts, routes: Routes) -> bool:
    """Two can be reached, or a webhook is told: one person sleeps, too."""
    if routes.webhooks.get(facts.names.organisation.id):
        return True
    told = [one for one in facts.names.accounts.values() if one.active and one.email and one.role is not Role.WORKER]
    return routes.email and len(told) > 1


def _proof(facts: BoardFacts) -> Step:
    """Every device that somebody wears; those that are left are named."""
    devices = facts.names.devices
    worn = [devices[address] for worn in facts.names.worn.values() for address in worn]
    never = sorted(device.label for device in worn if device.proved_at is None)
    named = ", ".join(never[:NAMED]) + (f" and {len(never) - NAMED} more" if len(never) > NAMED else "")
    what = f"Prove {named or 'each device'}: press it once, a silent test; or hold it, and close the alarm as a test"
    return Step(what, "/devices", bool(worn) and not never)
