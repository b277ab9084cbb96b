"""``tocsin gateway doctor``, beside a running gateway and without one."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import bleak
import pytest

from gateway.doctor import checks, radio
from gateway.outbox import Outbox
from tests.gateway.air import ADDRESS, KEY, Time, event, frame
from tests.gateway.hub import Hub
from tests.gateway.test_program import Program
from tests.services import eventually, free_port, tocsin
from tocsin.doctor import Verdict, examine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services import Process

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One Bluetooth adapter, switched on; listened to for a moment only."""
    there = tmp_path / "sys" / "bluetooth"
    (there / "hci0").mkdir(parents=True)
    monkeypatch.setattr(radio, "ADAPTERS", there)
    monkeypatch.setattr(radio, "SWITCHES", tmp_path / "sys" / "rfkill")
    monkeypatch.setattr(radio, "LISTEN_S", 0.5)
    return there


def settings(folder: Path, mqtt_port: int, metrics: int | None = None) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "key").write_text(KEY.hex())
    shown = "" if metrics is None else f"[metrics]\nport = {metrics}\n"
    path = folder / "doctor.toml"
    path.write_text(
        f'organisation = "charity"\ngateway = "porch"\ndata_dir = "{folder / "data"}"\n[mqtt]\nport = {mqtt_port}\n'
        f'{shown}[[devices]]\naddress = "{ADDRESS}"\nkey_file = "{folder / "key"}"\n'
    )
    return path


def look(config: Path, **only: Any) -> dict[str, tuple[Verdict, str]]:
    return {one.name: (Verdict[one.verdict.upper()], one.measured) for one in examine(checks(config), **only)}


def test_a_gateway_that_runs_is_asked_for_its_figures(tmp_path: Path, mosquitto_broker: Process) -> None:
    assert mosquitto_broker.port is not None
    with Hub(mosquitto_broker.port), Program(tmp_path, mosquitto_broker.port) as program:
        eventually(lambda: program.metric("alarm_connection_up") == 1)
        program.advertise(frame(1))
        found = look(settings(tmp_path, mosquitto_broker.port, program.metrics))
    assert found["gateway"] == (Verdict.OK, "runs")
    assert found["outbox"][1].startswith("0 wait for a receipt")
    assert found["broker"] == (Verdict.FAIL, f"127.0.0.1:{mosquitto_broker.port} is reached, but the hub is not there")
    assert found["enrolment"][0] is Verdict.OK


def test_a_gateway_that_runs_and_shows_no_figures_is_left_alone(tmp_path: Path, mosquitto_broker: Process) -> None:
    assert mosquitto_broker.port is not None
    with Program(tmp_path, mosquitto_broker.port) as program:
        eventually(lambda: program.metric("alarm_connection_up") == 1)
        found = look(settings(tmp_path, mosquitto_broker.port))
        assert program.metric("alarm_connection_up") == 1
    assert {found[name][0] for name in ("radio", "outbox", "broker")} == {Verdict.WARN}


class Scanner:
    """Hears so many advertisements."""

    heard = 0

    def __init__(self, detected: Any, **_: object) -> None:
        self._detected = detected

    async def start(self) -> None:
        for _ in range(self.heard):
            self._detected(None, None)

    async def stop(self) -> None: ...


@pytest.mark.parametrize(("heard", "verdict"), [(0, Verdict.FAIL), (3, Verdict.OK)])
def test_without_a_gateway_the_radio_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(bleak, "BleakScanner", type("Heard", (Scanner,), {"heard": heard}))
    assert look(settings(tmp_path, free_port()), limit_s=15)["radio"][0] is verdict


def test_an_adapter_that_is_missing_or_switched_off_is_named(tmp_path: Path, adapter: Path) -> None:
    config = settings(tmp_path, free_port())
    switch = tmp_path / "sys" / "rfkill" / "rfkill0"
    switch.mkdir(parents=True)
    for name, value in (("type", "bluetooth"), ("soft", "1"), ("hard", "0")):
        (switch / name).write_text(f"{value}\n")
    assert "switched off (rfkill0)" in look(config, limit_s=15)["radio"][1]
    (adapter / "hci0").rmdir()
    assert "there is none" in look(config, limit_s=15)["radio"][1]


def test_what_waits_on_a_gateway_that_does_not_run_is_said(tmp_path: Path) -> None:
    config, time = settings(tmp_path, free_port()), Time()
    with closing(Outbox(tmp_path / "data", max_mb=1, now=time(), ballast=0)) as outbox:
        outbox.hold(event(1))
        outbox.flush(time())
    found = look(config, limit_s=15)
    assert found["outbox"] == (Verdict.FAIL, "1 wait for a receipt, and the gateway does not run")
    assert found["gateway"][0] is Verdict.FAIL


def test_the_command_says_it_in_json_and_by_its_exit_code(tmp_path: Path) -> None:
    command = tocsin("gateway", "doctor", "--json", "--config", str(settings(tmp_path, free_port())))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"]) == (2, "fail")
    assert KEY.hex() not in done.stdout
    assert {check["name"] for check in found["checks"]} >= {"clock", "disk", "radio", "outbox", "broker"}
