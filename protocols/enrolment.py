"""What a gateway and the hub say to each other over HTTPS: enrolment, keys, a new credential.

The code people read off the console is ``SSSS-SSSS-SSSS-FFFF-FFFF-FFFF-FFFF`` in Crockford's base 32 (no I, L, O, U):
60 bits of secret, then 80 bits of the SHA-256 of the hub's certificate authority (DER), by which the gateway
knows the hub before it trusts it. A hub with a certificate that the operating system trusts gives codes without them.

- ``GET /api/v1/gateway/authority``: the certificate (PEM) that the code's fingerprint is of; 404 where the hub has none
  of its own. Asked before the hub is trusted, without sign-in: its answer is believed only if the fingerprint is the
  code's, and from then on TLS believes that authority alone. Nothing secret is sent before.
- ``POST /api/v1/gateway/enrolment``: :class:`Claim` -> :class:`Enrolment`. No sign-in, the code is the right.
- ``GET /api/v1/gateway/keyring``: :class:`Keyring`, with ETag; ``If-None-Match`` -> 304, unless a rotation is wanted.
  What it names, the gateway holds: ask again soon after other keys came, since new keys for devices wait for that.
- ``POST /api/v1/gateway/rotation``: :class:`Credential` of the next generation. The old one goes on until the new one
  is used for the first time.

Keyring and rotation are signed in with HTTP Basic: :attr:`Credential.username` and, as password,
:attr:`Credential.secret`.
401 means that the credential is not (or no longer) good. Errors are problem details (RFC 9457).
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from protocols.ids import NAME, GatewayId, OrganisationId
from protocols.mqtt.envelope import AddressField, Hex  # noqa: TC001 - pydantic reads them at run time

CONNECTIONS: Final = ("alarm", "presence")
"""A gateway's MQTT connections; each has a user name of its own, so that a client id belongs to one of them alone."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Claim(_Message):
    """A gateway asks for what a code stands for.

    Attributes:
        code: as printed; the secret part is enough. Case, hyphens and white space do not matter.
        claim: 32 random bytes as 64 hexadecimal digits, made and kept by the gateway before it asks. The same code with
            the same claim is answered again until the credential was used, so that a lost answer costs nothing; with
            another claim it is refused and the administrator told.
        version: of the gateway's program.
    """

    code: Annotated[str, Field(max_length=64)]
    claim: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    version: Annotated[str, Field(max_length=40)] = ""


class Credential(_Message):
    """By which a gateway is known to the hub and the broker.

    Attributes:
        username: for HTTPS: ``{organisation}.{gateway}.{generation}``. On MQTT each connection has one of its own
            (:func:`mqtt_username`), which goes with one client id only (:func:`client_id`).
        secret: the password of all of them.
        generation: counts from 1.
        rotate_after: when to ask for the next one.
    """

    username: str
    secret: Annotated[str, Field(repr=False)]
    generation: Annotated[int, Field(ge=1)]
    rotate_after: AwareDatetime


class BrokerAddress(_Message):
    """Where the broker is; ``tls`` with the authority of :class:`Enrolment`, or the system's where that has none."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    tls: bool


class Enrolment(_Message):
    """All that a gateway needs to begin.

    Attributes:
        organisation: whose it is.
        gateway: its id in every topic.
        place: where it hangs: id and name, if the hub was told.
        hub_url: of the hub, without a slash at the end.
        authority: the certificate (PEM) to pin for HTTPS and MQTT; None = whom the operating system trusts.
    """

    organisation: Annotated[OrganisationId, Field(pattern=rf"^{NAME}$")]
    gateway: Annotated[GatewayId, Field(pattern=rf"^{NAME}$")]
    place: str | None
    place_name: str | None
    hub_url: str
    authority: str | None
    broker: BrokerAddress
    credential: Credential


class DeviceKey(_Message):
    """A key under which a device may speak now.

    Attributes:
        address: the device's.
        enrolment: counts how often this address was given a new root key; a new one is another device as far as event
            identities go.
        generation: of the working key, which is derived from the root key that only hub and device have.
        key: 16 bytes.
    """

    address: AddressField
    enrolment: Annotated[int, Field(ge=1)]
    generation: Annotated[int, Field(ge=0)]
    key: Annotated[Hex, Field(min_length=16, max_length=16, repr=False)]


class Keyring(_Message):
    """Keys of the devices that the gateway's organisation expects; of one address newest first.

    Attributes:
        version: changes whenever the keys do; also the ETag.
        rotate: the hub asks for :func:`rotation` now, whatever the date.
    """

    version: str
    keys: tuple[DeviceKey, ...]
    rotate: bool = False


def mqtt_username(username: str, connection: str) -> str:
    return f"{username}.{connection}"


def client_id(organisation: str, gateway: str, connection: str) -> str:
    return f"{organisation}.{gateway}.{connection}"
