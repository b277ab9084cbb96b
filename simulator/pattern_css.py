"""The patterns of ``device/language.py`` as CSS animations, so that a page shows what a board would play."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from device import language

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from device.language import Pattern

_KINDS: Final[Mapping[str, Mapping[str, Pattern]]] = {
    "led": language.LED,
    "buzzer": language.BUZZER,
    "vibration": language.VIBRATION,
}


def stylesheet() -> str:
    """Classes ``led-stored``, ``buzzer-stored``, ``vibration-stored`` and so on; a colour as ``--lit``."""
    return "\n".join(
        rule
        for kind, patterns in _KINDS.items()
        for name, pattern in patterns.items()
        for rule in _rules(kind, name, pattern)
    )


def patterns() -> dict[str, dict[str, object]]:
    """What a page needs to let the buzzer be heard: steps (on_ms, off_ms) and repeats (0 = for ever), by name."""
    return {
        name: {"steps": pattern.steps, "repeats": pattern.repeats}
        for name, pattern in language.BUZZER.items()
        if pattern.steps
    }


def _rules(kind: str, name: str, pattern: Pattern) -> Iterator[str]:
    total_ms = sum(on + off for on, off in pattern.steps)
    if not total_ms:
        return
    times = "infinite" if pattern.repeats == language.FOREVER else str(pattern.repeats)
    colour = f"--lit: var(--{pattern.colour}); " if pattern.colour else ""
    yield f".{kind}-{name} {{ {colour}animation: {kind}-{name} {total_ms}ms step-end {times}; }}"
    yield f"@keyframes {kind}-{name} {{ {' '.join(_frames(pattern, total_ms))} }}"


def _frames(pattern: Pattern, total_ms: int) -> Iterator[str]:
    starts = accumulate((on + off for on, off in pattern.steps), initial=0)
    for start, (on, off) in zip(starts, pattern.steps, strict=False):
        yield f"{100 * start / total_ms:.3f}% {{ opacity: 1; }}"
        if off:
            yield f"{100 * (start + on) / total_ms:.3f}% {{ opacity: 0; }}"
