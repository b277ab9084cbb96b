"""Moments in milliseconds, or ``None`` for never."""


def soonest(times_ms: "list[int | None]") -> "int | None":
    known = [time for time in times_ms if time is not None]
    return min(known) if known else None
