"""Everything that moves on the page, in one piece."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING

from pydantic import BaseModel

from simulator import views
from simulator.backstage import BackstageView  # noqa: TC001 - pydantic reads it at run time
from simulator.playing import PlayView  # noqa: TC001 - pydantic reads it at run time
from simulator.views import FaultsView, GatewayView, LinkView, PersonView  # noqa: TC001 - pydantic reads them

if TYPE_CHECKING:
    from simulator.site import Site


class WorldNow(BaseModel):
    """The world's own part. ``mails``: numbers of the oldest that is kept and of the newest."""

    people: list[PersonView]
    gateways: list[GatewayView]
    links: list[LinkView]
    faults: FaultsView
    mails: tuple[int, int]


class TimeView(BaseModel):
    """How time runs.

    Attributes:
        rate: just now; 0 = paused.
        wished: what was chosen; more than ``rate`` while a finger is on a button.
        bent: the world's time when the rate last changed.
    """

    rate: float
    wished: float
    bent: datetime


class Snapshot(BaseModel):
    """All of it. ``around`` is None for a world without programs; ``tour`` counts the steps that are done."""

    world: WorldNow
    time: TimeView
    around: BackstageView | None
    tour: int
    play: PlayView | None


def world_now(site: Site, now: float) -> WorldNow:
    """As it is; ``now`` on the clock of the world's loop."""
    return WorldNow(
        people=[views.person_view(site, name) for name in site.people],
        gateways=views.gateway_views(site),
        links=views.link_views(site, now),
        faults=views.faults_view(site),
        mails=(site.mailbox.first, site.mailbox.received),
    )
