"""What can happen to a personal alarm, by the word a person uses for it."""

from enum import StrEnum


class Action(StrEnum):
    PRESS = "press"
    HOLD = "hold"
    DOUBLE = "double"
    TRIPLE = "triple"
    FALL = "fall"
    LIE_STILL = "lie-still"
    GET_UP = "get-up"
    REMOVE = "remove"
    WEAR = "wear"
    TAMPER = "tamper"
    SMASH = "smash"
    SWITCH_ON = "switch-on"
    REBOOT = "reboot"
