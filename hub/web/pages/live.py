"""What keeps an open screen honest: *changed*, a sign of life, what is wrong, or that it must sign in again soon."""

import asyncio
from collections.abc import AsyncIterable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hub.store.store import StoreUnavailableError
from hub.web import accounts
from hub.web.accounts import Person
from hub.web.changes import Sign, Signal
from hub.web.context import Console, Hub
from hub.web.guard import cookie_of, viewing
from hub.web.rights import Right

router = APIRouter()

AHEAD: Final = timedelta(minutes=30)
"""How long before its end a screen says that somebody must sign in again."""


@router.get("/live", response_class=EventSourceResponse)
async def live(
    request: Request, hub: Hub, person: Annotated[Person, viewing(Right.OWN)]
) -> AsyncIterable[ServerSentEvent]:
    """It says that something changed, not what. Ends, and says so, when the browser is not signed in any more.

    Whoever watches is not idle. Minutes before the sign-in ends, *ending* says when that will be.
    """
    token = cookie_of(request, hub)
    async for signal in hub.changed.stream(person.organisation.id):
        ends_at = await asyncio.to_thread(_ends_at, hub, token)
        if ends_at is None:
            yield ServerSentEvent(event="signed-out", data="")
            return
        if ends_at:
            yield ServerSentEvent(event="ending", data=ends_at)
        told = _with_troubles(signal, hub)
        yield ServerSentEvent(event=told.sign, data=told.said)


def _with_troubles(signal: Signal, hub: Console) -> Signal:
    """A hub that can't do its work says so, however well its database is."""
    troubles = [signal.said] if signal.sign is Sign.TROUBLE else []
    troubles += hub.troubles()
    return Signal(Sign.TROUBLE, "; ".join(troubles)) if troubles else signal


def _ends_at(hub: Console, token: str) -> str | None:
    """When this browser must sign in again, if that is soon; None when it must now.

    A database that can't be asked is what the stream itself speaks of.
    """
    try:
        now: datetime = hub.store.read(lambda tx: tx.now)
        found = accounts.seen(hub.store, token)
    except StoreUnavailableError:
        return ""
    if found is None or found.expires_at is None or not found.may(Right.OWN):
        return None
    return found.expires_at.isoformat(timespec="seconds") if found.expires_at - now <= AHEAD else ""
