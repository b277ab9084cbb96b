"""The uplink on a clock of its own, against a link that notes what is sent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.domain import hubs
from gateway.domain.keyring import by_hand, device_name
from gateway.domain.outgoing import Outgoing, Rank, frame_event
from gateway.domain.wired import button_event
from gateway.outbox import Outbox
from gateway.uplink.inbox import Inbox, subscriptions
from gateway.uplink.mailbox import Mailbox
from gateway.uplink.sender import Sender
from gateway.uplink.standing import Attempts, Digest, Standing, will
from gateway.uplink.uplink import Uplink
from protocols.ble import downlink, layout
from protocols.ids import Address
from protocols.mqtt.envelope import (
    ButtonSign,
    CommandData,
    CommandEnvelope,
    EventEnvelope,
    GatewayEventData,
    GatewayState,
    GatewayTrouble,
    Outcome,
    PresenceEnvelope,
    ReceiptData,
    ReceiptEnvelope,
    StatusData,
    StatusEnvelope,
)
from protocols.mqtt.topics import Channel
from tests.gateway.air import (
    ADDRESS,
    DEVICE,
    KEY,
    OTHER,
    SPEAKER,
    START,
    Time,
    event,
    from_hub,
    ids,
    keyring,
    opened,
    panic,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.domain.moment import Moment

EVENT, RECEIPT, COMMAND = (str(SPEAKER.topic(c)) for c in (Channel.EVENT, Channel.RECEIPT, Channel.COMMAND))
HUB_STATUS = subscriptions(SPEAKER)[2]


class Wire:
    """A connection that can be cut."""

    def __init__(self) -> None:
        self.connected = True
        self.sent: list[tuple[str, bytes, bool]] = []
        self.breaks_after: int | None = None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        if len(self.sent) == self.breaks_after:
            self.breaks_after = None
            raise OSError("broken")
        if self.connected:
            self.sent.append((topic, payload, retain))
        return self.connected

    def take(self) -> list[bytes]:
        payloads = [payload for _, payload, _ in self.sent]
        self.sent.clear()
        return payloads


@dataclass
class Letter:
    topic: str
    payload: bytes
    acknowledged: list[bool] = field(default_factory=list)

    def acknowledge(self) -> None:
        self.acknowledged.append(True)


class Post:
    """A gateway's uplink."""

    def __init__(self, directory: Path, time: Time) -> None:
        self.time = time
        self.wire = Wire()
        self.mailbox = Mailbox()
        self.outbox = Outbox(directory, max_mb=1, now=time(), ballast=0)
        self.told: list[tuple[Address, bytes, float]] = []
        self.latencies: list[float] = []
        self.kept: list[str] = []
        self.sender = Sender(
            SPEAKER,
            self.outbox,
            self.wire,
            self.mailbox,
            receipt_after=self.latencies.append,
            kept=self.kept.append,
            now=time(),
        )
        self.inbox = Inbox(
            SPEAKER,
            self.sender,
            self.mailbox,
            keyring=keyring(ADDRESS, OTHER),
            tell=lambda *told: self.told.append(told),
        )
        self.uplink = Uplink(self.sender, self.inbox)

    def close(self) -> None:
        self.outbox.close()

    def step(self, after: float = 0.0) -> list[bytes]:
        self.uplink.step(self.time.pass_(after))
        return self.wire.take()

    def receive(self, topic: str, payload: bytes) -> Letter:
        letter = Letter(topic, payload)
        self.mailbox.received(letter)
        return letter

    def receipt(self, id_: str, value: bytes | None = None) -> Letter:
        return self.receive(RECEIPT, receipt(id_, value))

    def hub(self, state: GatewayState, boot: str = "h1") -> None:
        data = StatusData(state=state, boot=boot, version="1")
        self.receive(HUB_STATUS, StatusEnvelope(id="s", source="charity/hub", time=START, data=data).to_json())


