"""Switching a BlueZ adapter off and on: the cure for one that hangs.

Source: org.bluez.Adapter(5), property ``Powered``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

DEFAULT_ADAPTER: Final = "hci0"
_OFF_FOR_S: Final = 0.5


class ResetError(Exception):
    """The adapter could not be switched.

    Attributes:
        adapter: its name.
        detail: what BlueZ or D-Bus said.
    """

    def __init__(self, adapter: str, detail: str) -> None:
        super().__init__(f"{adapter}: {detail}")
        self.adapter = adapter
        self.detail = detail


async def power_cycle(adapter: str | None, *, off_for_s: float = _OFF_FOR_S) -> None:
    """Switch ``adapter`` (None = hci0) off, and on again.

    Raises:
        ResetError: BlueZ refuses, or isn't there.
    """
    from dbus_fast import BusType
    from dbus_fast.aio import MessageBus

    name = adapter or DEFAULT_ADAPTER
    try:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    except (OSError, EOFError) as absent:
        raise ResetError(name, f"no system bus: {absent}") from absent
    try:
        await _set_powered(bus, name, on=False)
        await asyncio.sleep(off_for_s)
        await _set_powered(bus, name, on=True)
    finally:
        bus.disconnect()


async def _set_powered(bus: MessageBus, adapter: str, *, on: bool) -> None:
    from dbus_fast import Message, MessageType, Variant

    answer = await bus.call(
        Message(
            destination="org.bluez",
            path=f"/org/bluez/{adapter}",
            interface="org.freedesktop.DBus.Properties",
            member="Set",
            signature="ssv",
            body=["org.bluez.Adapter1", "Powered", Variant("b", on)],
        )
    )
    if answer is None or answer.message_type is MessageType.ERROR:
        raise ResetError(adapter, "no answer" if answer is None else f"{answer.error_name}: {answer.body}")
