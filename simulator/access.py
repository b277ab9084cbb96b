"""The world lives on one thread; others ask it from theirs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from simulator.site import Site

Result = TypeVar("Result")
_LONGEST_S: Final = 10.0


class Access:
    """Thread-safe, from any thread but the world's own.

    Args:
        site: that is open.
        loop: on which it lives.
    """

    def __init__(self, site: Site, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._loop = loop

    def ask(self, act: Callable[[Site], Result]) -> Result:
        """What ``act`` returns, or raises, on the world's thread."""

        async def there() -> Result:
            return act(self._site)

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(_LONGEST_S)

    def do(self, act: Callable[[Site], Coroutine[None, None, None]]) -> None:
        """Have something done that takes its time; does not wait for the end of it."""
        self.ask(lambda site: site.do(act(site)))

    def wait(self, act: Callable[[Site], Coroutine[None, None, Result]]) -> Result:
        """What takes its time, to its end."""
        return asyncio.run_coroutine_threadsafe(act(self._site), self._loop).result(_LONGEST_S)
