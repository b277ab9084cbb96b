from __future__ import annotations

from gateway.domain.watch import Effect, Patience, Restart, SeesAgain, Watch, WentBlind, decide

PATIENCE = Patience(blind_after_s=60, restart_after_s=30)


def look(watch: Watch, *, heard_at: float, now: float, running: bool = True) -> tuple[Watch, list[Effect]]:
    after, effects = decide(watch, PATIENCE, heard_at=heard_at, running=running, now=now)
    return after, list(effects)


def test_a_gateway_that_hears_something_now_and_then_is_not_blind() -> None:
    assert look(Watch(0.0), heard_at=50.0, now=109.0) == (Watch(0.0), [])


def test_a_minute_of_silence_is_blindness_and_restarts_the_scanner() -> None:
    watch, effects = look(Watch(0.0), heard_at=10.0, now=70.0)
    assert effects == [WentBlind(60.0), Restart()]
    assert watch.blind_since == 70.0


def test_blindness_is_said_once_while_restarts_go_on() -> None:
    watch, _ = look(Watch(0.0), heard_at=0.0, now=60.0)
    effects = []
    for now in range(61, 151):
        watch, done = look(watch, heard_at=0.0, now=float(now))
        effects += done
    assert effects == [Restart()] * 3


def test_the_first_advertisement_afterwards_is_seeing_again() -> None:
    watch, _ = look(Watch(0.0), heard_at=0.0, now=60.0)
    watch, effects = look(watch, heard_at=75.0, now=76.0)
    assert effects == [SeesAgain(15.0)]
    assert watch.blind_since is None


def test_a_scanner_that_could_not_be_started_is_tried_again_before_a_minute_is_over() -> None:
    watch, effects = look(Watch(0.0), heard_at=0.0, now=30.0, running=False)
    assert effects == [Restart()]
    assert look(watch, heard_at=0.0, now=31.0, running=False)[1] == []
