"""Whether there is a Bluetooth adapter, it is switched on, and it hears anybody."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.doctor.machine import NO_FIGURES, SHOW_FIGURES
from gateway.hearing.radio import adapter_arguments
from tocsin.doctor import Finding, fail, ok, warn

if TYPE_CHECKING:
    from gateway.doctor.machine import Machine

LISTEN_S: Final = 10.0
ADAPTERS: Final = Path("/sys/class/bluetooth")
SWITCHES: Final = Path("/sys/class/rfkill")
_DEAF: Final = "nothing heard for 10 s"
_ADVICE: Final = "is any Bluetooth device near? Otherwise unplug the adapter and plug it in again, or restart"


def hears(machine: Machine) -> Finding:
    """Advertisements of anybody: by the running gateway's count, or by listening."""
    trouble = _trouble(machine.settings.radio.adapter)
    if trouble is not None:
        return trouble
    return _of_running(machine) if machine.runs() else asyncio.run(_listen(machine))


def _trouble(adapter: str | None) -> Finding | None:
    """Off Linux there is nothing to look at."""
    if not ADAPTERS.parent.exists():
        return None
    there = sorted(path.name for path in ADAPTERS.glob("hci*") if ":" not in path.name)
    if not there or (adapter is not None and adapter not in there):
        found = f"there are {', '.join(there)}" if there else "there is none"
        return fail(f"no Bluetooth adapter {adapter or ''}: {found}", "plug it in, or correct radio.adapter")
    off = [path.name for path in SWITCHES.glob("rfkill*") if _is_off(path)]
    return fail(f"Bluetooth is switched off ({', '.join(off)})", "rfkill unblock bluetooth") if off else None


def _is_off(switch: Path) -> bool:
    def says(name: str) -> str:
        path = switch / name
        return path.read_text("utf-8").strip() if path.exists() else ""

    return says("type") == "bluetooth" and "1" in {says("soft"), says("hard")}


def _of_running(machine: Machine) -> Finding:
    before = machine.figures()
    if before is None:
        return warn(NO_FIGURES, SHOW_FIGURES)
    time.sleep(LISTEN_S)
    after = machine.figures() or before
    heard = int(after["adverts_heard_total"] - before["adverts_heard_total"])
    if after.get("blind") or not heard:
        return fail(_DEAF, _ADVICE)
    return ok(f"{heard} advertisements heard in {LISTEN_S:.0f} s")


async def _listen(machine: Machine) -> Finding:
    from bleak import BleakScanner

    heard = 0

    def count(_device: object, _data: object) -> None:
        nonlocal heard
        heard += 1

    scanner = BleakScanner(count, **adapter_arguments(machine.settings.radio))
    await scanner.start()
    await asyncio.sleep(LISTEN_S)
    await scanner.stop()
    return ok(f"{heard} advertisements heard in {LISTEN_S:.0f} s") if heard else fail(_DEAF, _ADVICE)
