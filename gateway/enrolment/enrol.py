"""Enrolment, from a code to a gateway that may begin. Every step may be repeated: the same command does it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.enrolment import broker, hub, trust
from gateway.enrolment.errors import EnrolmentError, OtherGatewayError
from gateway.enrolment.files import Identity, KeptKeys
from protocols import codes
from protocols.enrolment import Claim, client_id
from tocsin import __version__
from tocsin.mqtt import Connection
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.enrolment.files import Files
    from protocols.codes import Code

BROKER_LIMIT_S: Final = 30.0
"""How long the broker is tried: the hub has just begun to tell it of us."""


class BrokerError(EnrolmentError):
    """Enrolled, but the broker was not reached.

    Attributes:
        address: ``host:port``.
        detail: what was tried, and what came of it.
    """

    todo = (
        "Check that this machine may reach that port (firewall), then run the same command again. "
        "The gateway is enrolled: once it runs, it goes on trying by itself."
    )

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(f"the broker at {address} was not reached: {detail}")
        self.address = address
        self.detail = detail


def enrol(url: str, text: str, files: Files, say: Callable[[str], None], *, limit_s: float = BROKER_LIMIT_S) -> None:
    """Make this machine the gateway that the code is for.

    Args:
        url: of the hub.
        text: the code, as typed.
        files: gets what there is to keep.
        say: takes lines for the person at the keyboard.
        limit_s: how long to try the broker.

    Raises:
        CodeError: it can't be a code.
        EnrolmentError: one of its kinds, with what to do.
    """
    url, code = trust.checked_url(url), codes.read(text)
    identity = _already(code, files) or _claim(url, code, files, say)
    enrolment = identity.enrolment
    place = enrolment.place_name or enrolment.place
    say(f"This is gateway {enrolment.gateway} of {enrolment.organisation}" + (f", at {place}." if place else "."))
    _fetch_keys(identity, files, say)
    _try_broker(identity, files, limit_s)
    say(f"The broker at {enrolment.broker.host}:{enrolment.broker.port} lets it in.")


def _already(code: Code, files: Files) -> Identity | None:
    """Who we are, if it was this very code that made us so."""
    identity = files.identity()
    same = identity is not None and identity.code == code.digest and identity.revoked_at is None
    return identity if same else None


def _claim(url: str, code: Code, files: Files, say: Callable[[str], None]) -> Identity:
    claim = Claim(code=code.secret, claim=files.claim(code.digest), version=__version__)
    authority = hub.authority(url, code)
    if authority is not None:
        say("This is the hub that made the code: its certificate has the right fingerprint.")
    with hub.Hub(url, authority) as known:
        answer = known.enrol(claim)
    pinned = authority if code.fingerprint else answer.authority
    identity = Identity(enrolment=answer.model_copy(update={"hub_url": url, "authority": pinned}), code=code.digest)
    _check_directory(identity, files)
    files.save(identity)
    return identity


def _check_directory(identity: Identity, files: Files) -> None:
    """What waits here for one organisation must not go to another."""
    before, new = files.identity(), identity.enrolment
    if before is not None and before.enrolment.organisation != new.organisation:
        old = f"{before.enrolment.organisation}/{before.enrolment.gateway}"
        raise OtherGatewayError(old, f"{new.organisation}/{new.gateway}")


def _fetch_keys(identity: Identity, files: Files, say: Callable[[str], None]) -> None:
    with hub.Hub(identity.enrolment.hub_url, identity.enrolment.authority) as known:
        keyring = known.keyring(identity.credential, known=None)
    if keyring is None:
        return
    files.save_keys(KeptKeys(keyring=keyring))
    devices = len({key.address for key in keyring.keys})
    say(f"It knows the keys of {devices} device{'' if devices == 1 else 's'}.")


def _try_broker(identity: Identity, files: Files, limit_s: float) -> None:
    enrolment, name = identity.enrolment, "alarm"
    settings = broker.mqtt(identity, files, name, credential=identity.credential, base=MqttSettings())
    connection = Connection(settings, client_id=client_id(enrolment.organisation, enrolment.gateway, name))
    connection.start()
    try:
        if not connection.wait_connected(limit_s):
            tried = ", ".join(f"{what} ({times} times)" for what, times in connection.failures.items())
            raise BrokerError(f"{settings.host}:{settings.port}", tried or "no answer")
    finally:
        connection.stop()
