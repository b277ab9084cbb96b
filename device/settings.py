"""What can be set on a device. Times in milliseconds."""

SLOWEST_ALARM_INTERVAL_MS = 200
"""5 Hz: an alarm is never advertised slower than this in its first seconds."""


class SettingError(ValueError):
    """A setting that does not exist, or a value it can't have.

    Attributes:
        name: of the setting.
        value: what was given.
    """

    def __init__(self, name: str, value: int, problem: str) -> None:
        super().__init__(f"{name} = {value!r}: {problem}")
        self.name = name
        self.value = value


class Settings:
    """All settings with their defaults; ``Settings(long_press_ms=2000)`` changes some.

    Raises:
        SettingError: no such setting, a negative value, or an alarm slower than 5 Hz.
    """

    bounce_ms = 20  # an up and a down closer than this are one press going on
    long_press_ms = 1500
    multi_press_gap_ms = 500  # a gesture is complete when nothing was pressed for this long

    prealarm_fall_ms = 30000
    prealarm_no_motion_ms = 30000
    prealarm_removed_ms = 30000
    panic_prealarm_ms = 0  # 0 = a panic is an alarm at once
    no_motion_after_ms = 0  # 0 = off
    removed_alarms = False  # False = taking it off is a notice, and the hub judges by the session

    heartbeat_every_ms = 10000
    refresh_every_ms = 2000  # an event not yet receipted gets a new frame this often
    idle_interval_ms = 1000
    alarm_interval_ms = 150
    alarm_fast_ms = 30000
    alarm_slow_interval_ms = 500
    notice_interval_ms = 500

    not_delivered_ms = 20000
    shown_ms = 5000  # how long something finished is shown
    ask_ms = 60000  # how long "are you all right?" waits, when the hub does not say
    alert_ms = 10000  # the longest sound an unauthenticated Immediate Alert gets
    discreet_silent = True  # a discreet panic shows no light and makes no sound

    low_battery_percent = 20
    battery_recovered_percent = 5  # above low_battery_percent by this much: charged again

    def __init__(self, **changes: int) -> None:
        for name, value in changes.items():
            self._check(name, value)
            setattr(self, name, value)

    def _check(self, name: str, value: int) -> None:
        if name.startswith("_") or not hasattr(self, name):
            raise SettingError(name, value, "no such setting")
        if value < 0:
            raise SettingError(name, value, "negative")
        if name == "alarm_interval_ms" and not 20 <= value <= SLOWEST_ALARM_INTERVAL_MS:
            raise SettingError(name, value, "an alarm is advertised every 20 to 200 ms")
