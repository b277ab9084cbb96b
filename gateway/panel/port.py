"""What the panel needs of pins (:mod:`gateway.panel.pins` has it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.domain.panel import Lamp, Light, Tune


class PinsError(Exception):
    """Pins that can't be used.

    Attributes:
        setting: which setting is about them.
        problem: what is wrong.
        remedy: what to do.
    """

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}. {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


class Pins(Protocol):
    """Everything may raise :class:`PinsError`."""

    def show(self, lamp: Lamp, light: Light) -> None: ...

    def sound(self, tune: Tune) -> None: ...

    def is_pressed(self) -> bool:
        """What the button does now; False without one."""
        ...

    def is_cut(self) -> bool:
        """Whether the supervised loop is open now; False without one."""
        ...

    def close(self) -> None: ...
