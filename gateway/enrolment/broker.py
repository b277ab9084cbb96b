"""How an enrolled gateway signs in at the broker: one user per connection, the hub's authority pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from protocols.enrolment import mqtt_username
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from gateway.enrolment.files import Files, Identity
    from protocols.enrolment import Credential


class EnrolledMqtt(MqttSettings):
    """Settings whose password is in no file of its own."""

    secret: SecretStr

    def password(self) -> str:
        return self.secret.get_secret_value()


def mqtt(
    identity: Identity, files: Files, connection: str, *, credential: Credential, base: MqttSettings
) -> MqttSettings:
    """For one of :data:`protocols.enrolment.CONNECTIONS`.

    Args:
        identity: who we are.
        files: where the authority is.
        connection: which.
        credential: which of ours.
        base: what somebody wrote into the settings: ``host`` and ``port``, where this gateway has another way to the
            broker, ``protocol``, ``keepalive_s``. How we sign in, and whom we believe, is the hub's word alone.
    """
    broker, written = identity.enrolment.broker, base.model_fields_set
    pinned = broker.tls and identity.enrolment.authority is not None
    return EnrolledMqtt(
        host=base.host if "host" in written else broker.host,
        port=base.port if "port" in written else broker.port,
        username=mqtt_username(credential.username, connection),
        secret=SecretStr(credential.secret),
        protocol=base.protocol,
        keepalive_s=base.keepalive_s,
        tls=broker.tls,
        tls_ca_file=files.authority if pinned else None,
    )
