"""Settings of a program: one TOML file under the environment; unknown keys refused, secrets in files of their own."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Program = TypeVar("Program", bound="ProgramSettings")
PREFIX: Final = "TOCSIN_"
"""Of every variable that is a setting."""


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

    def contradictions(self) -> Iterator[str]:
        """What each key allows and all of them together do not, as ``key: what is wrong``."""
        return iter(())

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
        raise SettingsError(source, [_line(settings, error) for error in invalid.errors()]) from invalid


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


def _line(settings: type[BaseModel], error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "(file)"
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg']}"
    meant = get_close_matches(str(error["loc"][-1]), _keys_beside(settings, error["loc"][:-1]), n=1)
    return f"{where}: no such key" + "".join(f"; did you mean {each}?" for each in meant)


def _keys_beside(model: type[BaseModel], table: tuple[int | str, ...]) -> list[str]:
    """The keys that a table of the file may have."""
    for name in table:
        if isinstance(name, str):
            model = next(_models_in(model.model_fields[name].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type is one
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def unreadable_files(table: BaseModel, at: str = "") -> Iterator[str]:
    """Files that are named and can't be read, or are empty, as ``key: what is wrong``. Keys are made at the start."""
    for name, value in table:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel):
                yield from unreadable_files(each, f"{at}{name}.")
            elif isinstance(each, Path) and name.endswith("_file") and name != "keys_file":
                yield from (f"{at}{name}: {wrong}" for wrong in _wrong_with(each))


def _wrong_with(path: Path) -> Iterator[str]:
    try:
        if not path.read_bytes().strip():
            yield f"{path} is empty"
    except OSError as unreadable:
        yield f"{path} can't be read: {unreadable.strerror}"


def bare(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without settings, for a program whose settings are all in its file.

    What somebody's shell says of a hub that is at work must not reach one that is only tried out.
    """
    return {name: value for name, value in environment.items() if not name.startswith(PREFIX)}


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
