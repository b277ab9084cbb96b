"""The gateway as a program, in an air that is told line by line what to carry: ``address service-data``, in hex.

Says ``listening`` once it scans, and ``written address value`` of each write.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import app
from protocols.ids import Address
from tests.gateway.bluetooth import Bluetooth

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementDataCallback


class Air(Bluetooth):
    """An air fed from standard input."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Lines()

    def listen(self, listener: AdvertisementDataCallback) -> None:
        super().listen(listener)
        threading.Thread(target=self._feed, args=[asyncio.get_running_loop()], daemon=True).start()
        say("listening")

    def _feed(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            address, _, data = line.strip().partition(" ")
            loop.call_soon_threadsafe(self.advertise, Address(address), bytes.fromhex(data))


class Lines(list[tuple[str, bytes]]):
    """Each entry is said."""

    def append(self, entry: tuple[str, bytes]) -> None:
        say(f"written {entry[0]} {entry[1].hex()}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(config: Path) -> None:
    Air().install()
    app(["run", "--config", str(config)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
