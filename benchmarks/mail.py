"""A real SMTP server that notes when it was called and when it had taken the mail about each device."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from benchmarks.publisher import LIMIT_S, TooSlowError

if TYPE_CHECKING:
    from asyncio import BaseTransport
    from collections.abc import Collection
    from types import TracebackType

_ADDRESS: Final = re.compile(rb"[0-9A-F]{2}(?::[0-9A-F]{2}){5}")


@dataclass(frozen=True, slots=True)
class Taken:
    """When (monotonic) the server was called, and when it had the whole mail."""

    called_at: float
    had_at: float


class _Server(SMTP):  # type: ignore[misc] # aiosmtpd has no types
    called_at = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        self.called_at = time.monotonic()
        super().connection_made(transport)


class _Controller(Controller):  # type: ignore[misc] # aiosmtpd has no types
    def factory(self) -> _Server:
        return _Server(self.handler, hostname="bench")


class Mails:
    """The first mail about each device; a context, in which the server runs.

    Attributes:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._taken: dict[str, Taken] = {}
        self._changed = threading.Condition()
        self._controller = _Controller(self, hostname="127.0.0.1", port=port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: _Server, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's
        taken = Taken(server.called_at, time.monotonic())
        found = _ADDRESS.search(envelope.content)
        with self._changed:
            self._taken.setdefault(found[0].decode() if found else "", taken)
            self._changed.notify_all()
        return "250 OK"

    def forget(self) -> None:
        with self._changed:
            self._taken.clear()

    def about(self, address: str) -> Taken:
        """The mail about this device, as soon as it is there."""
        self.about_all({address})
        return self._taken[address]

    def about_all(self, addresses: Collection[str]) -> float:
        """Wait for a mail about each; when the last one was taken."""
        wanted = set(addresses)
        with self._changed:
            if not self._changed.wait_for(lambda: wanted <= self._taken.keys(), LIMIT_S):
                raise TooSlowError(len(wanted - self._taken.keys()))
            return max(self._taken[address].had_at for address in wanted)
