"""What a board sends and shows."""

from device import language
from device.air import Air
from device.display import Scene
from device.frames import advertisement


class Output:
    """Read it after every input.

    Attributes:
        advertisement: 31 bytes of advertising data.
        service_data: the frame alone, as GATT's REPORT answers it.
        interval_ms: between two advertisements.
        led: pattern names of ``device/language.py``, as are ``buzzer`` and ``vibration``.
        revision: +1 whenever any of these changed.
    """

    def __init__(self) -> None:
        self.advertisement = b""
        self.service_data = b""
        self.interval_ms = 0
        self.led = self.buzzer = self.vibration = language.OFF
        self.revision = 0

    def publish(self, air: Air, scene: Scene) -> None:
        before = (self.service_data, self.interval_ms, self.led, self.buzzer, self.vibration)
        now = (air.service_data, air.interval_ms(), scene.led, scene.buzzer, scene.vibration)
        if now != before:
            self.service_data, self.interval_ms, self.led, self.buzzer, self.vibration = now
            self.advertisement = advertisement(self.service_data)
            self.revision += 1
