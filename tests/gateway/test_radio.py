from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway.domain.watch import Patience
from gateway.hearing import radio as radio_module
from gateway.hearing.ear import Ear
from gateway.hearing.radio import Radio, adapter_arguments, bleak_scanner
from gateway.hearing.watchdog import Watchdog
from gateway.settings import RadioSettings
from protocols.ble.gatt import BTHOME_SERVICE_DATA
from protocols.mqtt.envelope import GatewayTrouble
from tests.gateway.air import ADDRESS, Time, frame, keyring

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementDataCallback

    from gateway.domain.moment import Moment


class Stack:
    """A Bluetooth stack that notes what is asked of it and fails or hangs when told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.detected: AdvertisementDataCallback | None = None

    async def call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hanging:
            await asyncio.Event().wait()
        if name in self.failing:
            raise EOFError

    async def start(self) -> None:
        await self.call("start")

    async def stop(self) -> None:
        await self.call("stop")

    async def reset(self) -> None:
        await self.call("reset")

    def scanner(self, _settings: RadioSettings, detected: AdvertisementDataCallback) -> Stack:
        self.detected = detected
        return self

    def advertise(self, data: bytes | None, address: str = ADDRESS) -> None:
        assert self.detected is not None
        service_data = {} if data is None else {BTHOME_SERVICE_DATA: data}
        self.detected(BLEDevice(address, None, {}), AdvertisementData(None, {}, service_data, [], None, -60, ()))


class Post:
    """A gateway's hearing on a stack of its own."""

    def __init__(self) -> None:
        self.time = Time()
        self.stack = Stack()
        self.reports: list[tuple[GatewayTrouble, str]] = []
        self.ear = Ear(keyring(ADDRESS), {}, publish=lambda *_: None, answer=lambda *_: None, now=self.time())
        self.radio = Radio(
            RadioSettings(),
            expected=keyring(ADDRESS),
            hear=self._hear,
            reset=self.stack.reset,
            scanner=self.stack.scanner,
        )
        patience = Patience(blind_after_s=60, restart_after_s=30)
        self.dog = Watchdog(self.ear, self.radio, patience, report=self._report, now=self.time())

    def _hear(self, address: str, data: bytes | None, rssi: int) -> float:
        self.ear.hear(address, data, rssi, self.time())
        return self.time().ticks

    def _report(self, trouble: GatewayTrouble, detail: str, _now: Moment) -> None:
        self.reports.append((trouble, detail))

    async def seconds(self, number: int) -> None:
        for _ in range(number):
            await self.dog.step(self.time.pass_(1))


@pytest.fixture
def post() -> Post:
    return Post()


async def test_advertisements_reach_the_ear_and_the_handle_of_an_expected_device_is_kept(post: Post) -> None:
    await post.radio.start()
    post.stack.advertise(frame(1))
    post.stack.advertise(None, "11:22:33:44:55:66")
    handle = post.radio.handle(ADDRESS)
    assert handle is not None
    assert (handle.device.address, handle.heard_at) == (ADDRESS, 1000.0)
    assert post.ear.adverts == 2
    assert list(post.radio._handles) == [ADDRESS]


async def test_one_scanner_lives_long_while_something_is_heard(post: Post) -> None:
    await post.radio.start()
    for _ in range(10):
        await post.seconds(50)
        post.stack.advertise(None, "11:22:33:44:55:66")
    assert (post.stack.calls, post.reports) == (["start"], [])


async def test_a_blind_gateway_says_so_resets_its_adapter_and_says_when_it_sees(post: Post) -> None:
    await post.radio.start()
    await post.seconds(60)
    assert post.dog.blind
    assert post.stack.calls == ["start", "stop", "reset", "start"]
    post.stack.advertise(None, "11:22:33:44:55:66")
    post.time.pass_(1)
    post.stack.advertise(frame(1))
    await post.seconds(1)
    assert not post.dog.blind
    assert [trouble for trouble, _ in post.reports] == [GatewayTrouble.BLIND, GatewayTrouble.SEEING]


async def test_an_adapter_that_is_not_there_is_tried_again_and_again_and_ends_nothing(post: Post) -> None:
    post.stack.failing = {"start", "stop", "reset"}
    await post.radio.start()
    await post.seconds(121)
    assert not post.radio.running
    assert post.stack.calls.count("start") == 5
    post.stack.failing = set()
    await post.seconds(30)
    post.stack.advertise(frame(1))
    await post.seconds(1)
    assert post.radio.running
    assert not post.dog.blind


async def test_a_stack_that_hangs_in_any_call_is_given_up_in_a_limited_time(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_module, "CALL_LIMIT_S", 0.01)
    post.stack.hanging = {"start", "stop", "reset"}
    async with asyncio.timeout(5):
        await post.radio.start()
        await post.radio.restart()
    assert post.radio.failures == {"start": 2, "stop": 1, "reset": 1}


def test_settings_reach_bleak_as_it_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, object] = {}
    monkeypatch.setattr(bleak, "BleakScanner", lambda _callback, **arguments: made.update(arguments))
    bleak_scanner(RadioSettings(adapter="hci1"), lambda *_: None)
    assert made == {"scanning_mode": "active", "bluez": {"adapter": "hci1"}}
    bleak_scanner(RadioSettings(mode="passive"), lambda *_: None)
    assert made["bluez"] == {"or_patterns": [(0, 0x16, b"\xd2\xfc")]}
    assert adapter_arguments(RadioSettings(adapter="hci1")) == {"bluez": {"adapter": "hci1"}}
    assert adapter_arguments(RadioSettings()) == {}