def receipt(
    id_: str, value: bytes | None, *, address: Address | None = ADDRESS, outcome: Outcome = Outcome.RECORDED
) -> bytes:
    data = ReceiptData(event=id_, outcome=outcome, address=address, downlink=value)
    return ReceiptEnvelope(id="r", source="charity/hub", time=START, recordedtime=START, data=data).to_json()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def post(tmp_path: Path, time: Time) -> Iterator[Post]:
    with closing(Post(tmp_path, time)) as made:
        yield made


def alarm(now: Moment, sequence: int = 1) -> Outgoing:
    return frame_event(SPEAKER, opened(panic(sequence, sequence=sequence)), device=DEVICE, now=now)


def test_an_alarm_is_sent_in_the_step_after_it_was_heard_and_is_on_disk_after_it(post: Post, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    assert ids(post.step()) == ["c0ffee000001-1-1-2"]
    assert (post.outbox.depth, post.outbox.unstored) == (1, 0)


def test_without_a_receipt_it_is_sent_again_after_2_4_8_16_30_30_seconds(post: Post, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    sent = [second for second in range(130) if post.step(1.0 if second else 0.0)]
    assert sent == [0, 2, 6, 14, 30, 60, 90, 120]


def test_each_sending_says_how_long_the_event_has_waited_by_a_clock_that_never_steps(post: Post, time: Time) -> None:
    post.wire.connected = False
    heard = alarm(time())
    post.mailbox.accept(heard)
    assert post.step() == []
    time.step_wall(-86_400)
    post.wire.connected = True
    post.mailbox.connected()
    sent = [*post.step(600.7), *post.step(2)]
    assert [EventEnvelope.from_json(payload).waited for payload in sent] == [600, 602]
    assert EventEnvelope.from_json(sent[0]).model_copy(update={"waited": 0}).to_json() == heard.payload


def test_an_event_sent_at_once_has_not_waited(post: Post, time: Time) -> None:
    heard = alarm(time())
    post.mailbox.accept(heard)
    assert post.step(0.9) == [heard.payload]


def test_an_event_heard_anew_waits_from_then_on(post: Post, time: Time) -> None:
    post.wire.connected = False
    post.mailbox.accept(alarm(time()))
    post.step(100)
    post.mailbox.accept(alarm(time()))
    post.wire.connected = True
    assert [EventEnvelope.from_json(payload).waited for payload in post.step(5)] == [5]


def test_an_event_of_an_earlier_run_has_waited_at_least_since_this_start(
    post: Post, tmp_path: Path, time: Time
) -> None:
    post.wire.connected = False
    post.mailbox.accept(alarm(time()))
    post.step()
    post.close()
    time.ticks = 50.0  # the machine was started anew
    with closing(Post(tmp_path, time)) as again:
        assert [EventEnvelope.from_json(payload).waited for payload in again.step(7)] == [7]


def test_a_receipt_ends_the_sending_frees_the_outbox_and_tells_the_wearer(post: Post, time: Time) -> None:
    value = from_hub(downlink.KIND_RECEIPT, 1, layout.STAGE_ALARM)
    post.mailbox.accept(alarm(time()))
    post.step()
    letter = post.receipt("c0ffee000001-1-1-2", value)
    post.step(0.5)
    assert post.step(100) == []
    assert (post.outbox.depth, post.told, letter.acknowledged) == (0, [(ADDRESS, value, 60.0)], [True])
    assert post.latencies == [0.5]


def test_the_receipt_of_an_event_that_another_gateway_sent_still_reaches_the_wearer(post: Post) -> None:
    value = from_hub(downlink.KIND_RECEIPT, 1, layout.STAGE_ALARM)
    post.receipt("c0ffee000001-9-9-2", value)
    post.step()
    assert post.told == [(ADDRESS, value, 60.0)]


ALARM = "c0ffee000001-1-1-2"
STORED = downlink.KIND_RECEIPT


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (None, None),
        (None, ADDRESS),
        (from_hub(STORED, 1, layout.STAGE_ALARM, key=bytes(16)), ADDRESS),
        (from_hub(STORED, 1, layout.STAGE_ALARM, address=OTHER), OTHER),
        (from_hub(STORED, 1, layout.STAGE_ALARM, sequence=2), ADDRESS),
        (from_hub(STORED, 1, layout.STAGE_ALARM, epoch=2), ADDRESS),
        (from_hub(STORED, 1, layout.STAGE_PRE_ALARM), ADDRESS),
        (from_hub(downlink.KIND_STAGE, 1, layout.TOLD_STORED), ADDRESS),
        (from_hub(STORED, 1, layout.STAGE_ALARM), OTHER),
    ],
    ids=["bare", "no seal", "key", "other device", "sequence", "epoch", "earlier stage", "no receipt", "address"],
)
def test_a_receipt_that_is_not_the_event_s_own_never_ends_its_sending(
    post: Post, time: Time, value: bytes | None, address: Address | None
) -> None:
    post.mailbox.accept(alarm(time()))
    post.step()
    letter = post.receive(RECEIPT, receipt(ALARM, value, address=address))
    assert ids(post.step(2)) == [ALARM]
    assert (post.outbox.depth, post.inbox.foreign, letter.acknowledged) == (1, 1, [True])


