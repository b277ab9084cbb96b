"""The pins, by gpiozero.

Blinking and tunes run in gpiozero's own threads, and edges of the button come from them.

gpiozero finds the pins through ``GPIOZERO_PIN_FACTORY`` if that is set (see its documentation), otherwise through
lgpio, which drives every Raspberry Pi to this day. Its guessing among others is not used: they don't know newer models,
and what failed would be said of the last one tried.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from gpiozero import LED, Buzzer, Device, DigitalInputDevice, DigitalOutputDevice
from gpiozero.exc import GPIOPinInUse, PinFixedPull, PinUnknownPi

from gateway.domain.panel import Lamp, Light, Tune
from gateway.panel.port import PinsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.settings import PanelSettings

_BLINKS_S: Final = {Light.SLOW: (1.0, 1.0), Light.FAST: (0.15, 0.15)}
"""On and off."""
_TUNES: Final = {
    Tune.UNDERSTOOD: (0.4, 0.1, 1),
    Tune.STORED: (0.1, 0.1, 2),
    Tune.NOT_DELIVERED: (0.6, 0.2, 5),
    Tune.TOO_SHORT: (0.03, 0.1, 1),
    Tune.TEST_SENT: (0.03, 0.1, 4),
    Tune.TESTED: (0.03, 0.1, 12),
}
"""On and off in seconds, and how often."""
_REMEDIES: Final = {
    ImportError: "Install the driver: 'tools/install-locked /opt/tocsin gateway,panel' (docs/panel.md)",
    PinUnknownPi: "This is no Raspberry Pi: leave panel.enabled off",
    PermissionError: "Let the gateway's user use the pins: add it to the group 'gpio'",
    GPIOPinInUse: "Choose another pin, or end what uses this one",
    PinFixedPull: "GPIO2 and GPIO3 are pulled up by resistors of their own: choose others, or wire to ground",
}
_SAID: Final = {"permission": PermissionError, "can not open": PermissionError, "busy": GPIOPinInUse}
"""What lgpio says -> the error that it means; its own class tells nothing."""
_OTHER: Final = "Choose a pin that this board has and nothing else uses"


class GpioPins:
    """The pins of a panel.

    Args:
        settings: which pins.
        edge: told of each change of the button, pressed or not, on any thread.

    Raises:
        PinsError: they can't be used.
    """

    def __init__(self, settings: PanelSettings, *, edge: Callable[[bool], None]) -> None:
        self._settings = settings
        self._open: list[Any] = []
        self._factory = _factory()
        try:
            self._lamps = {lamp: self._lamp(f"{lamp}_pin", pin) for lamp, pin in settings.lamps.items()}
            self._buzzer = self._output(Buzzer, "buzzer_pin", settings.buzzer_pin, settings.buzzer_active_high)
            self._button = self._input("button_pin", settings.button_pin)
            self._loop = self._input("loop_pin", settings.loop_pin)
        except PinsError:
            self.close()
            raise
        if self._button is not None:
            self._button.when_activated = lambda: edge(settings.pressed_when_closed)
            self._button.when_deactivated = lambda: edge(not settings.pressed_when_closed)

    def show(self, lamp: Lamp, light: Light) -> None:
        led = self._lamps.get(lamp)
        if led is None:
            return
        with _saying(f"{lamp}_pin"):
            if light in _BLINKS_S:
                led.blink(*_BLINKS_S[light])
            else:
                led.value = light is Light.STEADY

    def sound(self, tune: Tune) -> None:
        if self._buzzer is None or self._settings.silent:
            return
        with _saying("buzzer_pin"):
            self._buzzer.blink(*_TUNES[tune])

    def is_pressed(self) -> bool:
        if self._button is None:
            return False
        with _saying("button_pin"):
            return bool(self._button.is_active) is self._settings.pressed_when_closed

    def is_cut(self) -> bool:
        if self._loop is None:
            return False
        with _saying("loop_pin"):
            return not self._loop.is_active

    def close(self) -> None:
        """All lamps go dark."""
        for device in self._open:
            with _saying("enabled"):
                if isinstance(device, DigitalOutputDevice):
                    device.off()
                device.close()
        self._open.clear()

    def _lamp(self, setting: str, pin: int | None) -> Any:  # noqa: ANN401 - gpiozero has no types
        return self._output(LED, setting, pin, self._settings.lamps_active_high)

    def _output(self, kind: Any, setting: str, pin: int | None, active_high: bool) -> Any:  # noqa: ANN401, FBT001
        return self._keep(setting, lambda: kind(pin, active_high=active_high, pin_factory=self._factory), pin)

    def _input(self, setting: str, pin: int | None) -> Any:  # noqa: ANN401
        to_ground = self._settings.button_to == "ground"
        return self._keep(setting, lambda: DigitalInputDevice(pin, pull_up=to_ground, pin_factory=self._factory), pin)

    def _keep(self, setting: str, make: Callable[[], Any], pin: int | None) -> Any:  # noqa: ANN401
        if pin is None:
            return None
        with _saying(setting):
            device = make()
        self._open.append(device)
        return device


def _factory() -> Any:  # noqa: ANN401
    """What drives the pins; one that the process was given already is kept."""
    with _saying("enabled"):
        if Device.pin_factory is None and "GPIOZERO_PIN_FACTORY" not in os.environ:
            from gpiozero.pins.lgpio import LGPIOFactory

            Device.pin_factory = LGPIOFactory()
        Device.ensure_pin_factory()
    return Device.pin_factory


@contextmanager
def _saying(setting: str) -> Iterator[None]:
    """What gpiozero and its drivers raise (lgpio has a class of its own), with the setting and a remedy.

    Raises:
        PinsError: something was raised.
    """
    try:
        yield
    except Exception as failure:
        raise PinsError(f"panel.{setting}", f"{type(failure).__name__}: {failure}", _remedy(failure)) from failure


def _remedy(failure: Exception) -> str:
    said = str(failure).lower()
    kinds = {type(failure), *(kind for words, kind in _SAID.items() if words in said)}
    return next((remedy for kind, remedy in _REMEDIES.items() if any(issubclass(one, kind) for one in kinds)), _OTHER)
