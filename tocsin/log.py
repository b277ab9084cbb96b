"""One way to log: structlog, key-value pairs, to standard error."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from tocsin.settings import LogSettings


def configure(settings: LogSettings, to: TextIO | None = None) -> None:
    """Set up logging of this process; libraries that use :mod:`logging` come out the same way.

    Args:
        settings: how much, and in which format.
        to: where; None = standard error.
    """
    out = sys.stderr if to is None else to
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    for noisy in ("amqtt", "transitions", "bumble", "bleak", "uvicorn.access", "httpx", "mail.log"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
