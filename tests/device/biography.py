"""Plays a device's life from standard input and prints what could be seen. Runs on MicroPython and on CPython.

First line: the root of the source tree; then root key, address, epoch, counter, generation. Then one input a line: its
name and its numbers, bytes in hexadecimal. After each: advertisement, interval, patterns, next deadline, refusals.
"""

import sys


def ecb(key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - MicroPython has no typing
    try:
        from cryptolib import aes  # type: ignore[import-not-found]
    except ImportError:
        from protocols.ble.aes import block

        return block(key)
    return aes(key, 1).encrypt


class Flash:
    """Says what was saved."""

    def __init__(self, epoch: int, counter: int, generation: int, say) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.kept = (epoch, counter, generation)
        self.say = say

    def load(self) -> "tuple[int, int, int]":
        return self.kept

    def save(self, epoch: int, counter: int, generation: int) -> None:
        self.kept = (epoch, counter, generation)
        self.say(f"saved {epoch} {counter} {generation}")


def sight(core) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    output = core.output
    seen = (output.advertisement.hex(), output.interval_ms, output.led, output.buzzer, output.vibration)
    return f"{seen} {core.next_ms} {sorted(core.refused.items())}"


def play(core, line: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    words = line.split()
    if words[0] == "downlink":
        core.downlink(bytes.fromhex(words[1]) if words[1] != "-" else b"", int(words[2]))
    else:
        getattr(core, words[0])(*[int(word) for word in words[1:]])


def live(head: str, lines, say) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Say what is seen and saved in a life."""
    from device.core import Core
    from device.settings import Settings

    key, address, epoch, counter, generation = head.split()
    store = Flash(int(epoch), int(counter), int(generation), say)
    core = Core(ecb, bytes.fromhex(key), bytes.fromhex(address), store, Settings(no_motion_after_ms=45000))
    for line in lines:
        play(core, line)
        say(sight(core))


if __name__ == "__main__":
    sys.path.insert(0, sys.stdin.readline().strip())
    live(sys.stdin.readline(), sys.stdin, print)
