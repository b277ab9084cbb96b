"""The gateway as a whole: real broker, real disk, a stand-in for the radio only."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from protocols.ble import downlink, layout
from protocols.ble.aes import block
from protocols.events import Stage, Told
from protocols.mqtt.envelope import CommandData, CommandEnvelope, GatewayState, PresenceData
from protocols.mqtt.topics import Channel
from tests.gateway.air import ADDRESS, KEY, frame, from_hub, panic
from tests.gateway.hub import Hub
from tests.services import Process, eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

PROGRAM = Path(__file__).with_name("program.py")
SETTINGS = """
organisation = "charity"
gateway = "porch"
data_dir = "{directory}/data"
[mqtt]
port = {port}
[presence]
every_s = 1
[metrics]
port = {metrics}
[[devices]]
address = "{address}"
key_file = "{directory}/key"
{more}
"""


class Program:
    """The gateway in a process, on an air that the test fills."""

    def __init__(self, directory: Path, port: int, more: str = "") -> None:
        self.metrics = free_port()
        self.port = port
        self._log = directory / "gateway.log"
        (directory / "key").write_text(KEY.hex())
        self._config = directory / "gateway.toml"
        text = SETTINGS.format(directory=directory, port=port, metrics=self.metrics, address=ADDRESS, more=more)
        self._config.write_text(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        command = [sys.executable, str(PROGRAM), str(self._config)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=20)
        return self.process.returncode

    def advertise(self, data: bytes, address: str = ADDRESS) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{address} {data.hex()}\n")
        self.process.stdin.flush()

    def written(self) -> tuple[int, int, int, int, int, int]:
        """The next downlink written to the device, opened as the device does."""
        assert self.process.stdout is not None
        word, address, value = self.process.stdout.readline().split()
        assert (word, address) == ("written", ADDRESS)
        opened = downlink.open_(block(KEY), ADDRESS.octets, bytes.fromhex(value))
        assert opened is not None
        return opened

    def metric(self, name: str) -> float:
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"tocsin_gateway_{name} "):
                    return float(line.split()[-1])
        raise AssertionError(name)


@pytest.fixture
def port(mosquitto_broker: Process) -> int:
    assert mosquitto_broker.port is not None
    return mosquitto_broker.port


@pytest.fixture
def hub(port: int) -> Iterator[Hub]:
    with Hub(port) as connected:
        yield connected


@pytest.fixture
def program(tmp_path: Path, port: int) -> Iterator[Program]:
    with Program(tmp_path, port) as running:
        yield running


def online(hub: Hub) -> Callable[[], bool]:
    return lambda: bool(hub.statuses) and hub.statuses[-1].state is GatewayState.ONLINE


def test_who_reads_the_log_can_t_tell_a_duress_from_a_cancel(program: Program, hub: Hub) -> None:
    eventually(online(hub))
    program.advertise(panic(1, sequence=1, stage=Stage.DURESS))
    eventually(lambda: len(set(hub.ids)) == 1)
    program.advertise(panic(2, sequence=2, stage=Stage.CANCELLED))
    eventually(lambda: len(set(hub.ids)) == 2)
    eventually(lambda: program.metric("outbox_depth") == 0)
    told = [line for line in program.log().splitlines() if "c0ffee000001" in line.lower() or "event heard" in line]
    assert len(told) >= 2
    assert not any(word in line.lower() for line in told for word in ("stage", "duress", "cancel", "c0ffee000001-"))


def test_a_press_reaches_the_hub_and_the_receipt_reaches_the_wearer(program: Program, hub: Hub) -> None:
    eventually(online(hub))
    program.advertise(panic(1))
    eventually(lambda: hub.ids)
    kinds = [program.written()[0]]
    if kinds == [downlink.KIND_HEARD]:  # it was quicker than the hub
        kinds.append(program.written()[0])
    assert kinds[-1] == downlink.KIND_RECEIPT
    assert hub.ids == ["c0ffee000001-1-1-2"]
    assert program.metric("outbox_depth") == 0
    assert program.metric("receipt_latency_seconds_count") == 1


def test_without_a_hub_the_wearer_is_told_heard_and_nothing_more(program: Program, hub: Hub) -> None:
    hub.receipting = False
    program.advertise(panic(1))
    assert program.written()[:4] == (downlink.KIND_HEARD, 1, 1, 1)
    eventually(lambda: len(hub.ids) >= 2)
    assert program.metric("outbox_depth") == 1
    assert program.metric("oldest_unreceipted_seconds") >= 2
    hub.receipting = True
    assert program.written()[0] == downlink.KIND_RECEIPT


def test_receipts_stop_the_repeats(program: Program, hub: Hub) -> None:
    for counter in range(1, 20):
        program.advertise(panic(counter, told=Told.STORED))
    program.advertise(panic(20, sequence=2, stage=Stage.PRE_ALARM))
    eventually(lambda: "c0ffee000001-1-2-1" in hub.ids)
    eventually(lambda: program.metric("outbox_depth") == 0)
    assert hub.ids == ["c0ffee000001-1-1-2", "c0ffee000001-1-2-1"]


def test_a_broker_that_goes_and_comes_back_loses_no_event_and_hearing_never_stops(
    program: Program, mosquitto_broker: Process
) -> None:
    mosquitto_broker.kill()
    for sequence in range(1, 51):
        program.advertise(panic(sequence, sequence=sequence))
    eventually(lambda: program.metric("outbox_depth") == 50)
    mosquitto_broker.start()
    assert mosquitto_broker.port is not None
    with Hub(mosquitto_broker.port) as hub:
        eventually(lambda: len(set(hub.ids)) == 50, within_s=20)
        eventually(lambda: program.metric("outbox_depth") == 0)
        eventually(online(hub))


def test_when_the_program_is_killed_the_broker_says_offline_and_the_next_start_sends_what_waited(
    program: Program, hub: Hub
) -> None:
    hub.receipting = False
    eventually(online(hub))
    program.advertise(panic(1))
    eventually(lambda: hub.ids)
    eventually(lambda: program.metric("outbox_depth") == 1)
    program.kill()
    eventually(lambda: hub.statuses[-1].state is GatewayState.OFFLINE)
    boots = {status.boot for status in hub.statuses}
    assert len(boots) == 1
    hub.receipting = True
    hub.events.clear()
    program.start()
    eventually(lambda: hub.ids == ["c0ffee000001-1-1-2"])
    eventually(online(hub))
    assert {status.boot for status in hub.statuses} > boots


def test_a_restart_puts_nothing_to_the_hub_that_it_has_receipted(program: Program, hub: Hub) -> None:
    for sequence in range(1, 6):
        program.advertise(panic(sequence, sequence=sequence))
    eventually(lambda: len(hub.ids) == 5)
    eventually(lambda: program.metric("outbox_depth") == 0)
    assert program.terminate() == 0
    program.start()
    for sequence in range(1, 7):
        program.advertise(panic(10 + sequence, sequence=sequence, told=Told.STORED))
    eventually(lambda: "c0ffee000001-1-6-2" in hub.ids)
    assert len(hub.ids) == 6


def test_told_to_stop_it_says_offline_itself_and_leaves_cleanly(program: Program, hub: Hub) -> None:
    eventually(online(hub))
    assert program.terminate() == 0
    eventually(lambda: hub.statuses[-1].state is GatewayState.OFFLINE)
    assert hub.statuses[-1].boot == hub.statuses[0].boot


def test_presence_tells_who_is_heard_and_counts_strangers(program: Program, hub: Hub) -> None:
    program.advertise(frame(1))
    program.advertise(frame(2))
    program.advertise(b"", "11:22:33:44:55:66")

    def heard() -> PresenceData | None:
        return next((digest for digest in hub.digests if digest.devices), None)

    digest = eventually(heard)
    assert [(each.address, each.frame) for each in digest.devices] == [(ADDRESS, frame(2))]
    assert sum(digest.strangers for digest in hub.digests) == 1
    assert hub.ids == []


def test_a_command_reaches_the_device(program: Program, hub: Hub) -> None:
    eventually(online(hub))
    program.advertise(frame(1))
    eventually(lambda: program.metric("adverts_heard_total") == 1)
    now = datetime.now(UTC)
    value = from_hub(downlink.KIND_COMMAND, 7, downlink.COMMAND_ASK, sequence=0)
    data = CommandData(address=ADDRESS, downlink=value, expires_at=now + timedelta(seconds=30))
    hub.publish(Channel.COMMAND, CommandEnvelope(id="c", source="charity/hub", time=now, data=data).to_json())
    assert program.written() == (downlink.KIND_COMMAND, 7, 1, 0, downlink.COMMAND_ASK, 0)


def test_a_blind_gateway_says_so_as_an_event_and_in_its_status(tmp_path: Path, port: int, hub: Hub) -> None:
    with Program(tmp_path, port, "[radio]\nblind_after_s = 1\nrestart_after_s = 30") as program:
        eventually(lambda: bool(hub.statuses) and hub.statuses[-1].blind)
        program.advertise(frame(1))
        eventually(lambda: not hub.statuses[-1].blind)
        eventually(lambda: len(hub.events) >= 2)
        assert [getattr(event.data, "trouble", None) for event in hub.events[:2]] == ["blind", "seeing"]


def test_forged_and_damaged_frames_are_counted_in_the_status(program: Program, hub: Hub) -> None:
    program.advertise(frame(1, key=bytes(16)))
    program.advertise(b"\x40\x00")
    eventually(lambda: bool(hub.statuses) and hub.statuses[-1].refused == {"authentication": 1, "plain_text": 1})


def test_a_password_that_can_t_be_read_ends_the_program_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.app.configure", lambda _: None)
    directory = tmp_path / "own"
    directory.mkdir()
    program = Program(directory, 1883)
    text = program._config.read_text().replace(
        "[presence]", 'username = "porch"\npassword_file = "/no/such"\n[presence]'
    )
    program._config.write_text(text)
    done = CliRunner().invoke(app, ["run", "--config", str(program._config)])
    assert done.exit_code == 1
    assert "secret can't be read" in done.output


def test_a_second_gateway_on_the_same_data_directory_is_refused(program: Program, tmp_path: Path, port: int) -> None:
    other = Program(tmp_path, port)
    command = [sys.executable, str(PROGRAM), str(other._config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "another gateway is using this outbox" in done.stderr


def test_the_stage_after_a_receipt_is_said_in_order(program: Program, hub: Hub) -> None:
    eventually(online(hub))
    program.advertise(panic(1, told=Told.HEARD))
    assert program.written()[0] == downlink.KIND_RECEIPT
    now = datetime.now(UTC)
    value = from_hub(downlink.KIND_STAGE, 9, layout.TOLD_PERSON_HAS_IT)
    data = CommandData(address=ADDRESS, downlink=value, expires_at=now + timedelta(seconds=30))
    hub.publish(Channel.COMMAND, CommandEnvelope(id="c", source="charity/hub", time=now, data=data).to_json())
    assert program.written()[4] == layout.TOLD_PERSON_HAS_IT
