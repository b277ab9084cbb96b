"""What a device can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.ble import layout

if TYPE_CHECKING:
    from protocols.ids import EventIdentity


class Cause(IntEnum):
    """Why a device speaks."""

    HEARTBEAT = layout.CAUSE_HEARTBEAT
    PANIC = layout.CAUSE_PANIC
    DISCREET_PANIC = layout.CAUSE_DISCREET_PANIC
    FALL = layout.CAUSE_FALL
    NO_MOTION = layout.CAUSE_NO_MOTION
    REMOVED = layout.CAUSE_REMOVED
    TAMPER = layout.CAUSE_TAMPER
    CHECK_IN = layout.CAUSE_CHECK_IN
    LOW_BATTERY = layout.CAUSE_LOW_BATTERY
    TEST = layout.CAUSE_TEST

    @property
    def label(self) -> str:
        """In words, for a person: ``no motion``."""
        return self.name.lower().replace("_", " ")


class Stage(IntEnum):
    """How far an event has come on the device."""

    NOTICE = layout.STAGE_NOTICE
    PRE_ALARM = layout.STAGE_PRE_ALARM
    ALARM = layout.STAGE_ALARM
    CANCELLED = layout.STAGE_CANCELLED
    DURESS = layout.STAGE_DURESS

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Told(IntEnum):
    """What the wearer was last told of an event."""

    NOTHING = layout.TOLD_NOTHING
    HEARD = layout.TOLD_HEARD
    STORED = layout.TOLD_STORED
    PERSON_HAS_IT = layout.TOLD_PERSON_HAS_IT
    HELP_SENT = layout.TOLD_HELP_SENT
    NOT_DELIVERED = layout.TOLD_NOT_DELIVERED
    CLOSED = layout.TOLD_CLOSED

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", " ")


ALARM_STAGES = frozenset({Stage.PRE_ALARM, Stage.ALARM, Stage.DURESS})
"""Stages in which somebody may need help."""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One authenticated frame of a device, in words.

    Attributes:
        identity: which event.
        counter: of the frame; rises with every new frame, never repeats under one key.
        cause: why the device speaks.
        stage: how far the event has come.
        age_s: seconds since the stage was reached; None = over two hours, or unknown.
        battery: percent.
        told: what the wearer was last told of this event.
        worn: False when the device noticed that it is not on a body.
        charging: on a charger.
        fault: its self-test or a sensor failed.
    """

    identity: EventIdentity
    counter: int
    cause: Cause
    stage: Stage
    age_s: int | None
    battery: int
    told: Told
    worn: bool
    charging: bool
    fault: bool

    @property
    def is_heartbeat(self) -> bool:
        return self.cause is Cause.HEARTBEAT

    @property
    def key(self) -> tuple[EventIdentity, Stage]:
        """What makes two frames say the same thing: repeats share it, a next stage does not."""
        return self.identity, self.stage