def test_an_event_that_the_hub_kept_as_unreadable_is_sent_no_more(post: Post, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    post.step()
    post.receive(RECEIPT, receipt(ALARM, None, address=None, outcome=Outcome.UNREADABLE))
    assert post.step(100) == []
    assert post.outbox.depth == 0


def test_an_event_of_the_gateway_itself_is_receipted_by_its_id(post: Post, time: Time) -> None:
    post.sender.report(GatewayTrouble.BLIND, "nothing heard", time())
    (id_,) = ids(post.step())
    post.receive(RECEIPT, receipt(id_, None, address=None))
    assert post.step(100) == []
    assert post.outbox.depth == 0


def test_a_gateway_s_own_events_are_numbered_in_the_order_of_reporting_whatever_thread_reports(
    post: Post, time: Time
) -> None:
    def report(_: int) -> None:
        post.sender.report(GatewayTrouble.BLIND, "nothing heard", time())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(report, range(60)))
    assert ids(post.step()) == [f"porch-b007-{number}" for number in range(1, 61)]


def test_a_gateway_s_own_events_keep_their_numbers_over_every_repeat(post: Post, time: Time) -> None:
    post.sender.report(GatewayTrouble.BLIND, "nothing heard", time())
    post.step()
    post.sender.report(GatewayTrouble.SEEING, "heard again", time())
    sent = [id_ for _ in range(8) for id_ in ids(post.step(1))]
    said = {number: [id_.endswith(f"-{number}") for id_ in sent].count(True) for number in (1, 2)}
    assert min(said.values()) > 1
    assert set(sent) == {"porch-b007-1", "porch-b007-2"}


def test_the_event_of_a_device_whose_key_is_gone_is_kept(post: Post, time: Time) -> None:
    stranger = Address("C0:FF:EE:00:00:03")
    gone = replace(alarm(time()), device=device_name(by_hand(stranger, KEY)))
    post.mailbox.accept(gone)
    post.step()
    value = from_hub(STORED, 1, layout.STAGE_ALARM, address=stranger)
    post.receive(RECEIPT, receipt(gone.id, value, address=stranger))
    assert ids(post.step(2)) == [gone.id]


def test_alarms_overtake_whatever_waits(post: Post, time: Time) -> None:
    post.wire.connected = False
    notices = [event(number, Rank.NOTICE) for number in range(50)]
    for each in [*notices, event(99, Rank.ALARM, size=11)]:
        post.mailbox.accept(each)
    post.step()
    post.wire.connected = True
    post.mailbox.connected()
    assert post.step()[0] == b"x" * 11


def test_nothing_is_sent_while_there_is_no_broker_and_all_of_it_when_it_is_back(post: Post, time: Time) -> None:
    post.wire.connected = False
    for sequence in range(1, 251):
        post.mailbox.accept(alarm(time(), sequence))
    assert [post.step(1) for _ in range(40)] == [[]] * 40
    post.wire.connected = True
    post.mailbox.connected()
    batches = [len(post.step()) for _ in range(4)]
    assert batches == [100, 100, 50, 0]


