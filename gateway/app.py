"""The gateway as a program. With :mod:`gateway.clock`, the only place that reads a clock."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from gateway.clock import Clock
from gateway.composition import Gateway
from gateway.loops import unchanged
from tocsin.log import configure

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.moment import Moment
    from gateway.loops import Pace
    from gateway.metrics import Metrics
    from gateway.settings import GatewaySettings

log = structlog.get_logger()


def run(settings: GatewaySettings, clock: Callable[[], Moment] | None = None, pace: Pace = unchanged) -> None:
    """Run until SIGTERM or SIGINT, then leave properly: the status says offline.

    Args:
        settings: all there is to know.
        clock: tells the present moment; None = the machine's own.
        pace: how fast that clock runs.

    Raises:
        SettingsError: a key or password file can't be used.
        OutboxBusyError: another gateway has this data directory.
    """
    configure(settings.log)
    asyncio.run(_until_signalled(settings, clock or Clock(), pace))


async def _until_signalled(settings: GatewaySettings, clock: Callable[[], Moment], pace: Pace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread: its caller stops it
            loop.add_signal_handler(number, stop.set)
    await serve(settings, stop, clock, pace)


async def serve(
    settings: GatewaySettings,
    stop: asyncio.Event,
    clock: Callable[[], Moment] | None = None,
    pace: Pace = unchanged,
) -> None:
    """Run on this event loop until ``stop`` is set. Raises what :func:`run` does."""
    gateway = Gateway(settings, clock or Clock(), asyncio.get_running_loop(), pace)
    gateway.start()
    unserve = _serve(gateway.metrics, settings.metrics.port)
    try:
        await stop.wait()
    finally:
        await gateway.stop()
        await asyncio.to_thread(unserve)


def _serve(metrics: Metrics, port: int | None) -> Callable[[], None]:
    """Returns what ends it. A port that is taken costs the metrics, not the gateway."""
    try:
        return _nothing if port is None else metrics.serve(port)
    except OSError as failure:
        log.warning("metrics can't be served", port=port, error=str(failure))
        return _nothing


def _nothing() -> None:
    """There is nothing to end."""
