"""What the web part of the hub is given, and the one way in which it changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request

from hub.cases.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.cases.access import Refusal
    from hub.cases.desk import Routes
    from hub.store.store import Store
    from hub.web.changes import Changes

Result = TypeVar("Result")


def _untold(_refusal: Refusal) -> None:
    """For a console without a hub behind it."""


@dataclass(frozen=True, slots=True)
class Console:
    """What the composition root puts together.

    Attributes:
        store: where everything is kept.
        routes: ways to reach people, for what the cases queue.
        wake: called after each write, so that what was queued goes out at once.
        changed: tells open screens that something happened.
        public_url: how people reach this hub; requests that come from another origin are refused.
        secure_cookies: the cookie goes over https only.
        metrics: the Prometheus text.
        version: of the program.
        metrics_token: by which whoever runs the hub reads them; None = nobody does.
        refused: takes note of a gateway, or somebody who would be one, that was refused.
        admit: returns when the broker lets in what has a credential by now, or has had its time to.
        troubles: what is wrong with this hub right now, in words (a stalled loop, no broker); said on every screen.
    """

    store: Store
    routes: Routes
    wake: Callable[[], None]
    changed: Changes
    public_url: str
    secure_cookies: bool
    metrics: Callable[[], bytes]
    version: str
    troubles: Callable[[], Sequence[str]] = tuple
    metrics_token: str | None = None
    refused: Callable[[Refusal], None] = _untold
    admit: Callable[[], object] = lambda: None

    def act(self, work: Callable[[Desk], Result]) -> Result:
        """One action: one transaction, and whoever waits for its effects is woken."""
        result = self.store.write(lambda tx: work(Desk(tx, self.routes)))
        self.wake()
        return result


def console_of(request: Request) -> Console:
    """The console that this application was built with."""
    found: Console = request.app.state.console
    return found


Hub = Annotated[Console, Depends(console_of)]
