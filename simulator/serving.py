"""A site for as long as nobody ends it."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

from simulator.hosted import Hosted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulator.backstage import Backstage
    from simulator.site_file import Ports
    from simulator.world import World

_LOOK_S: Final = 1.0


@contextlib.contextmanager
def opened(world: World, state: Path, backstage: Backstage | None = None) -> Iterator[Hosted]:
    """A site on free ports."""
    hosted = Hosted(world, state, backstage)
    hosted.start()
    try:
        yield hosted
    finally:
        hosted.stop()


def serve(
    world: World, state: Path, *, host: str, api_port: int, smtp_port: int, ready: Callable[[Ports], None]
) -> None:
    """Run a world until SIGTERM or SIGINT.

    Args:
        world: as in its file.
        state: directory of the devices' epochs, the time, and ``site.json``; made if it is missing.
        host: where page and mailbox listen.
        api_port: of the page and the control API; 0 = any that is free.
        smtp_port: of the mailbox; 0 = any that is free.
        ready: called once all ports are open.
    """
    hosted = Hosted(world, state)
    with signalled() as wait:
        try:
            ready(hosted.start(api_port, smtp_port, host))
            wait()
        finally:
            hosted.stop()


@contextlib.contextmanager
def signalled() -> Iterator[Callable[[], None]]:
    """What waits until somebody asks this process to end."""
    asked = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in numbers}
    try:
        yield lambda: _wait(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(asked: threading.Event) -> None:
    while not asked.wait(_LOOK_S):
        continue