def test_what_went_out_before_a_reconnection_goes_out_again_at_once(post: Post, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    post.step()
    post.mailbox.connected()
    assert len(post.step(0.1)) == 1


def test_a_hub_that_comes_back_gets_everything_at_once(post: Post, time: Time) -> None:
    post.hub(GatewayState.ONLINE)
    post.mailbox.accept(alarm(time()))
    post.step()
    for _ in range(5):
        post.step(10)
    post.hub(GatewayState.OFFLINE)
    assert post.step(1) == []
    assert post.inbox.hub_online is False
    post.hub(GatewayState.ONLINE, boot="h2")
    assert len(post.step(1)) == 1
    assert post.inbox.hub_online


def test_the_hub_s_status_saying_the_same_again_sends_nothing_again(post: Post, time: Time) -> None:
    post.hub(GatewayState.ONLINE)
    post.mailbox.accept(alarm(time()))
    post.step()
    post.hub(GatewayState.ONLINE)
    assert post.step(1) == []


def test_one_replica_of_the_hub_is_enough_and_what_another_may_have_swallowed_goes_out_at_once(
    post: Post, time: Time
) -> None:
    post.hub(GatewayState.ONLINE, boot="one")
    post.hub(GatewayState.ONLINE, boot="two")
    post.mailbox.accept(alarm(time()))
    post.step()
    post.hub(GatewayState.ONLINE, boot="one")
    post.hub(GatewayState.ONLINE, boot="two")
    assert post.step(1) == []
    post.hub(GatewayState.OFFLINE, boot="two")
    assert len(post.step(0.1)) == 1
    assert post.inbox.hub_online
    post.hub(GatewayState.OFFLINE, boot="one")
    post.step(0.1)
    assert post.inbox.hub_online is False


def test_a_replica_that_has_not_spoken_for_long_is_not_counted_on(post: Post) -> None:
    post.hub(GatewayState.ONLINE, boot="gone while we were away")
    post.step()
    post.step(hubs.SILENT_S)
    post.hub(GatewayState.ONLINE, boot="two")
    post.hub(GatewayState.OFFLINE, boot="two")
    post.step()
    assert post.inbox.hub_online is False


def test_what_waits_in_the_outbox_goes_out_after_a_restart(post: Post, tmp_path: Path, time: Time) -> None:
    post.wire.connected = False
    post.mailbox.accept(alarm(time()))
    post.step()
    post.close()
    with closing(Post(tmp_path, time)) as again:
        assert ids(again.step()) == ["c0ffee000001-1-1-2"]


def test_what_waits_on_a_disk_that_is_there_late_goes_out_all_the_same(post: Post, tmp_path: Path, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    post.step()
    post.close()
    (tmp_path / "late").mkdir()
    with closing(Post(tmp_path / "late" / "disk", time)) as again:
        again.step()
        (tmp_path / "late" / "disk").mkdir()
        (tmp_path / "outbox.db").rename(tmp_path / "late" / "disk" / "outbox.db")
        again.mailbox.accept(alarm(time(), 2))
        again.step(61)
        assert "c0ffee000001-1-1-2" in ids(again.step())


def test_the_oldest_waiting_event_shows_its_age_also_after_a_restart(post: Post, tmp_path: Path, time: Time) -> None:
    post.mailbox.accept(alarm(time()))
    post.step(5)
    assert post.sender.oldest_s(time()) == 5
    post.close()
    time.pass_(60)
    with closing(Post(tmp_path, time)) as again:
        assert again.sender.oldest_s(time()) == 65


def test_a_command_is_worth_writing_for_the_span_that_the_hub_gave_it(post: Post) -> None:
    value = from_hub(downlink.KIND_COMMAND, 1, downlink.COMMAND_ASK, sequence=0)
    long_ago = START - timedelta(days=9)  # the hub's clock against ours
    data = CommandData(address=ADDRESS, downlink=value, expires_at=long_ago + timedelta(seconds=30))
    post.receive(COMMAND, CommandEnvelope(id="c", source="charity/hub", time=long_ago, data=data).to_json())
    post.step()
    assert post.told == [(ADDRESS, value, 30.0)]


@pytest.mark.parametrize("topic", [RECEIPT, COMMAND, HUB_STATUS])
def test_an_unreadable_message_is_counted_acknowledged_and_stops_nothing(post: Post, time: Time, topic: str) -> None:
    letter = post.receive(topic, b"{broken")
    post.mailbox.accept(alarm(time()))
    assert len(post.step()) == 1
    assert post.inbox.unreadable == {topic.rsplit("/", 1)[1]: 1}
    assert letter.acknowledged == [True]


def test_a_link_that_breaks_down_in_the_middle_of_a_batch_loses_none_of_it(post: Post, time: Time) -> None:
    for sequence in range(1, 6):
        post.mailbox.accept(alarm(time(), sequence))
    post.wire.breaks_after = 2
    with pytest.raises(OSError, match="broken"):
        post.step()
    assert len(post.wire.take()) == 2
    assert [len(post.step(after)) for after in (0.5, 0.5, 1.0)] == [0, 3, 2]


def test_a_full_disk_becomes_an_event_of_the_gateway(tmp_path: Path, time: Time) -> None:
    with closing(Post(tmp_path / "no" / "such", time)) as post:
        post.mailbox.accept(alarm(time()))
        assert ids(post.step())[-1] == "c0ffee000001-1-1-2"
        said = [EventEnvelope.from_json(payload).data for payload in post.step()]
    assert [data.trouble for data in said if isinstance(data, GatewayEventData)] == [GatewayTrouble.SHEDDING] * 2


def test_steps_are_due_when_something_is_to_be_sent_again_and_at_least_every_second(post: Post, time: Time) -> None:
    assert post.uplink.step(time()) == time().ticks + 1
    post.mailbox.accept(alarm(time()))
    post.step()
    time.pass_(1.5)
    assert post.uplink.step(time()) == time().ticks + 0.5


class Said:
    """A gateway's standing on a wire of its own."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.wire = Wire()
        self.attempts = Attempts()
        self.data = StatusData(state=GatewayState.ONLINE, boot="b007", version="1")
        self.standing = Standing(SPEAKER, self.wire, self.attempts, lambda: self.data)

    def step(self, after: float = 0.0, **changes: object) -> list[StatusData]:
        self.data = self.data.model_copy(update=changes)
        self.standing.step(self.time.pass_(after))
        return [StatusEnvelope.from_json(payload).data for payload in self.wire.take()]

    def number(self) -> int:
        """Of the next status."""
        self.standing.step(self.time.pass_(100))
        return StatusEnvelope.from_json(self.wire.take()[-1]).data.number

    def will_number(self) -> int:
        """Of the will that the broker gets with the next attempt to connect."""
        return StatusEnvelope.from_json(will(SPEAKER, self.time(), self.attempts.begin()).payload).data.number


@pytest.fixture
def said(time: Time) -> Said:
    return Said(time)


def test_a_status_is_said_at_once_and_then_when_it_changes_or_half_a_minute_has_passed(said: Said) -> None:
    assert [data.model_copy(update={"number": 0}) for data in said.step()] == [said.data]
    assert said.step(29) == []
    assert len(said.step(1)) == 1


def test_a_will_comes_after_every_status_of_its_connection_and_before_those_of_the_next(said: Said) -> None:
    numbers = []
    for _ in range(3):
        left_with_the_broker = said.will_number()
        numbers += [said.number(), said.number(), left_with_the_broker]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


def test_the_will_of_an_attempt_that_never_came_up_is_behind_what_the_next_connection_says(said: Said) -> None:
    never_up = said.will_number()
    said.attempts.begin()
    assert never_up < said.number()


def test_a_status_is_retained(said: Said, time: Time) -> None:
    said.standing.step(time())
    assert [retain for _, _, retain in said.wire.sent] == [True]


def test_blindness_is_said_at_once_and_a_growing_count_every_five_seconds(said: Said) -> None:
    said.step()
    assert len(said.step(1, outbox_depth=1)) == 0
    assert len(said.step(1, blind=True)) == 1
    assert len(said.step(1, outbox_depth=2)) == 0
    assert len(said.step(5)) == 1


def test_a_new_connection_says_the_status_anew(said: Said) -> None:
    said.step()
    said.attempts.begin()
    assert len(said.step()) == 1


def test_a_status_that_could_not_be_sent_is_sent_later(said: Said) -> None:
    said.wire.connected = False
    assert said.step() == []
    said.wire.connected = True
    assert len(said.step(0.5)) == 1


def test_the_will_and_the_goodbye_say_offline(said: Said, time: Time) -> None:
    said.standing.goodbye(time())
    goodbye = StatusEnvelope.from_json(said.wire.take()[0]).data
    last = StatusEnvelope.from_json(will(SPEAKER, time(), 1).payload).data
    assert (goodbye.state, last.state, last.boot) == (GatewayState.OFFLINE, GatewayState.OFFLINE, "b007")


def test_a_digest_is_sent_every_ten_seconds_and_one_that_is_not_sent_is_gone(time: Time) -> None:
    wire, heard = Wire(), [(opened(panic(1)), time())]
    digest = Digest(SPEAKER, wire, lambda: (heard, 3), every_s=10, now=time())
    for _ in range(20):
        digest.step(time.pass_(1))
    wire.connected = False
    digest.step(time.pass_(10))
    sent = [PresenceEnvelope.from_json(payload).data for payload in wire.take()]
    assert [(data.devices[0].frame, data.strangers) for data in sent] == [(panic(1), 3)] * 2
    assert digest.lost == 1
    assert EVENT not in {topic for topic, _, _ in wire.sent}


def test_a_gateway_that_hears_more_devices_than_the_hub_takes_at_once_tells_of_them_in_several_messages(
    time: Time,
) -> None:
    wire, heard = Wire(), [(opened(panic(1)), time())] * 1_001
    digest = Digest(SPEAKER, wire, lambda: (heard, 3), every_s=10, now=time())
    digest.step(time.pass_(10))
    sent = [PresenceEnvelope.from_json(payload).data for payload in wire.take()]
    assert [(len(data.devices), data.strangers) for data in sent] == [(400, 3), (400, 0), (201, 0)]


def pressed(now: Moment) -> Outgoing:
    return button_event(SPEAKER, "desk", ButtonSign.PANIC, number=1, now=now)


def test_a_wired_alarm_is_sent_while_the_disk_keeps_the_uplink_waiting(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled, go_on = threading.Event(), threading.Event()

    def flush(_now: Moment) -> None:
        stalled.set()
        assert go_on.wait(10)

    monkeypatch.setattr(post.outbox, "flush", flush)
    with ThreadPoolExecutor() as pool:
        step = pool.submit(post.sender.step, post.time())
        assert stalled.wait(10)
        post.sender.alarm(pressed(post.time()), post.time())
        sent = post.wire.take()
        go_on.set()
        step.result(10)
    assert ids(sent) == ["porch-b007-desk-1"]
    assert ids(post.step()) == ["porch-b007-desk-1"]


def test_a_wired_alarm_is_said_to_be_kept_when_it_is_on_the_disk_and_not_before(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(post.outbox, "flush", lambda _now: None)
        post.sender.alarm(pressed(post.time()), post.time())
        post.step()
        assert post.kept == []
    post.step(1)
    assert post.kept == ["porch-b007-desk-1"]
    post.close()
    with closing(Outbox(tmp_path, max_mb=1, now=post.time(), ballast=0)) as again:
        assert [event.id for event in again.pending()] == ["porch-b007-desk-1"]
