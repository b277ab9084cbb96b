"""Notices that nothing is heard, says so, and sets the radio going again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateway.domain import watch
from protocols.mqtt.envelope import GatewayTrouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.moment import Moment
    from gateway.hearing.ear import Ear
    from gateway.hearing.radio import Radio

log = structlog.get_logger()


class Watchdog:
    """Looks at the ear, drives the radio, tells ``report`` when the gateway goes blind and when it sees again."""

    def __init__(
        self,
        ear: Ear,
        radio: Radio,
        patience: watch.Patience,
        *,
        report: Callable[[GatewayTrouble, str, Moment], None],
        now: Moment,
    ) -> None:
        self._ear = ear
        self._radio = radio
        self._patience = patience
        self._report = report
        self._watch = watch.Watch(tried_at=now.ticks)

    @property
    def blind(self) -> bool:
        return self._watch.blind_since is not None

    async def step(self, now: Moment) -> None:
        """One look; returns when a restart it led to is over, in a limited time."""
        self._watch, effects = watch.decide(
            self._watch, self._patience, heard_at=self._ear.heard_at, running=self._radio.running, now=now.ticks
        )
        for effect in effects:
            await self._do(effect, now)

    async def _do(self, effect: watch.Effect, now: Moment) -> None:
        match effect:
            case watch.WentBlind(silent_s):
                log.error("gateway blind", silent_s=round(silent_s))
                self._report(GatewayTrouble.BLIND, f"nothing heard for {silent_s:.0f} s", now)
            case watch.SeesAgain(blind_s):
                log.info("gateway sees again", blind_s=round(blind_s))
                self._report(GatewayTrouble.SEEING, f"hears again after {blind_s:.0f} s blind", now)
            case watch.Restart():
                await self._radio.restart()
