"""Settings of the gateway: ``gateway.toml``, or ``TOCSIN_GATEWAY_…`` in the environment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from protocols.ble.bthome import KEY_SIZE
from protocols.ids import NAME, GatewayId, OrganisationId
from protocols.mqtt.envelope import AddressField  # noqa: TC001 - pydantic reads it at run time
from protocols.mqtt.topics import HUB
from tocsin.settings import MqttSettings, ProgramSettings, Section, SettingsError, read_secret

if TYPE_CHECKING:
    from protocols.ids import Address

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


class GatewaySettings(ProgramSettings):
    """All of it. ``gateway`` is its id in every topic; ``hub`` is taken."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_GATEWAY_")

    organisation: Annotated[OrganisationId, _NAME]
    gateway: Annotated[GatewayId, _NAME]
    data_dir: Path
    mqtt: MqttSettings = MqttSettings()
    radio: RadioSettings = RadioSettings()
    presence: PresenceSettings = PresenceSettings()
    devices: tuple[DeviceSettings, ...] = ()
    metrics: MetricsSettings = MetricsSettings()
    outbox: OutboxSettings = OutboxSettings()

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
