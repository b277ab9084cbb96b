"""docker-compose.yml is what it says it is, as far as a file can be."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hub.settings import HubSettings
from simulator import world
from tests.deploy.commands import NoSuchCommandError, parses
from tests.deploy.composefile import COMPOSE, FOLDER, ROOT, Compose, Service, VariableNotSetError, read_env
from tocsin.settings import load

EXAMPLE = read_env(FOLDER / "example.env")
SERVICES = Compose(EXAMPLE).services
RUNNING = [name for name, service in SERVICES.items() if not service.is_job]
TLS_PORTS = {8443, 8883}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
every_running_service = pytest.mark.parametrize("service", [SERVICES[name] for name in RUNNING], ids=RUNNING)


def test_it_is_a_compose_file_by_the_official_schema() -> None:
    check = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["TOCSIN_HOST", "SMTP_HOST", "SMTP_SENDER"])
def test_it_does_not_start_before_the_operator_has_said_what_only_they_know(name: str) -> None:
    with pytest.raises(VariableNotSetError, match=name):
        Compose({key: value for key, value in EXAMPLE.items() if key != name})


@every_service
def test_nothing_runs_as_root(service: Service) -> None:
    user, _, group = service.raw["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


@every_service
def test_nothing_can_be_written_but_volumes_and_memory(service: Service) -> None:
    assert service.raw["read_only"] is True
    assert service.raw["cap_drop"] == ["ALL"]
    assert service.raw["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service.raw
    assert "cap_add" not in service.raw


@every_service
def test_files_of_the_checkout_are_there_and_only_read(service: Service) -> None:
    for mount in service.mounts:
        if not mount.is_named:
            assert mount.path.exists(), mount.source
            assert mount.mode == "ro", mount.source


@every_service
def test_everything_named_is_declared(service: Service) -> None:
    raw = Compose(EXAMPLE).raw
    assert {mount.source for mount in service.mounts if mount.is_named} <= raw["volumes"].keys()
    assert set(service.secrets) <= raw["secrets"].keys()
    assert set(service.raw.get("networks", [])) <= raw["networks"].keys()
    assert service.needs.keys() <= SERVICES.keys()


@every_service
def test_memory_processes_and_logs_have_an_end(service: Service) -> None:
    assert service.raw["mem_limit"]
    assert service.raw["pids_limit"]
    assert service.raw["logging"]["options"]["max-size"]


@every_service
def test_no_secret_stands_in_the_environment(service: Service) -> None:
    for name, value in service.environment.items():
        secret = any(word in name.lower() for word in ("password", "secret", "key", "token"))
        assert not secret or value.startswith("/run/secrets/"), name


@every_running_service
def test_what_runs_says_how_it_is_comes_back_and_is_given_time_to_stop(service: Service) -> None:
    waited_for = {name for each in SERVICES.values() for name, how in each.needs.items() if how == "service_healthy"}
    assert service.healthcheck or service.name not in waited_for
    assert service.healthcheck or service.raw["profiles"] == ["simulation"]
    assert service.raw["restart"] == "unless-stopped"
    assert service.raw["stop_grace_period"]


@every_service
def test_open_ports_speak_tls_or_are_on_loopback(service: Service) -> None:
    for address, port in service.ports:
        assert port in TLS_PORTS or address == "127.0.0.1"


def test_postgresql_is_reached_by_hubs_alone() -> None:
    assert Compose(EXAMPLE).raw["networks"]["database"]["internal"] is True
    assert not SERVICES["postgres"].ports
    assert SERVICES["postgres"].raw["networks"] == ["database"]
    others = {name for name, each in SERVICES.items() if "database" in each.raw.get("networks", [])}
    assert others <= {"postgres", "hub", "move-in"}


def test_the_authoritys_key_is_in_no_container_that_listens() -> None:
    holders = {name for name, each in SERVICES.items() if any(mount.source == "authority" for mount in each.mounts)}
    assert holders == {"setup"}
    assert SERVICES["setup"].raw["network_mode"] == "none"


@every_service
def test_every_command_of_ours_is_one_that_tocsin_has(service: Service) -> None:
    if service.is_ours:
        assert parses(service.command)


@every_service
def test_every_health_check_of_ours_is_a_command_that_tocsin_has(service: Service) -> None:
    if service.is_ours and service.healthcheck:
        assert service.healthcheck[0] == "tocsin"
        assert parses(service.healthcheck[1:])


def test_a_command_that_tocsin_has_not_would_be_noticed() -> None:
    with pytest.raises(NoSuchCommandError):
        parses(["hub", "runn"])
    with pytest.raises(Exception, match="No such option"):
        parses(["hub", "run", "--no-such-option"])


def test_the_simulation_needs_nothing_but_its_own_variables() -> None:
    simulated = Compose(read_env(FOLDER / "simulation.env")).of_profiles("simulation")
    assert simulated["hub"].environment["TOCSIN_HUB_EMAIL__HOST"] == "site"
    assert simulated.keys() - Compose(EXAMPLE).of_profiles().keys() == {
        "site",
        "move-in",
        "gateway-west",
        "gateway-east",
    }


def test_every_gateway_of_the_simulated_site_is_a_service() -> None:
    loaded = world.load(ROOT / "simulator" / "worlds" / "demo.toml")
    assert {f"gateway-{each.name}" for each in loaded.gateways} == {n for n in SERVICES if n.startswith("gateway-")}


def test_the_hubs_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["hub"].environment.items():
        monkeypatch.setenv(name, value)
    settings = load(HubSettings, FOLDER / "hub.toml")
    assert settings.web.public_url == f"https://{EXAMPLE['TOCSIN_HOST']}:8443"
    assert settings.email is not None
    assert settings.mqtt.tls_ca_file is not None


def test_every_file_in_the_hubs_settings_is_on_something_mounted() -> None:
    targets = [mount.target for mount in SERVICES["hub"].mounts] + ["/run/secrets"]
    for path in _paths(tomllib.loads((FOLDER / "hub.toml").read_text("utf-8"))):
        assert any(path.startswith(f"{target}/") for target in targets), path


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_bytes((FOLDER / "make-secrets").read_bytes())
    subprocess.run(["sh", str(script)], check=True)
    names = [Path(each["file"]).name for each in Compose(EXAMPLE).raw["secrets"].values()]
    first = {name: (tmp_path / "secrets" / name).read_text("utf-8") for name in names}
    assert len(first["postgres.password"].strip()) == 44
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run(["sh", str(script)], check=True)
    assert first == {name: (tmp_path / "secrets" / name).read_text("utf-8") for name in names}


def test_git_and_images_never_see_secrets() -> None:
    ignored = ["deploy/compose/secrets/postgres.password", ".env"]
    done = subprocess.run(["git", "check-ignore", *ignored], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ignored
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[1] == "*"


def _paths(table: object) -> list[str]:
    if isinstance(table, dict):
        return [path for value in table.values() for path in _paths(value)]
    return [table] if isinstance(table, str) and table.startswith("/") else []
