"""docker-compose.yml as compose reads it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
FOLDER = ROOT / "deploy" / "compose"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


class VariableNotSetError(Exception):
    """A variable that compose would refuse to do without."""


@dataclass(frozen=True)
class Mount:
    """What stands at a path of a container: a named volume, or a file or folder of this checkout."""

    source: str
    target: str
    mode: str

    @property
    def is_named(self) -> bool:
        return not self.source.startswith((".", "/"))

    @property
    def path(self) -> Path:
        return ROOT / self.source


@dataclass(frozen=True)
class Service:
    name: str
    raw: dict[str, Any]

    @property
    def command(self) -> list[str]:
        return [str(word) for word in self.raw["command"]]

    @property
    def environment(self) -> dict[str, str]:
        return {key: str(value) for key, value in self.raw.get("environment", {}).items()}

    @property
    def mounts(self) -> list[Mount]:
        parts = [text.split(":") for text in self.raw.get("volumes", [])]
        return [Mount(part[0], part[1], part[2] if len(part) > 2 else "rw") for part in parts]

    @property
    def secrets(self) -> list[str]:
        return list(self.raw.get("secrets", []))

    @property
    def ports(self) -> list[tuple[str, int]]:
        """Where it is published ("" = everywhere), and the container's port."""
        split = [text.rsplit(":", 2) for text in self.raw.get("ports", [])]
        return [(parts[0] if len(parts) == 3 else "", int(parts[-1])) for parts in split]

    @property
    def needs(self) -> dict[str, str]:
        return {name: each["condition"] for name, each in self.raw.get("depends_on", {}).items()}

    @property
    def healthcheck(self) -> list[str] | None:
        check = self.raw.get("healthcheck", {})
        return [str(word) for word in check["test"][1:]] if "test" in check else None

    @property
    def is_job(self) -> bool:
        """It does its work and ends."""
        return self.raw["restart"] == "no"

    @property
    def is_ours(self) -> bool:
        return "build" in self.raw


class Compose:
    """The file with these variables.

    Raises:
        VariableNotSetError: one is missing.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self.raw: dict[str, Any] = self._filled_in(yaml.safe_load(COMPOSE.read_text("utf-8")))

    @cached_property
    def services(self) -> dict[str, Service]:
        return {name: Service(name, raw) for name, raw in self.raw["services"].items()}

    def of_profiles(self, *profiles: str) -> dict[str, Service]:
        """The services that these profiles start."""
        return {
            name: each
            for name, each in self.services.items()
            if not each.raw.get("profiles") or set(profiles) & set(each.raw["profiles"])
        }

    def _filled_in(self, node: Any) -> Any:
        """Variables stand in values: they are filled in after the file was read."""
        if isinstance(node, dict):
            return {key: self._filled_in(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self._filled_in(each) for each in node]
        return _VARIABLE.sub(self._value, node) if isinstance(node, str) else node

    def _value(self, match: re.Match[str]) -> str:
        name, kind, text = match.groups()
        if value := self._variables.get(name, ""):
            return value
        if kind == "?":
            raise VariableNotSetError(f"{name}: {text}")
        return text or ""


def read_env(path: Path) -> dict[str, str]:
    """A file of variables, as ``docker compose --env-file`` reads it."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value.strip('"') for name, _, value in pairs}
