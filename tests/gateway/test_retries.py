from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.outgoing import Rank
from gateway.domain.retries import WINDOW, Retries


def send(retries: Retries, now: float, most: int = 10_000) -> list[str]:
    taken = retries.take(now=now, most=most)
    for event in taken:
        retries.sent(event, now=now)
    return taken


def test_a_new_event_goes_out_at_once_and_again_after_2_4_8_16_30_30_seconds() -> None:
    retries = Retries()
    retries.add("a", Rank.ALARM, now=0.0)
    times = [now for now in range(200) if send(retries, float(now))]
    assert times == [0, 2, 6, 14, 30, 60, 90, 120, 150, 180]


def test_alarms_go_first_then_cancels_then_trouble_then_notices() -> None:
    retries = Retries()
    for rank in reversed(Rank):
        retries.add(rank.name, rank, now=0.0)
    assert send(retries, 0.0) == [rank.name for rank in Rank]


def test_a_receipt_ends_it() -> None:
    retries = Retries()
    retries.add("a", Rank.ALARM, now=0.0)
    send(retries, 0.0)
    retries.receipted("a")
    assert (send(retries, 1000.0), retries.next_due(), len(retries)) == ([], None, 0)


def test_what_could_not_be_sent_is_tried_again_a_second_later() -> None:
    retries = Retries()
    retries.add("a", Rank.ALARM, now=0.0)
    assert retries.take(now=0.0, most=1) == ["a"]
    retries.unsent("a", now=0.0)
    assert send(retries, 0.9) == []
    assert send(retries, 1.0) == ["a"]


def test_a_new_connection_makes_everything_due_alarms_first() -> None:
    retries = Retries()
    retries.add("notice", Rank.NOTICE, now=0.0)
    retries.add("alarm", Rank.ALARM, now=0.0)
    for now in (0.0, 2.0, 6.0, 14.0):
        send(retries, now)
    retries.all_due(now=15.0)
    assert send(retries, 15.0) == ["alarm", "notice"]
    assert retries.next_due() == 17.0


def test_a_long_outage_does_not_end_in_a_flood_but_a_new_alarm_does_not_wait() -> None:
    retries = Retries()
    for number in range(1000):
        retries.add(f"old-{number}", Rank.ALARM, now=0.0)
    assert len(send(retries, 0.0)) == WINDOW
    retries.add("new", Rank.ALARM, now=0.5)
    retries.hurry("new")
    assert send(retries, 0.5) == ["new"]
    assert retries.next_due() == 2.0


def test_an_alarm_that_hurries_twice_is_sent_once() -> None:
    retries = Retries()
    retries.add("new", Rank.ALARM, now=0.0)
    retries.hurry("new")
    retries.hurry("new")
    assert send(retries, 0.0) == ["new"]
    assert send(retries, 1.9) == []


def test_receipts_make_room_for_the_rest() -> None:
    retries = Retries()
    for number in range(1000):
        retries.add(str(number), Rank.ALARM, now=0.0)
    seen: set[str] = set()
    while sent := send(retries, 0.0, most=100):
        seen.update(sent)
        for event in sent:
            retries.receipted(event)
    assert len(seen) == 1000


@given(
    st.lists(st.tuples(st.sampled_from(["add", "hurry", "step", "receipt", "connect"]), st.integers(0, 8)), max_size=80)
)
def test_whatever_happens_every_event_without_a_receipt_is_sent_again_within_30_seconds(
    happenings: list[tuple[str, int]],
) -> None:
    retries, now, waiting = Retries(), 0.0, set[str]()
    for what, number in happenings:
        event = str(number)
        match what:
            case "add":
                retries.add(event, Rank(number % len(Rank)), now=now)
                waiting.add(event)
            case "hurry":
                retries.hurry(event)
            case "receipt":
                retries.receipted(event)
                waiting.discard(event)
            case "connect":
                retries.all_due(now=now)
            case _:
                now += number
                send(retries, now)
    assert set(send(retries, now + 30.0)) == waiting
