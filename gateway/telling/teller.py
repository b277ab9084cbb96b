"""Writes to each device what waits for it: one connection per device at a time, three at once.

A write that the stack calls successful proves nothing; whether the device believed it is seen in its next frames, and
the hub is asked again if they don't show it (:mod:`gateway.domain.hearing`). Nothing here ever says *delivered*.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

import structlog

from gateway.domain import telling
from gateway.telling.client import Client, Limits, RefusedError, TellError, connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from gateway.domain.hearing import HeardFrame
    from gateway.domain.keyring import Keyring
    from gateway.domain.moment import Moment
    from protocols.ids import Address

log = structlog.get_logger()

CONNECTIONS: Final = 3
_LOOK_S: Final = 0.25
_IDLE_S: Final = 10.0


class Teller:
    """Lives on one event loop; :meth:`step` starts what is due and takes in what has ended.

    Args:
        keyring: of the expected devices.
        client: makes a client of a device, or None while it is not heard.
        limits: of each call.
        wake: called when :meth:`step` has something to do.
        refused: told of bytes for a device that are not sealed for it.

    Attributes:
        failures: what failed, by call; ``stranger`` and ``unsealed`` (refused), ``expired`` and ``dropped`` count
            downlinks not written.
        written: downlinks written, as far as the stack says.
    """

    def __init__(
        self,
        keyring: Keyring,
        client: Callable[[Address, Moment], Client | None],
        *,
        limits: Limits | None = None,
        wake: Callable[[], None] = lambda: None,
        refused: Callable[[str, Moment], None] = lambda _what, _now: None,
    ) -> None:
        self._keyring = keyring
        self._client = client
        self._limits = limits or Limits()
        self._wake = wake
        self._refused = refused
        self._lines: dict[Address, telling.Line] = {}
        self._attempts: dict[Address, asyncio.Task[None]] = {}
        self.failures: Counter[str] = Counter()
        self.written = 0

    def tell(self, address: Address, value: bytes, for_s: float, now: Moment) -> None:
        """The hub's word for a device, worth writing for ``for_s`` seconds."""
        try:
            new = telling.read(address, self._keyring.of(address), value, expires=now.ticks + for_s)
        except telling.DownlinkError as refusal:
            self._refuse(refusal, now)
            return
        line, dropped = telling.with_downlink(self._line(address), new)
        self._lines[address] = line
        self._count("dropped", address, dropped)
        self._wake()

    def heard(self, heard: HeardFrame, now: Moment) -> None:
        """Our own word on an event frame."""
        report = heard.report
        address = report.identity.address
        word = telling.Heard(report.identity, report.counter, now.ticks + telling.HEARD_FOR_S, heard.key)
        self._lines[address] = telling.with_heard(self._line(address), word, now=now.ticks)
        self._wake()

    def step(self, now: Moment) -> float:
        """Returns how many seconds later it wants to be called again at the latest."""
        for address in [address for address, task in self._attempts.items() if task.done()]:
            self._take_in(address, self._attempts.pop(address), now)
        for address in list(self._lines):
            self._forget_expired(address, now)
        for address in self._due(now):
            self._attempts[address] = asyncio.create_task(self._attempt(address, now))
            self._attempts[address].add_done_callback(lambda _: self._wake())
        return _LOOK_S if self._lines else _IDLE_S

    async def stop(self) -> None:
        """End what is under way."""
        attempts = list(self._attempts.values())
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    def _refuse(self, refusal: telling.DownlinkError, now: Moment) -> None:
        self.failures["unsealed" if refusal.address in self._keyring else "stranger"] += 1
        log.warning("downlink refused", address=refusal.address, error=str(refusal))
        self._refused(f"bytes for {refusal.address} that were not sealed for it", now)

    def _line(self, address: Address) -> telling.Line:
        return self._lines.get(address, telling.Line())

    def _due(self, now: Moment) -> list[Address]:
        """Who may be connected to now; those that failed least come first, then those that waited longest."""
        due = [
            (line.failures, line.not_before, address)
            for address, line in self._lines.items()
            if address not in self._attempts and not line.empty and line.not_before <= now.ticks
        ]
        room = CONNECTIONS - len(self._attempts)
        return [address for *_, address in sorted(due)[: max(0, room)]]

    async def _attempt(self, address: Address, now: Moment) -> None:
        client = self._client(address, now)
        if client is None:
            raise TellError(address, "unheard", "the device is not heard")
        async with connected(address, client, self._limits) as write:
            await self._write_all(address, write)

    async def _write_all(self, address: Address, write: Callable[[bytes], Awaitable[None]]) -> None:
        """What waits, and what comes meanwhile. A word the device refuses holds up none of the others."""
        refused: dict[bytes, RefusedError] = {}
        while (word := self._next(address, refused)) is not None:
            value = _bytes_of(word)
            try:
                await write(value)
            except RefusedError as refusal:
                refused[value] = refusal
            else:
                self._lines[address] = telling.written(self._line(address), word)
                self.written += 1
        if refused:
            raise next(iter(refused.values()))

    def _next(self, address: Address, refused: Collection[bytes]) -> telling.Downlink | telling.Heard | None:
        words = self._line(address).words
        return next((word for word in words if _bytes_of(word) not in refused), None)

    def _take_in(self, address: Address, attempt: asyncio.Task[None], now: Moment) -> None:
        failure = asyncio.CancelledError("by the stack") if attempt.cancelled() else attempt.exception()
        if failure is None:
            self._lines[address] = telling.succeeded(self._line(address))
            return
        call = failure.call if isinstance(failure, TellError) else type(failure).__name__
        self.failures[call] += 1
        log.warning("device not told", address=address, call=call, error=str(failure))
        self._lines[address] = telling.failed(self._line(address), now=now.ticks)

    def _forget_expired(self, address: Address, now: Moment) -> None:
        line, expired = telling.unexpired(self._line(address), now=now.ticks)
        if address not in self._keyring:
            line, expired = telling.Line(), expired + len(line.waiting)
        self._lines[address] = line
        self._count("expired", address, expired)
        if line.empty and address not in self._attempts:
            del self._lines[address]

    def _count(self, what: str, address: Address, times: int) -> None:
        if times:
            self.failures[what] += times
            log.warning("downlink given up", address=address, why=what, times=times)


def _bytes_of(word: telling.Downlink | telling.Heard) -> bytes:
    return word.seal() if isinstance(word, telling.Heard) else word.value
