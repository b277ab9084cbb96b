"""Faults: listed, shelved."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter

from hub.cases import shelving
from hub.store import faults
from hub.web.accounts import Person
from hub.web.api.models import FaultOut, Shelving
from hub.web.context import Hub
from hub.web.guard import calling
from hub.web.rights import Right

router = APIRouter(prefix="/faults", tags=["faults"])


@router.get("")
def list_faults(hub: Hub, person: Annotated[Person, calling(Right.ALARMS_SEE)]) -> list[FaultOut]:
    """Open ones, newest first, shelved ones included."""
    return [FaultOut.of(fault) for fault in hub.store.read(lambda tx: faults.listed(tx, person.organisation.id))]


@router.post("/{number}/shelve", status_code=204)
def shelve_fault(
    hub: Hub, person: Annotated[Person, calling(Right.FAULTS_SHELVE)], number: str, shelved: Shelving
) -> None:
    """Out of sight for a time, with a reason."""
    own, by, length = person.organisation.id, person.by, timedelta(minutes=shelved.minutes)
    hub.act(lambda desk: shelving.shelve(desk, own, number, by, shelved.reason, length))
