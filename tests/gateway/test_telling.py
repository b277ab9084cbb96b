"""What waits for a device, and how it is written."""

from __future__ import annotations

import asyncio

import pytest
from bleak.exc import BleakGATTProtocolError, BleakGATTProtocolErrorCode
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import telling
from gateway.domain.keyring import by_hand
from gateway.domain.telling import WAITING_MAX, Downlink, DownlinkError, Line
from gateway.telling.client import Client, Limits
from gateway.telling.teller import CONNECTIONS, Teller
from protocols.ble import downlink, gatt, layout
from protocols.ble.aes import block
from protocols.ids import Address
from tests.gateway.air import ADDRESS, KEY, OTHER, Time, from_hub, keyring, opened, panic

RECEIPT, STAGE, COMMAND = downlink.KIND_RECEIPT, downlink.KIND_STAGE, downlink.KIND_COMMAND
LIMITS = Limits(connect_s=0.05, write_s=0.05, disconnect_s=0.05)


def read(value: bytes, expires: float = 60.0) -> Downlink:
    return telling.read(ADDRESS, [by_hand(ADDRESS, KEY)], value, expires=expires)


def queued(*values: bytes) -> list[bytes]:
    line = Line()
    for value in values:
        line, _ = telling.with_downlink(line, read(value))
    return [each.value for each in line.waiting]


def test_downlinks_are_written_in_the_order_of_their_counters() -> None:
    late, early = from_hub(STAGE, 9, layout.TOLD_HELP_SENT), from_hub(RECEIPT, 8, layout.STAGE_ALARM)
    assert queued(late, early) == [early, late]


def test_a_newer_stage_replaces_the_older_one_of_the_same_event_only() -> None:
    taken, sent = from_hub(STAGE, 1, layout.TOLD_PERSON_HAS_IT), from_hub(STAGE, 2, layout.TOLD_HELP_SENT)
    other = from_hub(STAGE, 3, layout.TOLD_PERSON_HAS_IT, sequence=2)
    assert queued(taken, other, sent) == [sent, other]
    assert queued(sent, taken) == [sent]


def test_the_receipt_of_a_pre_alarm_never_replaces_that_of_the_alarm() -> None:
    alarm, pre = from_hub(RECEIPT, 1, layout.STAGE_ALARM), from_hub(RECEIPT, 2, layout.STAGE_PRE_ALARM)
    assert queued(alarm, pre) == [alarm, pre]


def test_a_stage_does_not_replace_a_receipt() -> None:
    receipt, stage = from_hub(RECEIPT, 1, layout.STAGE_ALARM), from_hub(STAGE, 2, layout.TOLD_PERSON_HAS_IT)
    assert queued(receipt, stage) == [receipt, stage]


def test_commands_are_all_kept_but_the_same_one_from_two_messages_is_written_once() -> None:
    ask, locate = from_hub(COMMAND, 1, 1, sequence=0), from_hub(COMMAND, 2, 2, sequence=0)
    assert queued(ask, locate, ask) == [ask, locate]


def test_heard_is_dropped_as_soon_as_the_hub_s_word_is_there() -> None:
    heard = telling.Heard(opened(panic(1)).report.identity, 1, 20.0, by_hand(ADDRESS, KEY))
    line = telling.with_heard(Line(), heard, now=0.0)
    line, _ = telling.with_downlink(line, read(from_hub(RECEIPT, 1, layout.STAGE_ALARM)))
    assert line.heard is None
    assert telling.with_heard(line, heard, now=0.0).heard is None


def test_too_many_downlinks_drop_the_oldest_and_say_how_many() -> None:
    line, dropped = Line(), 0
    for number in range(WAITING_MAX + 3):
        line, more = telling.with_downlink(line, read(from_hub(COMMAND, number, 1, sequence=0)))
        dropped += more
    assert (dropped, line.waiting[0].counter, len(line.waiting)) == (3, 3, WAITING_MAX)


def test_receipts_of_replayed_events_take_no_room_from_that_of_the_newest_one() -> None:
    newest = from_hub(RECEIPT, 1, layout.STAGE_ALARM, sequence=900)
    old = [from_hub(RECEIPT, 2 + number, layout.STAGE_ALARM, sequence=1 + number) for number in range(3 * WAITING_MAX)]
    waiting = queued(newest, *old)
    assert waiting[0] == newest
    assert len(waiting) == WAITING_MAX


