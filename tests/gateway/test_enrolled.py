"""From a code to a receipt: a gateway that nobody configured, the hub's HTTPS side, Mosquitto over TLS."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.enrolment.files import Files
from protocols.ble import downlink
from protocols.enrolment import CONNECTIONS, BrokerAddress, DeviceKey
from protocols.mqtt.envelope import GatewayState
from tests.gateway.air import ADDRESS, KEY, panic
from tests.gateway.hub import Hub
from tests.gateway.office import Office, credential
from tests.gateway.test_program import Program
from tests.services import Process, eventually, free_port, program, running
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
listener {port} 127.0.0.1
cafile {tls}/authority.pem
certfile {tls}/broker.pem
keyfile {tls}/broker.key
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
set_tcp_nodelay true
"""
RIGHTS = "user hub\ntopic #\n" + "".join(
    f"user charity.porch.{generation}.{connection}\ntopic #\n" for generation in (1, 2) for connection in CONNECTIONS
)


class Site:
    """Office and broker; whoever the office lets in, the broker does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.office = Office(folder / "tls")
        self.port = free_port()
        self.office.broker = BrokerAddress(host="localhost", port=self.port, tls=True)
        self.office.records.keys = (DeviceKey(address=ADDRESS, enrolment=1, generation=0, key=KEY),)
        self.office.records.on_change = self.admit
        (folder / "rights").write_text(RIGHTS)
        config = folder / "mosquitto.conf"
        who = "user root\n" if os.geteuid() == 0 else ""  # it would leave root's rights, and find no file here
        config.write_text(CONFIG.format(port=self.port, tls=folder / "tls", folder=folder) + who)
        self.broker = Process([program("mosquitto"), "-c", str(config)], log=folder / "mosquitto.log", port=self.port)
        self._write_passwords()

    def admit(self) -> None:
        self._write_passwords()
        self.broker.send(signal.SIGHUP)

    def _write_passwords(self) -> None:
        accounts = {"hub": "hub"}
        for generation in self.office.records.live:
            known = credential(generation)
            accounts |= {f"{known.username}.{connection}": known.secret for connection in CONNECTIONS}
        path = self.folder / "passwords"
        fresh = self.folder / "passwords.new"
        fresh.write_text("".join(f"{name}:{secret}\n" for name, secret in accounts.items()))
        fresh.chmod(0o600)
        subprocess.run([program("mosquitto_passwd"), "-U", str(fresh)], check=True, capture_output=True, timeout=30)
        fresh.chmod(0o644)
        fresh.replace(path)

    def hub(self) -> Hub:
        (self.folder / "hub-password").write_text("hub")
        return Hub(
            self.port,
            settings=MqttSettings(
                host="localhost",
                port=self.port,
                username="hub",
                password_file=self.folder / "hub-password",
                tls_ca_file=self.folder / "tls" / "authority.pem",
            ),
        )


class Enrolled(Program):
    """The gateway in a process, with nothing but its data directory."""

    def __init__(self, directory: Path) -> None:
        self.metrics = free_port()
        self._log = directory / "gateway.log"
        self._config = directory / "gateway.toml"
        self._config.write_text(f'data_dir = "{directory / "data"}"\n[metrics]\nport = {self.metrics}\n')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    with site.office, running(site.broker):
        yield site


def enroll(site: Site) -> str:
    arguments = ["enroll", site.office.url, "--code", site.office.code, "--data-dir", str(site.folder / "data")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_enrolling_says_what_was_done_and_what_is_next(site: Site) -> None:
    told = enroll(site)
    assert "This is the hub that made the code" in told
    assert "gateway porch of charity, at The porch" in told
    assert "knows the keys of 1 device." in told
    assert f"The broker at localhost:{site.port} lets it in." in told
    assert "Next: start it" in told
    assert "enrolled" in enroll(site).lower()


def test_a_broker_that_does_not_let_it_in_is_named(site: Site) -> None:
    site.office.records.live = set()
    site._write_passwords()
    site.broker.send(signal.SIGHUP)
    site.office.records.live = {1}
    arguments = ["enroll", site.office.url, "--code", site.office.code, "--data-dir", str(site.folder / "data")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.enrolment.enrol.enrol.__kwdefaults__", {"limit_s": 1.0})
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "Not authorized" in done.output
    assert "The gateway is enrolled" in done.output


def test_an_enrolled_gateway_carries_an_alarm_and_its_receipt(site: Site) -> None:
    enroll(site)
    with site.hub() as hub, Enrolled(site.folder) as gateway:
        gateway.advertise(panic(1))
        eventually(lambda: hub.ids == ["c0ffee000001-1-1-2"])
        kinds = [gateway.written()[0]]
        if kinds == [downlink.KIND_HEARD]:
            kinds.append(gateway.written()[0])
        assert kinds[-1] == downlink.KIND_RECEIPT
        assert gateway.metric("devices_expected") == 1


def test_a_rotation_changes_both_connections_and_loses_no_alarm(site: Site) -> None:
    enroll(site)
    site.office.records.rotate = True
    with site.hub() as hub, Enrolled(site.folder) as gateway:
        for sequence in range(1, 61):
            gateway.advertise(panic(sequence, sequence=sequence))
            eventually(lambda number=sequence: len(set(hub.ids)) >= number)  # type: ignore[misc]
        eventually(lambda: site.office.records.live == {2}, within_s=30)
        gateway.advertise(panic(100, sequence=100))
        eventually(lambda: len(set(hub.ids)) == 61)
        eventually(lambda: gateway.metric("outbox_depth") == 0)
        eventually(lambda: hub.statuses[-1].state is GatewayState.ONLINE)
        identity = eventually(Files(site.folder / "data").identity)
        assert (identity.credential.generation, identity.coming) == (2, None)
    log = site.broker.output()
    for connection in CONNECTIONS:
        assert f"u'charity.porch.2.{connection}'" in log


def test_a_gateway_whose_hub_is_away_starts_and_hears_with_what_it_has(site: Site) -> None:
    enroll(site)
    site.office._server.shutdown()
    with site.hub() as hub, Enrolled(site.folder) as gateway:
        gateway.advertise(panic(1))
        eventually(lambda: hub.ids)


def test_a_broker_that_is_not_the_hub_s_is_told_nothing(site: Site, tmp_path: Path) -> None:
    enroll(site)
    site.broker.kill()
    other = Office(tmp_path / "other")
    other.broken = {}
    config = (site.folder / "mosquitto.conf").read_text().replace(str(site.folder / "tls"), str(tmp_path / "other"))
    (site.folder / "mosquitto.conf").write_text(config)
    site.broker.start()
    with Enrolled(site.folder) as gateway:
        eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in gateway.log())
        assert gateway.metric("alarm_connection_up") == 0
    other._server.server_close()
