"""Whose gateway this is: by enrolment, or by settings that somebody wrote."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from gateway.domain.keyring import Keyring, by_hand
from gateway.enrolment import broker
from gateway.enrolment.files import Files
from gateway.enrolment.hub import Hub
from gateway.enrolment.sync import Sync
from gateway.loops import StepThread

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from gateway.domain.moment import Moment
    from gateway.enrolment.files import Identity
    from gateway.loops import Pace
    from gateway.settings import GatewaySettings
    from protocols.enrolment import Credential
    from tocsin.mqtt import Connection
    from tocsin.settings import MqttSettings


def membership(settings: GatewaySettings) -> Enrolled | ByHand:
    """What this gateway is.

    Raises:
        SettingsError: the file of a password or key can't be used.
        FileError: a file of the enrolment can't be used.
    """
    files = Files(settings.data_dir)
    identity = files.identity()
    return ByHand(settings) if identity is None else Enrolled(settings, files, identity)


STOP_WITHIN_S: Final = 1.0


class ByHand:
    """A gateway whose settings say all: keys in files, one user at the broker. For tests, the demo, and the curious."""

    revoked = False
    answered: bool | None = None

    def __init__(self, settings: GatewaySettings) -> None:
        settings.mqtt.password()  # a file that can't be read is said now, not at the first connection
        self.keyring = Keyring(by_hand(address, key) for address, key in settings.keys().items())
        self.failures: Mapping[str, int] = {}
        self._mqtt = settings.mqtt

    def mqtt(self, connection: str) -> MqttSettings:  # noqa: ARG002 - one user for all of them
        return self._mqtt

    def follow(self, connections: Mapping[str, Connection], **_: object) -> None:
        """Nothing ever changes."""

    def start(self) -> None:
        """There is nothing to keep up."""

    def stop(self) -> None:
        """Nor to end."""


class Enrolled:
    """A gateway that was enrolled: keys and credentials come from the hub.

    Attributes:
        keyring: the devices' keys.
    """

    def __init__(self, settings: GatewaySettings, files: Files, identity: Identity) -> None:
        self.keyring = Keyring()
        self._base = settings.mqtt
        self._files = files
        self._identity = identity
        self._hub = Hub(identity.enrolment.hub_url, identity.enrolment.authority)
        self._sync: Sync | None = None
        self._thread: StepThread | None = None
        files.save_authority(identity)

    def mqtt(self, connection: str) -> MqttSettings:
        """How that connection begins."""
        return self._mqtt(connection, self._identity.newest)

    def _mqtt(self, connection: str, credential: Credential) -> MqttSettings:
        return broker.mqtt(self._identity, self._files, connection, credential=credential, base=self._base)

    def follow(
        self,
        connections: Mapping[str, Connection],
        *,
        clock: Callable[[], Moment],
        faults: Counter[str],
        pace: Pace,
        beat: Callable[[Moment], None],
    ) -> None:
        """Keep keys and these connections as the hub has them, from :meth:`start` on."""
        lines = {name: _Line(name, connection, self._mqtt) for name, connection in connections.items()}
        sync = self._sync = Sync(self._files, self._identity, self.keyring, self._hub, lines)

        def step(now: Moment) -> float:
            beat(now)
            return sync.step(now)

        self._thread = StepThread("keys", step, threading.Event(), clock=clock, faults=faults, pace=pace)

    def start(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """A question that is under way is not waited for."""
        if self._thread is not None and self._thread.stop(within_s=STOP_WITHIN_S):
            self._hub.close()

    @property
    def revoked(self) -> bool:
        """The hub knows this gateway no more."""
        return self._sync is not None and self._sync.revoked

    @property
    def answered(self) -> bool | None:
        """Whether the hub answered the last question; None before the first."""
        return None if self._sync is None else self._sync.answered

    @property
    def failures(self) -> Mapping[str, int]:
        return {} if self._sync is None else self._sync.failures


class _Line:
    """One connection, for :class:`Sync`."""

    def __init__(self, name: str, connection: Connection, mqtt: Callable[[str, Credential], MqttSettings]) -> None:
        self._name = name
        self._connection = connection
        self._mqtt = mqtt

    @property
    def connected(self) -> bool:
        return self._connection.connected

    def use(self, credential: Credential) -> None:
        self._connection.renew(self._mqtt(self._name, credential))
