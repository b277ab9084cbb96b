"""How gateways reach this hub: told to them when they enrol, printed into their codes."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from hub.store import facts
from protocols.enrolment import BrokerAddress  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from hub.store.store import Tx

_FACT: Final = "way in"


class WayIn(BaseModel):
    """What the hub's settings say, kept in the database for whoever makes codes.

    Attributes:
        hub_url: without a slash at the end.
        authority: the certificate (PEM) that gateways pin; None = whom the operating system trusts.
        broker: where gateways find it.
    """

    model_config = ConfigDict(frozen=True)

    hub_url: str
    authority: str | None
    broker: BrokerAddress

    @property
    def authority_der(self) -> bytes | None:
        return None if self.authority is None else ssl.PEM_cert_to_DER_cert(self.authority)


class NoWayInError(LookupError):
    """The hub has never run, so nobody knows how gateways reach it."""

    def __init__(self) -> None:
        super().__init__("it is not known how gateways reach this hub: start it once (tocsin hub run)")


def note(tx: Tx, way: WayIn) -> None:
    facts.put(tx, _FACT, way.model_dump_json())


def read(tx: Tx) -> WayIn:
    """The way in.

    Raises:
        NoWayInError: not known yet.
    """
    found = facts.get(tx, _FACT)
    if found is None:
        raise NoWayInError
    return WayIn.model_validate_json(found)