def test_commands_take_no_room_from_the_receipt_of_an_alarm() -> None:
    receipt = from_hub(RECEIPT, 1, layout.STAGE_ALARM)
    asked = [from_hub(COMMAND, 2 + number, 1, sequence=0) for number in range(2 * WAITING_MAX)]
    assert queued(receipt, *asked)[0] == receipt


def test_old_events_take_no_room_from_a_new_key() -> None:
    rekey = from_hub(downlink.KIND_REKEY, 1, 0, sequence=2, key=bytes(16))
    old = [from_hub(RECEIPT, 2 + number, layout.STAGE_ALARM, sequence=1 + number) for number in range(2 * WAITING_MAX)]
    assert queued(rekey, *old)[0] == rekey


def test_what_expired_is_no_longer_said() -> None:
    line, _ = telling.with_downlink(Line(), read(from_hub(RECEIPT, 1, layout.STAGE_ALARM), expires=60.0))
    assert telling.unexpired(line, now=59.0) == (line, 0)
    assert telling.unexpired(line, now=60.0) == (Line(), 1)


@given(st.binary(max_size=40))
def test_bytes_that_were_not_sealed_for_the_device_are_refused(value: bytes) -> None:
    with pytest.raises(DownlinkError):
        read(value)


class Wearable:
    """A device's GATT server that fails or hangs when told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[str] = []
        self.connections = 0
        self.hanging: set[str] = set()
        self.failing: set[str] = set()
        self.refusing: set[bytes] = set()
        self.slow_s = 0.0

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hanging:
            await asyncio.Event().wait()
        if name in self.failing:
            raise OSError(name)
        await asyncio.sleep(self.slow_s)

    async def connect(self) -> None:
        await self._call("connect")
        self.connections += 1

    async def write_gatt_char(self, char_specifier: str, data: bytes, *, response: bool) -> None:
        assert (char_specifier, response) == (gatt.DOWNLINK, True)
        await self._call("write")
        if data in self.refusing:
            raise BleakGATTProtocolError(BleakGATTProtocolErrorCode.WRITE_REQUEST_REJECTED)
        self.written.append(data)

    async def disconnect(self) -> None:
        await self._call("disconnect")

    @property
    def kinds(self) -> list[int]:
        return [value[0] for value in self.written]


class Ward:
    """A teller and its devices, driven through simulated seconds."""

    def __init__(self, addresses: list[Address]) -> None:
        self.time = Time()
        self.devices = {address: Wearable() for address in addresses}
        self.unheard: set[Address] = set()
        self.keyring = keyring(*addresses)
        self.teller = Teller(self.keyring, self._client, limits=LIMITS)
        self.most_at_once = 0

    def _client(self, address: Address, _now: object) -> Client | None:
        return None if address in self.unheard else self.devices[address]

    def tell(self, value: bytes, address: Address = ADDRESS, for_s: float = 60.0) -> None:
        self.teller.tell(address, value, for_s, self.time())

    def heard(self, frame: bytes) -> None:
        self.teller.heard(opened(frame), self.time())

    async def settle(self) -> None:
        """Until nothing is under way."""
        self.teller.step(self.time())
        while self.teller._attempts:
            self.most_at_once = max(self.most_at_once, len(self.teller._attempts))
            await asyncio.wait(self.teller._attempts.values(), return_when=asyncio.FIRST_COMPLETED)
            self.teller.step(self.time())

    async def seconds(self, number: int) -> None:
        for _ in range(2 * number):
            self.time.pass_(0.5)
            await self.settle()


@pytest.fixture
def ward() -> Ward:
    return Ward([ADDRESS])


async def test_heard_answers_the_newest_frame_under_the_device_s_key(ward: Ward) -> None:
    ward.heard(panic(1))
    ward.heard(panic(2))
    await ward.settle()
    assert ward.devices[ADDRESS].written == []  # the hub's own word usually comes first, and saves a connection
    await ward.seconds(1)
    (value,) = ward.devices[ADDRESS].written
    assert downlink.open_(block(KEY), ADDRESS.octets, value) == (downlink.KIND_HEARD, 2, 1, 1, 0, 0)


async def test_a_receipt_that_is_there_in_time_makes_heard_superfluous(ward: Ward) -> None:
    ward.heard(panic(1))
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    await ward.settle()
    assert ward.devices[ADDRESS].kinds == [RECEIPT]


async def test_several_words_go_in_one_connection_also_those_that_come_meanwhile(ward: Ward) -> None:
    device = ward.devices[ADDRESS]
    device.slow_s = 0.01
    ward.heard(panic(1))
    ward.time.pass_(1)
    ward.teller.step(ward.time())
    await asyncio.sleep(0.015)  # connected, and writing
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    ward.tell(from_hub(STAGE, 2, layout.TOLD_PERSON_HAS_IT))
    await ward.settle()
    assert (device.kinds[-2:], device.connections) == ([RECEIPT, STAGE], 1)


@pytest.mark.parametrize("call", ["connect", "write", "disconnect"])
async def test_a_device_that_hangs_in_any_call_is_let_go_in_a_limited_time(ward: Ward, call: str) -> None:
    device = ward.devices[ADDRESS]
    device.hanging = {call}
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    async with asyncio.timeout(2):
        await ward.settle()
    assert device.calls[-1] == "disconnect"
    assert ward.teller.failures[call] == (0 if call == "disconnect" else 1)


@pytest.mark.parametrize("call", ["connect", "write"])
async def test_a_failed_receipt_is_tried_again_until_it_is_written(ward: Ward, call: str) -> None:
    device = ward.devices[ADDRESS]
    device.failing = {call}
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    await ward.seconds(10)
    assert ward.teller.failures[call] > 3
    device.failing = set()
    await ward.seconds(6)
    assert device.kinds == [RECEIPT]


async def test_a_receipt_is_given_up_after_a_minute_and_this_is_counted(ward: Ward) -> None:
    ward.unheard = {ADDRESS}
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    await ward.seconds(61)
    ward.unheard = set()
    await ward.seconds(10)
    assert ward.devices[ADDRESS].written == []
    assert ward.teller.failures["expired"] == 1


async def test_a_device_that_hangs_holds_no_other_up() -> None:
    addresses = [Address(f"C0:FF:EE:00:00:{number:02X}") for number in range(12)]
    ward = Ward(addresses)
    for hanging in addresses[:6]:
        ward.devices[hanging].hanging = {"connect"}
    for address in addresses:
        ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM, address=address), address)
    await ward.settle()
    assert all(ward.devices[address].kinds == [RECEIPT] for address in addresses[6:])
    assert ward.most_at_once == CONNECTIONS


async def test_a_word_that_was_not_sealed_for_the_device_costs_no_connection(ward: Ward) -> None:
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM, key=bytes(16)))
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM), OTHER)
    await ward.settle()
    assert ward.devices[ADDRESS].calls == []
    assert ward.teller.failures == {"unsealed": 1, "stranger": 1}


async def test_a_word_that_the_device_refuses_holds_up_none_of_the_others(ward: Ward) -> None:
    refused, taken = from_hub(RECEIPT, 1, layout.STAGE_ALARM), from_hub(STAGE, 2, layout.TOLD_PERSON_HAS_IT)
    device = ward.devices[ADDRESS]
    device.refusing = {refused}
    ward.tell(refused)
    ward.tell(taken)
    await ward.settle()
    assert device.written == [taken]
    assert ward.teller.failures == {"refused": 1}
    device.refusing = set()
    await ward.seconds(2)
    assert device.written == [taken, refused]


async def test_leaving_ends_what_is_under_way(ward: Ward) -> None:
    ward.devices[ADDRESS].hanging = {"connect"}
    ward.teller._limits = Limits()
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    ward.teller.step(ward.time())
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await ward.teller.stop()
    assert ward.devices[ADDRESS].calls == ["connect", "disconnect"]


async def test_a_rekey_passes_unopened_since_only_the_root_key_opens_it(ward: Ward) -> None:
    older, newer = (from_hub(downlink.KIND_REKEY, counter, 0, sequence=2, key=bytes(16)) for counter in (5, 6))
    ward.tell(older)
    ward.tell(newer)
    await ward.settle()
    assert ward.devices[ADDRESS].written == [newer]


async def test_what_waits_for_a_device_is_dropped_with_its_keys(ward: Ward) -> None:
    ward.unheard = {ADDRESS}
    ward.tell(from_hub(RECEIPT, 1, layout.STAGE_ALARM))
    ward.keyring.replace([by_hand(OTHER, KEY)])
    ward.unheard = set()
    await ward.seconds(2)
    assert (ward.devices[ADDRESS].written, ward.teller.failures) == ([], {"expired": 1})


async def test_while_two_generations_hold_heard_is_said_under_that_of_the_frame(ward: Ward) -> None:
    key = by_hand(ADDRESS, bytes(16)).model_copy(update={"generation": 7})
    ward.keyring.replace([key, by_hand(ADDRESS, KEY)])
    ward.heard(panic(1))
    await ward.seconds(1)
    (value,) = ward.devices[ADDRESS].written
    assert downlink.open_(block(KEY), ADDRESS.octets, value) is not None
