"""What a gateway does when the hub was restored from a backup."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.domain.outgoing import Outgoing, frame_event
from gateway.outbox.outbox import KEPT_FOR
from protocols.ble import downlink
from protocols.events import Stage
from protocols.mqtt.envelope import EventEnvelope, GatewayState, StatusData, StatusEnvelope
from tests.gateway.air import SPEAKER, START, Time, from_hub, ids, opened, panic
from tests.gateway.test_uplink import DEVICE, HUB_STATUS, Post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.domain.moment import Moment

FIRST, SECOND = 1_770_000_000, 1_770_600_000
"""Numbers of two restores."""


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def post(tmp_path: Path, time: Time) -> Iterator[Post]:
    with closing(Post(tmp_path, time)) as made:
        yield made


def event(now: Moment, sequence: int, stage: Stage = Stage.ALARM) -> Outgoing:
    return frame_event(SPEAKER, opened(panic(10 * sequence + stage, sequence=sequence, stage=stage)), device=DEVICE,
                       now=now)  # fmt: skip


def name(sequence: int, stage: Stage = Stage.ALARM) -> str:
    return f"c0ffee000001-1-{sequence}-{int(stage)}"


def receipt(post: Post, sequence: int, stage: Stage = Stage.ALARM, *, counter: int = 1) -> None:
    post.receipt(name(sequence, stage), from_hub(downlink.KIND_RECEIPT, counter, int(stage), sequence=sequence))


def deliver(post: Post, *events: tuple[int, Stage]) -> None:
    """Each is heard, sent and receipted."""
    for sequence, stage in events:
        post.mailbox.accept(event(post.time(), sequence, stage))
        post.step()
        receipt(post, sequence, stage)
        post.step()


def restored(post: Post, number: int, *, boot: str = "h2", state: GatewayState = GatewayState.ONLINE) -> None:
    data = StatusData(state=state, boot=boot, version="1", restored=number)
    post.receive(HUB_STATUS, StatusEnvelope(id="s", source="charity/hub", time=START, data=data).to_json())


def test_after_a_restore_of_the_hub_every_kept_alarm_is_offered_again_until_receipted(post: Post) -> None:
    deliver(post, (1, Stage.ALARM), (2, Stage.ALARM))
    restored(post, FIRST)
    assert ids(post.step()) == [name(1), name(2)]
    assert ids(post.step(2)) == [name(1), name(2)]
    receipt(post, 1)
    assert ids(post.step(4)) == [name(2)]
    receipt(post, 2)
    assert post.step(60) == []
    assert post.outbox.depth == 0


def test_what_is_offered_again_says_so_and_how_long_ago_it_was_heard(post: Post) -> None:
    post.step(1000)
    deliver(post, (1, Stage.ALARM))
    post.step(600)
    restored(post, FIRST)
    (payload,) = post.step()
    envelope = EventEnvelope.from_json(payload)
    assert (envelope.replayed, envelope.waited) == (True, 600)


def test_the_same_restore_is_answered_once_and_the_next_one_again(post: Post) -> None:
    deliver(post, (1, Stage.ALARM))
    for _ in range(3):
        restored(post, FIRST)
        post.step()
        receipt(post, 1)
        post.step()
    restored(post, FIRST, boot="h3")
    assert post.step(60) == []
    restored(post, SECOND)
    assert ids(post.step()) == [name(1)]


def test_a_hub_that_was_never_restored_or_is_away_is_offered_nothing(post: Post) -> None:
    deliver(post, (1, Stage.ALARM))
    restored(post, 0)
    restored(post, FIRST, state=GatewayState.OFFLINE)
    assert post.step(60) == []


def test_a_new_alarm_overtakes_what_is_offered_again_and_a_cancel_goes_before_its_pre_alarm(post: Post) -> None:
    deliver(post, (1, Stage.PRE_ALARM), (1, Stage.CANCELLED), (2, Stage.ALARM))
    restored(post, FIRST)
    post.mailbox.accept(event(post.time(), 3))
    assert ids(post.step())[:1] == [name(3)]
    post.wire.take()
    post.mailbox.connected()
    assert ids(post.step()) == [name(3), name(1, Stage.CANCELLED), name(1, Stage.PRE_ALARM), name(2)]


def test_a_gateway_killed_in_the_middle_goes_on_where_it_was(post: Post, tmp_path: Path, time: Time) -> None:
    deliver(post, (1, Stage.PRE_ALARM), (1, Stage.CANCELLED), (2, Stage.ALARM))
    restored(post, FIRST)
    post.step()
    receipt(post, 2)
    post.step()
    post.close()
    with closing(Post(tmp_path, time)) as again:
        sent = again.step()
        assert ids(sent) == [name(1, Stage.CANCELLED), name(1, Stage.PRE_ALARM)]
        assert all(EventEnvelope.from_json(payload).replayed for payload in sent)
        restored(again, FIRST)
        assert again.step(1) == []


def test_alarms_of_more_than_seven_days_ago_are_not_kept(post: Post, time: Time) -> None:
    deliver(post, (1, Stage.ALARM))
    post.step((KEPT_FOR - timedelta(hours=2)).total_seconds())
    deliver(post, (2, Stage.ALARM))
    post.step(3 * 3600)
    restored(post, FIRST)
    assert ids(post.step()) == [name(2)]


def test_a_disk_that_refuses_is_said_and_the_next_word_of_the_hub_tries_again(post: Post) -> None:
    deliver(post, (1, Stage.ALARM))
    database, post.outbox._database = post.outbox._database, None
    restored(post, FIRST)
    post.step()
    (trouble,) = post.step()
    assert "the hub was restored" in trouble.decode()
    post.outbox._database = database
    restored(post, FIRST)
    assert name(1) in ids(post.step())
