"""bleak on the virtual radio: unmodified ``BleakScanner`` and ``BleakClient`` use it after :func:`install`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import bleak

from simulator import adapter
from simulator.bleak_client import VirtualClient
from simulator.bleak_scanner import VirtualScanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BACKEND: Final = "tocsin-virtual-radio"
_SCANNER: Final = "get_platform_scanner_backend_type"
_CLIENT: Final = "get_platform_client_backend_type"


def install(adapters: Mapping[str, adapter.Adapter]) -> None:
    """Make bleak use these adapters, by name (``hci0``), the first being the default."""
    adapter.installed.clear()
    adapter.installed.update(adapters)
    vars(bleak)[_SCANNER] = lambda: (VirtualScanner, BACKEND)
    vars(bleak)[_CLIENT] = lambda: (VirtualClient, BACKEND)


@contextlib.contextmanager
def installed(adapters: Mapping[str, adapter.Adapter]) -> Iterator[None]:
    """:func:`install` for a while."""
    before = {name: vars(bleak)[name] for name in (_SCANNER, _CLIENT)}
    install(adapters)
    try:
        yield
    finally:
        vars(bleak).update(before)
        adapter.installed.clear()
