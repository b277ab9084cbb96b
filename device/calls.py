"""What somebody wants of the wearer for a while: an answer, or a sound to be found by."""

from device import language
from device.settings import Settings
from protocols.ble import downlink

_ALERTS = (language.OFF, language.ALERT_MILD, language.ALERT_HIGH)
"""The sound of each level of Immediate Alert (Bluetooth SIG, Immediate Alert Service 1.0)."""


class Calls:
    """Each lasts until a moment in ms; 0 = nothing is wanted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.asking_until = 0
        self.locating_until = 0
        self.alert_until = 0
        self._alert = language.OFF

    def command(self, code: int, argument: int, now_ms: int) -> None:
        """From the hub, believed: ask, or sound for ``argument`` seconds."""
        if code == downlink.COMMAND_LOCATE:
            self.locating_until = now_ms + argument * 1000
        else:
            self.asking_until = now_ms + (argument * 1000 or self._settings.ask_ms)

    def answered(self) -> None:
        self.asking_until = 0

    def alert(self, level: int, now_ms: int) -> bool:
        """From anybody. False: there is no such level."""
        if not 0 <= level < len(_ALERTS):
            return False
        self._alert = _ALERTS[level]
        self.alert_until = now_ms + self._settings.alert_ms
        return True

    def asks(self, now_ms: int) -> bool:
        return now_ms < self.asking_until

    def pattern(self, now_ms: int) -> str:
        if now_ms < self.locating_until:
            return language.LOCATE
        return language.ASKED if self.asks(now_ms) else language.OFF

    def sound(self, now_ms: int) -> str:
        """Of an alert alone; anything the device has to say itself goes before it."""
        return self._alert if now_ms < self.alert_until else language.OFF

    def ends(self) -> "list[int]":
        return [self.asking_until, self.locating_until, self.alert_until]
