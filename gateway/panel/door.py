"""Test mode of the button is asked for on the gateway's own machine, through a socket that only its user can reach."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = structlog.get_logger()

NAME: Final = "panel.sock"
"""In the gateway's data directory."""
BEGUN: Final = "begun"
_PATIENCE_S: Final = 5.0
_LONGEST: Final = 1000


class RefusedError(Exception):
    """Test mode did not begin. The message says why, for a person."""


async def serve(directory: Path, begin: Callable[[], str | None]) -> None:
    """Answer for ever. A socket that can't be made costs the test mode, not the gateway.

    Args:
        directory: the gateway's data directory.
        begin: begins test mode; returns what is against it.
    """
    path = directory / NAME

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((begin() or BEGUN).encode())
        writer.close()

    try:
        server = await asyncio.start_unix_server(answer, path)
        path.chmod(0o600)
    except OSError as failure:
        log.warning("the button can't be tested", socket=str(path), error=str(failure))
        return
    async with server:
        await server.serve_forever()


def ask(directory: Path) -> None:
    """Begin test mode of the gateway that runs with this data directory.

    Raises:
        RefusedError: it did not begin.
    """
    path = directory / NAME
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE_S)
            line.connect(str(path))
            answer = line.recv(_LONGEST).decode(errors="replace")
    except OSError as failure:
        problem = f"No gateway with a panel answers at {path} ({failure}). Does it run? Is panel.enabled set?"
        raise RefusedError(problem) from failure
    if answer != BEGUN:
        raise RefusedError(answer or "The gateway is leaving")
