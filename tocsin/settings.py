"""Settings of a program: one TOML file under the environment; unknown keys refused, secrets in files of their own."""

from __future__ import annotations

import tomllib
from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Program = TypeVar("Program", bound="ProgramSettings")


class SettingsError(Exception):
    """A settings file or variable that can't be used.

    Attributes:
        source: the file that was read, or ``environment``.
        problems: one line per problem, each ``key: what is wrong``.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__(f"{source}:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.source = source
        self.problems = problems


class Section(BaseModel):
    """A table of a settings file. Unknown keys are refused, so a typing error is never a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MqttSettings(Section):
    """Where the broker is and who we are there.

    ``protocol`` is ``auto`` (5, or 3.1.1 where the broker has no 5), ``5`` or ``3.1.1``.
    ``password_file`` holds the password alone; surrounding white space is dropped.
    ``tls_ca_file`` asks for TLS with that authority, ``tls`` for TLS with those that the operating system believes.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password_file: Path | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    tls_ca_file: Path | None = None
    tls: bool = False
    keepalive_s: int = Field(default=15, ge=2, le=3600)

    @property
    def is_secure(self) -> bool:
        return self.tls or self.tls_ca_file is not None

    def password(self) -> str | None:
        return None if self.password_file is None else read_secret(self.password_file)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class ProgramSettings(BaseSettings):
    """Base of each program's settings.

    The environment wins over the file: ``TOCSIN_HUB_MQTT__PORT=1884``. An empty variable is none.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_nested_delimiter="__", env_ignore_empty=True)

    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - signature of pydantic-settings
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(settings: type[Program], path: Path | None, **given: Any) -> Program:  # noqa: ANN401 - as the settings have it
    """Read one program's settings.

    Args:
        settings: whose.
        path: of the TOML file; None = the environment says all.
        given: on the command line; wins over both.

    Raises:
        SettingsError: the file is missing, is not TOML, or a key is unknown, missing or out of range.
    """
    source = "environment" if path is None else str(path)
    if path is not None:
        _check_toml(path)
    try:
        return _with_file(settings, path)(**given)
    except ValidationError as invalid:
        raise SettingsError(source, [_line(error) for error in invalid.errors()]) from invalid


def _with_file(settings: type[Program], path: Path | None) -> type[Program]:
    config = SettingsConfigDict(**{**settings.model_config, "toml_file": path})
    return type(settings.__name__, (settings,), {"model_config": config, "__module__": settings.__module__})


def _check_toml(path: Path) -> None:
    try:
        tomllib.loads(path.read_text("utf-8"))
    except OSError as unreadable:
        raise SettingsError(str(path), [f"can't be read: {unreadable.strerror}"]) from unreadable
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise SettingsError(str(path), [f"is not TOML: {broken}"]) from broken


def _line(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "(file)"
    return f"{where}: {error['msg']}"


def read_secret(path: Path) -> str:
    """A secret kept in a file of its own.

    Raises:
        SettingsError: the file can't be read or is empty.
    """
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as unreadable:
        raise SettingsError(str(path), [f"secret can't be read: {unreadable.strerror}"]) from unreadable
    if not secret:
        raise SettingsError(str(path), ["secret file is empty"])
    return secret
