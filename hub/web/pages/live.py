"""What keeps an open screen honest: *changed*, a sign of life, or what is wrong."""

import asyncio
from collections.abc import AsyncIterable

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hub.store.store import StoreUnavailableError
from hub.web import accounts
from hub.web.changes import Sign, Signal
from hub.web.context import Console, Hub
from hub.web.guard import SignedIn, cookie_name

router = APIRouter()


@router.get("/live", response_class=EventSourceResponse)
async def live(request: Request, hub: Hub, person: SignedIn) -> AsyncIterable[ServerSentEvent]:
    """Ends, and says so, when the browser is not signed in any more."""
    token = request.cookies.get(cookie_name(hub), "")
    async for signal in hub.changed.stream(person.organisation.id):
        if not await asyncio.to_thread(_is_signed_in, hub, token):
            yield ServerSentEvent(event="signed-out", data="")
            return
        told = _with_troubles(signal, hub)
        yield ServerSentEvent(event=told.sign, data=told.said)


def _with_troubles(signal: Signal, hub: Console) -> Signal:
    """A hub that can't do its work says so, however well its database is."""
    troubles = [signal.said] if signal.sign is Sign.TROUBLE else []
    troubles += hub.troubles()
    return Signal(Sign.TROUBLE, "; ".join(troubles)) if troubles else signal


def _is_signed_in(hub: Console, token: str) -> bool:
    """As far as can be told: a database that can't be asked is what the stream itself speaks of."""
    try:
        return hub.store.read(lambda tx: accounts.person(tx, token)) is not None
    except StoreUnavailableError:
        return True
