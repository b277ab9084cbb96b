"""How open screens learn that something happened, whichever replica of the hub it happened on.

One task per process looks at the database as long as anybody listens, in a worker thread. A screen is told that it is
alive only while that looking works: a hub that can't see its own database says so instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.store import pulse
from hub.store.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.store.store import Store
    from protocols.ids import OrganisationId

log = structlog.get_logger()

POLL_S: Final = 0.5
HEARTBEAT_S: Final = 10.0
FRESH_S: Final = 5.0
"""A look at the database older than this is no look at all."""


class Sign(StrEnum):
    """What a screen is told."""

    CHANGED = "changed"
    HEARTBEAT = "heartbeat"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Signal:
    """One message to a screen. ``said`` is what is wrong, in words."""

    sign: Sign
    said: str = ""


@dataclass(eq=False, slots=True)
class _Listener:
    organisation: OrganisationId
    told: tuple[str, str] | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Changes:
    """Looks at the database for everybody who listens.

    Args:
        store: what to look at.
        poll_s: seconds between two looks.
        heartbeat_s: seconds between two signs of life to a screen.
    """

    def __init__(self, store: Store, *, poll_s: float = POLL_S, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._store = store
        self._poll_s = poll_s
        self._heartbeat_s = heartbeat_s
        self._listeners: set[_Listener] = set()
        self._words: dict[OrganisationId, str] = {}
        self._trouble = ""
        self._looked_at = float("-inf")
        self._poller: asyncio.Task[None] | None = None

    async def stream(self, organisation: OrganisationId) -> AsyncIterator[Signal]:
        """A sign of life at once and every ``heartbeat_s``, and *changed* whenever something did, for ever."""
        listener = _Listener(organisation)
        self._listeners.add(listener)
        try:
            await self._look()
            self._start()
            while True:
                yield self._signal(listener)
                await self._wait(listener)
        finally:
            self._listeners.discard(listener)

    def _start(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="changes")

    async def _poll(self) -> None:
        while self._listeners:
            await asyncio.sleep(self._poll_s)
            await self._look()

    async def _look(self) -> None:
        before, wanted = self._trouble, {listener.organisation for listener in self._listeners}
        try:
            self._words = await asyncio.to_thread(self._store.read, lambda tx: pulse.of(tx, wanted))
            self._trouble = ""
            self._looked_at = asyncio.get_running_loop().time()
        except (StoreUnavailableError, SQLAlchemyError) as unavailable:
            self._trouble = "the database is not available"
            if before != self._trouble:
                log.warning("screens are blind", error=str(unavailable))
        for listener in self._listeners:
            if listener.told is not None and listener.told != self._seen(listener):
                listener.woken.set()

    def _seen(self, listener: _Listener) -> tuple[str, str]:
        return self._words.get(listener.organisation, ""), self._trouble

    async def _wait(self, listener: _Listener) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat_s):
                await listener.woken.wait()
        listener.woken.clear()

    def _signal(self, listener: _Listener) -> Signal:
        before, listener.told = listener.told, self._seen(listener)
        age_s = asyncio.get_running_loop().time() - self._looked_at
        trouble = self._trouble or ("" if age_s < FRESH_S else "this hub can't see its database")
        if trouble:
            return Signal(Sign.TROUBLE, trouble)
        return Signal(Sign.HEARTBEAT if before in {None, listener.told} else Sign.CHANGED)
