"""The gateway as a program, with its panel on mock pins that are touched line by line from outside.

``low 24`` and ``high 24`` put a voltage on a pin; ``look`` is answered with a JSON object: pin -> how often it changed,
and whether it is high now. Says ``ready`` once it hears.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import app
from tests.gateway.bluetooth import Bluetooth
from tests.gateway.panel.wall import Header

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementDataCallback

OTHERS = "5E:EE:00:00:00:01"
"""Somebody's headphones, so that the radio hears something."""


class Wall(Bluetooth):
    """The pins and the air of one gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.header = Header()
        self.header.install()

    def listen(self, listener: AdvertisementDataCallback) -> None:
        super().listen(listener)
        threading.Thread(target=self._obey, args=[asyncio.get_running_loop()], daemon=True).start()
        say("ready")

    def _obey(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon_threadsafe(self.advertise, OTHERS, b"")
        for line in sys.stdin:
            word, _, pin = line.strip().partition(" ")
            if word == "look":
                say(json.dumps(self._look()))
            else:
                getattr(self.header, word)(int(pin))

    def _look(self) -> dict[int, tuple[int, bool]]:
        pins = dict(self.header.factory.pins)
        return {info.name: (len(pin.states), bool(pin.state)) for info, pin in pins.items()}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(config: Path) -> None:
    Wall().install()
    app(["run", "--config", str(config)])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
