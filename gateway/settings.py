"""Settings of the gateway: ``gateway.toml``, or ``TOCSIN_GATEWAY_…`` in the environment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.domain.panel import Lamp
from gateway.enrolment.errors import FileError
from gateway.enrolment.files import Files
from protocols.ble.bthome import KEY_SIZE
from protocols.ids import NAME, GatewayId, OrganisationId
from protocols.mqtt.envelope import AddressField  # noqa: TC001 - pydantic reads it at run time
from protocols.mqtt.topics import HUB
from tocsin.settings import MqttSettings, ProgramSettings, Section, SettingsError, read_secret

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from gateway.enrolment.files import Identity
    from protocols.ids import Address

DATA_DIR: Final = Path("/var/lib/tocsin-gateway")
"""Where a gateway keeps its files unless told otherwise; deploy/systemd makes it."""

_NAME: Final = Field(pattern=f"^{NAME}$")


class RadioSettings(Section):
    """How to listen.

    ``adapter`` is BlueZ's name (``hci0``), None = the default one. After ``blind_after_s`` without any advertisement
    the gateway says that it is blind, resets the adapter and scans anew; then again every ``restart_after_s``.
    """

    adapter: str | None = None
    mode: Literal["active", "passive"] = "active"
    blind_after_s: float = Field(default=60, gt=0)
    restart_after_s: float = Field(default=30, gt=0)


class PresenceSettings(Section):
    every_s: float = Field(default=10, ge=1, le=300)


class DeviceSettings(Section):
    """A device of this organisation; ``key_file`` holds its key as 32 hexadecimal digits."""

    address: AddressField
    key_file: Path

    def key(self) -> bytes:
        """The key's 16 bytes.

        Raises:
            SettingsError: the file can't be read, or holds no key.
        """
        try:
            key = bytes.fromhex(read_secret(self.key_file))
        except ValueError:
            raise SettingsError(str(self.key_file), ["is not hexadecimal"]) from None
        if len(key) != KEY_SIZE:
            raise SettingsError(str(self.key_file), [f"holds {len(key)} bytes, a device's key has {KEY_SIZE}"])
        return key


class MetricsSettings(Section):
    """Where Prometheus finds the metrics, on loopback; None = nowhere."""

    port: int | None = Field(default=None, ge=0, le=65535)


class OutboxSettings(Section):
    """How large the outbox may grow before it sheds. Alarms go beyond it."""

    max_mb: float = Field(default=32, ge=1)


Pin = Annotated[int, Field(ge=2, le=27)]
"""A pin by its GPIO (BCM) number; 0 and 1 belong to add-on boards."""


class PanelSettings(Section):
    """Lamps, a buzzer and a button on the pins of a Raspberry Pi; docs/panel.md has the wiring.

    ``button_contact``: what the button does when it is pressed: ``closes`` or ``opens`` (then a cut cable is an alarm
    too). ``button_to``: where its other end is wired to. ``discreet``: the button has neither light nor sound.
    ``loop_pin``: a second pair of wires, closed in the button's box; when it opens, the cable is cut, which is a
    ``loop_cut`` fault or alarm. ``show_devices``: the alarm lamp is also about personal alarms that are heard.
    """

    enabled: bool = False
    hearing_pin: Pin | None = None
    online_pin: Pin | None = None
    alarm_pin: Pin | None = None
    lamps_active_high: bool = True
    show_devices: bool = True
    buzzer_pin: Pin | None = None
    buzzer_active_high: bool = True
    silent: bool = False
    button: Annotated[str, _NAME] = "button"
    button_pin: Pin | None = None
    button_contact: Literal["closes", "opens"] = "closes"
    button_to: Literal["ground", "3v3"] = "ground"
    hold_s: float = Field(default=1.5, ge=0.2, le=10)
    discreet: bool = False
    loop_pin: Pin | None = None
    loop_cut: Literal["fault", "alarm"] = "fault"

    @property
    def lamps(self) -> dict[Lamp, int | None]:
        return {Lamp.HEARING: self.hearing_pin, Lamp.ONLINE: self.online_pin, Lamp.ALARM: self.alarm_pin}

    @property
    def pressed_when_closed(self) -> bool:
        return self.button_contact == "closes"

    @model_validator(mode="after")
    def _pins_once(self) -> Self:
        pins = [pin for pin in (*self.lamps.values(), self.buzzer_pin, self.button_pin, self.loop_pin) if pin]
        twice = [str(pin) for pin, times in Counter(pins).items() if times > 1]
        if twice:
            raise ValueError(f"a pin is given to two things: {', '.join(twice)}")
        if self.enabled and not pins:
            raise ValueError("a panel needs a pin at least: hearing_pin, online_pin, alarm_pin, buzzer_pin, button_pin")
        return self


class Place(ProgramSettings):
    """Of the same file or environment only where the gateway keeps its files; nothing else is looked at."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_GATEWAY_", extra="ignore")

    data_dir: Path = DATA_DIR


class _Enrolment(PydanticBaseSettingsSource):
    """What the gateway's enrolment says, in its data directory. Nothing else may say something different."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        files = Files(Path(self.current_state.get("data_dir", DATA_DIR)))
        try:
            identity = files.identity()
        except FileError as unusable:
            raise SettingsError(str(files.directory), [str(unusable)]) from unusable
        return {} if identity is None else self._said(identity, files)

    def _said(self, identity: Identity, files: Files) -> dict[str, object]:
        says = {"organisation": identity.enrolment.organisation, "gateway": identity.enrolment.gateway}
        problems = [
            f"{name}: this gateway is enrolled as {value!r}; leave it out"
            for name, value in says.items()
            if self.current_state.get(name, value) != value
        ]
        if self.current_state.get("devices"):
            problems.append("devices: this gateway is enrolled and has its keys from the hub; leave them out")
        if problems:
            raise SettingsError(str(files.directory), problems)
        return dict(says)


class GatewaySettings(ProgramSettings):
    """All of it. ``gateway`` is its id in every topic; ``hub`` is taken.

    A gateway that was enrolled needs none of it: its enrolment says who it is, and where the broker is.
    """

    model_config = SettingsConfigDict(env_prefix="TOCSIN_GATEWAY_")

    organisation: Annotated[OrganisationId, _NAME]
    gateway: Annotated[GatewayId, _NAME]
    data_dir: Path = DATA_DIR
    mqtt: MqttSettings = MqttSettings()
    radio: RadioSettings = RadioSettings()
    presence: PresenceSettings = PresenceSettings()
    devices: tuple[DeviceSettings, ...] = ()
    metrics: MetricsSettings = MetricsSettings()
    outbox: OutboxSettings = OutboxSettings()
    panel: PanelSettings = PanelSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        usual = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        return *usual, _Enrolment(settings_cls)

    @field_validator("gateway")
    @classmethod
    def _not_the_hub(cls, gateway: GatewayId) -> GatewayId:
        if gateway == HUB:
            raise ValueError(f"'{HUB}' is the hub's own id")
        return gateway

    @field_validator("devices")
    @classmethod
    def _each_once(cls, devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
        twice = [address for address, times in Counter(device.address for device in devices).items() if times > 1]
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        return devices

    def keys(self) -> dict[Address, bytes]:
        """The keys of the expected devices.

        Raises:
            SettingsError: one of them can't be read.
        """
        return {device.address: device.key() for device in self.devices}
