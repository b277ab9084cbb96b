"""A Raspberry Pi's header without the Pi: gpiozero's mock pins, and fingers on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEARING, ONLINE, ALARM, BUZZER, BUTTON, LOOP = 17, 27, 22, 23, 24, 25
PANEL = f"""
[panel]
enabled = true
hearing_pin = {HEARING}
online_pin = {ONLINE}
alarm_pin = {ALARM}
buzzer_pin = {BUZZER}
button_pin = {BUTTON}
hold_s = 0.3
"""


class Header:
    """The pins, from outside. A pin has a voltage from the beginning, whoever uses it."""

    def __init__(self) -> None:
        self.factory = MockFactory()

    def install(self) -> None:
        Device.pin_factory = self.factory

    def remove(self) -> None:
        self.factory.reset()
        Device.pin_factory = None

    def pin(self, number: int) -> Any:
        return self.factory.pin(number)

    def is_high(self, number: int) -> bool:
        return bool(self.pin(number).state)

    def low(self, number: int) -> None:
        self.pin(number).drive_low()

    def high(self, number: int) -> None:
        self.pin(number).drive_high()

    def blinks(self, number: int, times: int = 3) -> bool:
        """Whether it changes so often before long."""
        before = len(self.pin(number).states)
        eventually(lambda: len(self.pin(number).states) >= before + times, within_s=10)
        return True

    def is_steady(self, number: int) -> Callable[[], bool]:
        return lambda: self.is_high(number)


def header() -> Iterator[Header]:
    """For a fixture."""
    made = Header()
    made.install()
    yield made
    made.remove()
