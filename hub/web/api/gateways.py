"""Gateways: listed, enrolled, changed, revoked."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter

from hub.cases import gateways as cases
from hub.cases import way_in
from hub.store import presence
from hub.web.accounts import Person
from hub.web.api.models import CodeOut, GatewayOut, Identifier, NewCode, Revocation
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from hub.cases.desk import Desk
    from hub.cases.gateways import Listed
    from hub.store.presence import GatewayRecord
    from hub.store.store import Tx

router = APIRouter(prefix="/gateways", tags=["gateways"])

Keeper = Annotated[Person, calling(Right.GATEWAYS_EDIT)]


@router.get("")
def list_gateways(hub: Hub, person: Annotated[Person, calling(Right.DIRECTORY_SEE)]) -> list[GatewayOut]:
    """Every one that was ever heard, enrolled or given a code."""
    return hub.store.read(lambda tx: _listed(tx, person.organisation.id))


def _listed(tx: "Tx", organisation: OrganisationId) -> list[GatewayOut]:
    heard = {record.id: record for record in presence.all_gateways(tx, organisation)}
    return [_out(one, heard.get(one.gateway)) for one in cases.listed(tx, organisation)]


def _out(one: "Listed", heard: "GatewayRecord | None") -> GatewayOut:
    return GatewayOut(
        id=one.gateway,
        standing=one.standing,
        state=one.state,
        version=one.version,
        outbox_depth=heard.outbox_depth if heard is not None else 0,
        blind=heard is not None and heard.blind,
        heard_at=one.heard_at,
        place=one.place,
        generation=one.generation,
        rotating=one.rotating,
        code_until=one.code_until,
    )


@router.post("/{gateway}/code", status_code=201)
def invite_gateway(hub: Hub, person: Keeper, gateway: Identifier, new: NewCode) -> CodeOut:
    """A code with which this gateway enrols, good once; earlier codes are worth nothing."""
    return hub.act(lambda desk: _invite(desk, person, gateway, new))


def _invite(desk: "Desk", person: Person, gateway: str, new: NewCode) -> CodeOut:
    lifetime = timedelta(minutes=new.minutes)
    code = cases.new_code(desk, person.organisation.id, gateway, new.place, person.by, lifetime)
    command = f"tocsin gateway enroll {way_in.read(desk.tx).hub_url} --code {code}"
    return CodeOut(code=code, command=command, expires_at=desk.now + lifetime)


@router.post("/{gateway}/rotate", status_code=204)
def rotate_gateway(hub: Hub, person: Keeper, gateway: Identifier) -> None:
    """It changes its credential when it next asks for keys."""
    hub.act(lambda desk: cases.rotate(desk, person.organisation.id, gateway, person.by))


@router.post("/{gateway}/revoke", status_code=204)
def revoke_gateway(hub: Hub, person: Keeper, gateway: Identifier, why: Revocation) -> None:
    """Nothing that it has is good from now on; the keys of the devices it knew are changed."""
    hub.act(lambda desk: cases.revoke(desk, person.organisation.id, gateway, person.by, why.reason))
