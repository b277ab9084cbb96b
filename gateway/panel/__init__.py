"""Lamps, a buzzer and a button on the wall, on the pins of a Raspberry Pi."""
