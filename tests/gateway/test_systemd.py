"""What systemd is told, through a real socket; and the units, as far as systemd's own tools can judge them here."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from gateway.supervision import STALLED_AFTER_S, Health, Pulse, Supervisor, in_words
from tests.gateway.air import Time, frame
from tests.gateway.test_program import Program
from tests.services import Process, eventually
from tocsin.systemd import Notifier

if TYPE_CHECKING:
    from types import TracebackType

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
WELL = Health(hears=True, radio=True, connected=True, hub_online=True, waiting=0, expected=3, revoked=False)


class Manager:
    """systemd's end of the socket. Use it as a context."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self._socket.settimeout(0)
        self.told: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    def read(self) -> list[str]:
        """Everything so far."""
        while True:
            try:
                self.told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.told

    def count(self, assignment: str) -> int:
        return self.read().count(assignment)


@pytest.fixture
def name(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return f"@tocsin-{os.getpid()}" if getattr(request, "param", "") == "abstract" else str(tmp_path / "notify")


@pytest.mark.parametrize("name", ["path", "abstract"], indirect=True)
def test_systemd_hears_what_it_is_told(name: str) -> None:
    with Manager(name) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.ready()
        notifier.status("well\nREADY=0")
        notifier.alive()
        notifier.stopping()
        assert manager.read() == ["READY=1", "STATUS=well READY=0", "WATCHDOG=1", "STOPPING=1"]


def test_a_manager_that_does_not_read_is_not_waited_for(name: str) -> None:
    with Manager(name):
        notifier = Notifier({"NOTIFY_SOCKET": name})
        for _ in range(1000):
            notifier.alive()


def test_a_manager_that_is_not_there_or_gone_stops_nothing(tmp_path: Path) -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environment", "patience"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_s_patience_is_read_if_it_is_meant_for_this_process(
    environment: dict[str, str], patience: float | None
) -> None:
    assert Notifier(environment).watchdog_s == patience


@pytest.mark.parametrize("stuck", ["uplink", "tell"])
def test_a_loop_that_stalls_stops_the_pings_and_is_named(name: str, stuck: str) -> None:
    time = Time()
    with Manager(name) as manager:
        pulse = Pulse(("uplink", "tell"), time())
        supervisor = Supervisor(pulse, lambda: WELL, Notifier({"NOTIFY_SOCKET": name}))
        for _ in range(30):
            now = time.pass_(5)
            for loop in {"uplink", "tell"} - {stuck}:
                pulse.beat(loop, now)
            supervisor.step(now)
            manager.read()
        assert manager.count("WATCHDOG=1") == STALLED_AFTER_S / 5
        assert f"STATUS=stalled: {stuck}, 3 devices expected, 0 events waiting" in manager.told
        pulse.beat(stuck, time())
        supervisor.step(time())
        assert manager.told[-1] != "WATCHDOG=1"
        assert manager.count("WATCHDOG=1") == STALLED_AFTER_S / 5 + 1


@pytest.mark.parametrize("loop", ["panel", "keys"])
def test_panel_and_keys_are_watched_too_and_the_keys_may_take_as_long_as_the_hub_does(loop: str) -> None:
    time = Time()
    pulse = Pulse((loop,), time())
    stalled_at = next(after for after in range(0, 3600, 5) if pulse.stalled(time.pass_(5)))
    assert stalled_at == {"panel": 60, "keys": 600}[loop]


def test_what_does_not_change_is_said_once(name: str) -> None:
    time = Time()
    with Manager(name) as manager:
        supervisor = Supervisor(Pulse((), time()), lambda: WELL, Notifier({"NOTIFY_SOCKET": name}))
        for _ in range(3):
            supervisor.step(time.pass_(5))
        assert [told for told in manager.read() if told.startswith("STATUS")] == [
            "STATUS=3 devices expected, 0 events waiting"
        ]


def test_what_is_wrong_is_said_first() -> None:
    ill = Health(hears=False, radio=True, connected=False, hub_online=False, waiting=7, expected=3, revoked=True)
    assert in_words(ill, []) == (
        "revoked: enrol it anew, hears nothing, no connection to the broker, 3 devices expected, 7 events waiting"
    )


def test_the_gateway_is_ready_when_it_listens_is_alive_from_then_on_and_says_when_it_leaves(
    tmp_path: Path, mosquitto_broker: Process, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mosquitto_broker.port is not None
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    with Manager(name) as manager, Program(tmp_path, mosquitto_broker.port) as program:
        eventually(lambda: manager.count("READY=1") == 1)
        eventually(lambda: manager.count("WATCHDOG=1") >= 3)
        program.advertise(frame(1))
        eventually(lambda: "STATUS=1 devices expected, 0 events waiting" in manager.read())
        assert program.terminate() == 0
        assert manager.read()[-1] == "STOPPING=1"


def analyze(*arguments: str) -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("unit", ["tocsin-gateway.service", "tocsin-hub.service"])
def test_systemd_finds_no_mistake_in_the_units(tmp_path: Path, unit: str) -> None:
    text = (UNITS / unit).read_text()
    (tmp_path / unit).write_text(text.replace("/opt/tocsin/bin/tocsin", "/bin/true"))
    assert analyze("verify", "--man=no", str(tmp_path / unit)).strip() == ""


@pytest.mark.parametrize(("unit", "most"), [("tocsin-gateway.service", 2.0), ("tocsin-hub.service", 1.5)])
def test_the_units_leave_little_exposed(unit: str, most: float) -> None:
    told = analyze("security", "--offline=true", "--no-pager", str(UNITS / unit))
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert exposure is not None, told
    assert float(exposure[1]) <= most


_UNDER_MDWE = """
import ctypes
assert ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0) in (0, -1)  # PR_SET_MDWE: older kernels have none
import bleak, cryptography.hazmat.primitives.ciphers.aead, httpx, pydantic, prometheus_client, paho.mqtt.client
import gateway.app
from gateway.clock import Clock
from protocols.ble import aes
Clock()()
aes.block(bytes(16))(bytes(16))
"""


def test_nothing_in_the_gateway_needs_memory_that_is_written_and_executed() -> None:
    import sys

    done = subprocess.run([sys.executable, "-c", _UNDER_MDWE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
