"""Having things happen to a virtual alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.actions import Action
from simulator.wearable import Wearable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping


def _at_once(act: Callable[[Wearable], None]) -> Callable[[Wearable], Coroutine[None, None, None]]:
    async def do(alarm: Wearable) -> None:
        act(alarm)

    return do


DO: Final[Mapping[Action, Callable[[Wearable], Coroutine[None, None, None]]]] = {
    Action.PRESS: Wearable.press,
    Action.HOLD: Wearable.hold,
    Action.DOUBLE: Wearable.double,
    Action.TRIPLE: Wearable.triple,
    Action.FALL: Wearable.fall,
    Action.LIE_STILL: _at_once(Wearable.lie_still),
    Action.GET_UP: _at_once(Wearable.get_up),
    Action.REMOVE: _at_once(Wearable.take_off),
    Action.WEAR: _at_once(Wearable.put_on),
    Action.TAMPER: _at_once(Wearable.tamper),
    Action.SMASH: _at_once(Wearable.power_off),
    Action.SWITCH_ON: Wearable.power_on,
    Action.REBOOT: Wearable.reboot,
}
"""Each takes as long as it takes a person."""
