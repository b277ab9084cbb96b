"""The page's stream: what changed, as one whole snapshot, so that a page that missed some misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator  # noqa: TC003 - FastAPI reads them at run time
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

if TYPE_CHECKING:
    from simulator.stage import Stage

log = structlog.get_logger()
router = APIRouter()

EVERY_S: Final = 0.1
LOOK_S: Final = 0.5
BEAT_S: Final = 1.0
MOST: Final = 20
"""Pages at once: each holds a connection, and nothing else."""


class Live:
    """Looks at the stage while anybody listens; everybody gets the newest snapshot, and none waits in a queue.

    Args:
        stage: to look at.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._listeners = 0
        self._is_over = False
        self._newest = ""
        self._changed = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def is_full(self) -> bool:
        return self._listeners >= MOST

    def close(self) -> None:
        """Every stream ends within :data:`BEAT_S`."""
        self._is_over = True

    async def stream(self) -> AsyncIterator[ServerSentEvent]:
        """The newest snapshot at once and after each change; with it, and every second, the time as a sign of life."""
        self._listeners += 1
        try:
            self._begin()
            said = ""
            while not self._is_over:
                if said != self._newest:
                    said = self._newest
                    yield ServerSentEvent(event="state", raw_data=said)
                yield ServerSentEvent(event="beat", raw_data=self._stage.pacer.shared.now().isoformat())
                await self._wait()
        finally:
            self._listeners -= 1

    async def _wait(self) -> None:
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                await changed.wait()

    def _begin(self) -> None:
        """Each looks as long as anybody listens; one that has just ended begins again."""
        for look in (self._keep_showing, self._keep_looking):
            task = self._tasks.get(look.__name__)
            if task is None or task.done():
                self._tasks[look.__name__] = asyncio.create_task(look())

    async def _keep_showing(self) -> None:
        while self._listeners and not self._is_over:
            with _logged():
                self._show(await asyncio.to_thread(lambda: self._stage.snapshot().model_dump_json()))
            await asyncio.sleep(EVERY_S)

    def _show(self, snapshot: str) -> None:
        if snapshot != self._newest:
            self._newest = snapshot
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def _keep_looking(self) -> None:
        around = self._stage.around
        while self._listeners and around is not None and not self._is_over:
            with _logged():
                await asyncio.to_thread(around.look)
            await asyncio.sleep(LOOK_S)


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """A look that fails is followed by another; it is not the end of looking."""
    try:
        yield
    except Exception:
        log.exception("the page could not be shown")


def _has_room(request: Request) -> None:
    if request.app.state.live.is_full:
        raise HTTPException(503, "too many pages are open")


@router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(_has_room)])
async def live(request: Request) -> AsyncIterable[ServerSentEvent]:
    """For as long as the page is open."""
    looking: Live = request.app.state.live
    async for event in looking.stream():
        yield event
