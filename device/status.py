"""The state of the device itself, as every frame carries it."""

from device import language
from device.settings import Settings


class Status:
    """Attributes: ``battery`` in percent, and what is or is not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.battery = 100
        self.battery_low = False
        self.worn = True
        self.charging = False
        self.test_failed = False
        self.store_failed = False

    @property
    def fault(self) -> bool:
        return self.test_failed or self.store_failed

    def became_low(self) -> bool:
        """Judge the battery anew: True once, when it has become low and nobody charges it."""
        limit = self._settings.low_battery_percent
        if self.charging or self.battery > limit + self._settings.battery_recovered_percent:
            self.battery_low = False
        elif self.battery <= limit and not self.battery_low:
            self.battery_low = True
            return True
        return False

    def pattern(self) -> str:
        if self.fault:
            return language.FAULT
        if self.charging:
            return language.CHARGING
        return language.LOW_BATTERY if self.battery_low else language.OFF
