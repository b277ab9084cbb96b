"""Resetting the adapter, against BlueZ's interface on a message bus of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property

from gateway.hearing.reset import ResetError, power_cycle
from tests.services import program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is Linux's")


class Adapter(ServiceInterface):
    """BlueZ's adapter, as far as it is needed."""

    def __init__(self) -> None:
        super().__init__("org.bluez.Adapter1")
        self.switched: list[bool] = []

    @dbus_property()
    def Powered(self) -> b:  # type: ignore[name-defined]  # noqa: N802, F821 - D-Bus names and signatures
        return self.switched[-1]

    @Powered.setter
    def Powered(self, on: b) -> None:  # type: ignore[name-defined,no-redef]  # noqa: N802, F821
        self.switched.append(on)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a message bus that stands in for the system's."""
    command = [program("dbus-daemon"), "--session", "--nofork", "--print-address"]
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    address = daemon.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield address
    daemon.kill()
    daemon.communicate()


async def test_an_adapter_is_switched_off_and_on(bus: str) -> None:
    adapter = Adapter()
    bluez = await MessageBus(bus_address=bus).connect()
    bluez.export("/org/bluez/hci1", adapter)
    await bluez.request_name("org.bluez")
    await power_cycle("hci1", off_for_s=0.0)
    bluez.disconnect()
    assert adapter.switched == [False, True]


async def test_without_bluez_the_reset_fails_and_says_why(bus: str) -> None:
    with pytest.raises(ResetError, match=r"hci0: .*ServiceUnknown"):
        await power_cycle(None, off_for_s=0.0)


async def test_without_a_bus_the_reset_fails_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/no/such/bus")
    with pytest.raises(ResetError, match="hci0: no system bus"):
        await power_cycle(None)
