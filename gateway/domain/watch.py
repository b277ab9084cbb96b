"""When a gateway that hears nothing must say so.

======  ===============================================  ====================================
state   when                                             leads to
======  ===============================================  ====================================
seeing  nothing heard for ``blind_after_s``              blind: WentBlind, Restart
seeing  the scanner doesn't run, tried long enough ago   Restart
blind   something heard since                            seeing: SeesAgain
blind   last restart ``restart_after_s`` ago             Restart
======  ===============================================  ====================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence is borne, in seconds."""

    blind_after_s: float
    restart_after_s: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Where the watchdog stands; all in ticks.

    Attributes:
        tried_at: when the scanner was last started.
        blind_since: None while it sees.
    """

    tried_at: float
    blind_since: float | None = None


@dataclass(frozen=True, slots=True)
class WentBlind:
    """Nothing was heard for ``silent_s``."""

    silent_s: float


@dataclass(frozen=True, slots=True)
class SeesAgain:
    """It was blind for ``blind_s``."""

    blind_s: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Reset the adapter and start scanning anew."""


Effect = WentBlind | SeesAgain | Restart


def decide(
    watch: Watch, patience: Patience, *, heard_at: float, running: bool, now: float
) -> tuple[Watch, tuple[Effect, ...]]:
    """One look.

    Args:
        watch: the state.
        patience: its limits.
        heard_at: ticks of the last advertisement of anybody, or of the start.
        running: the scanner could be started.
        now: ticks.
    """
    if watch.blind_since is not None and heard_at > watch.blind_since:
        return replace(watch, blind_since=None), (SeesAgain(heard_at - watch.blind_since),)
    if watch.blind_since is None and now - heard_at >= patience.blind_after_s:
        return Watch(now, now), (WentBlind(now - heard_at), Restart())
    impatient = watch.blind_since is not None or not running
    if impatient and now - watch.tried_at >= patience.restart_after_s:
        return replace(watch, tried_at=now), (Restart(),)
    return watch, ()
