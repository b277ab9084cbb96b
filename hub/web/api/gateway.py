"""What gateways ask of the hub, see :mod:`protocols.enrolment`. They sign in on their own, apart from people."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from hub.cases import claims, way_in
from hub.cases import device_keys as keys_of
from hub.cases.access import Refusal, RefusalKind
from hub.cases.claims import Arrival, CredentialEndedError
from hub.cases.desk import Desk
from hub.store import credentials
from hub.store.credentials import CredentialRecord
from hub.store.store import Tx
from hub.web.context import Console, Hub
from hub.web.guard import GATEWAY
from protocols import codes
from protocols.codes import CodeError
from protocols.enrolment import Claim, Credential, Enrolment, Keyring
from protocols.ids import GatewayId, OrganisationId

if TYPE_CHECKING:
    from hub.web.knocking import Knocks

Result = TypeVar("Result")
_BASIC: Final = HTTPBasic(auto_error=False, scheme_name="Gateway", description="A gateway's credential")
_NOTED_AGAIN: Final = timedelta(minutes=10)
"""That a gateway still has the same keys is written down this often."""


class InsecureError(Exception):
    """A secret would go over the network for all to read."""

    def __init__(self) -> None:
        super().__init__("gateways are served over https only, except on this very machine")


class CodeRefusedError(Exception):
    """A code that is worth nothing here.

    Attributes:
        what: kind of refusal.
    """

    def __init__(self, kind: RefusalKind) -> None:
        told = {
            RefusalKind.CODE_UNKNOWN: "nobody made this code here: type it again",
            RefusalKind.CODE_EXPIRED: "this code has expired: ask for a new one",
            RefusalKind.CODE_USED: "this code was used or replaced: ask for a new one",
        }
        super().__init__(told[kind])
        self.what = kind.value


class CredentialRefusedError(Exception):
    """A credential that is not, or no longer, good."""

    def __init__(self) -> None:
        super().__init__("this credential is not good: enrol the gateway again with a new code")


def secure(request: Request) -> None:
    """Over https, or from this machine.

    Raises:
        InsecureError: neither.
    """
    if request.url.scheme != "https" and not _is_loopback(source_of(request)):
        raise InsecureError


router = APIRouter(prefix="/gateway", tags=["gateways"], dependencies=[GATEWAY, Depends(secure)])


def source_of(request: Request) -> str:
    """The address a request comes from."""
    return request.client.host if request.client else "unknown"


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


@router.get("/authority", response_class=Response, responses={404: {"description": "The hub has none of its own"}})
def authority(hub: Hub) -> Response:
    """The certificate (PEM) whose fingerprint is part of the codes, for gateways that do not trust this hub yet."""
    known = hub.store.read(lambda tx: way_in.read(tx).authority)
    if known is None:
        raise HTTPException(404, "this hub has no authority of its own: its certificate is one that systems trust")
    return Response(known, media_type="application/x-pem-file")


@router.post("/enrolment")
async def enrol(request: Request, hub: Hub, claim: Claim) -> Enrolment:
    """Trade a code for a credential. The same code with the same claim is answered again until it was used."""
    arrival = Arrival(source_of(request), claim.version)
    outcome = await run_in_threadpool(_claim, hub, claim, arrival)
    if isinstance(outcome, Refusal):
        knocks: Knocks = request.app.state.knocks
        wait = knocks.failed(arrival.source, await run_in_threadpool(hub.store.read, lambda tx: tx.now))
        await asyncio.sleep(wait.total_seconds())
        raise CodeRefusedError(outcome.kind)
    await run_in_threadpool(hub.admit)
    return outcome


def _claim(hub: Console, claim: Claim, arrival: Arrival) -> Enrolment | Refusal:
    outcome = _trade(hub, claim, arrival)
    if isinstance(outcome, Refusal):
        hub.refused(outcome)
    return outcome


def _trade(hub: Console, claim: Claim, arrival: Arrival) -> Enrolment | Refusal:
    """A code that nobody made is not worth a write."""
    unknown = Refusal(RefusalKind.CODE_UNKNOWN, arrival.source, f"a code nobody made was given from {arrival.source}")
    try:
        code = codes.read(claim.code)
    except CodeError:
        return unknown
    if hub.store.read(lambda tx: credentials.find_code(tx, code.digest)) is None:
        return unknown
    return hub.act(lambda desk: claims.claim(desk, code, claim.claim, arrival))


def signed_in(
    request: Request, hub: Hub, given: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)]
) -> CredentialRecord:
    """The gateway that asks, as it was known a moment ago; :func:`_do` looks again.

    Raises:
        CredentialRefusedError: it is not good.
    """
    if given is None:
        raise CredentialRefusedError
    found = hub.store.read(lambda tx: claims.recognise(tx, given.username, given.password, source_of(request)))
    if isinstance(found, Refusal):
        hub.refused(found)
        raise CredentialRefusedError
    return found


SignedIn = Annotated[CredentialRecord, Depends(signed_in)]


def _do(request: Request, hub: Console, gateway: CredentialRecord, work: Callable[[Desk], Result]) -> Result:
    """What a gateway asks for. ``work`` uses the credential in its own transaction: it may have ended since sign-in.

    Raises:
        CredentialRefusedError: it has.
    """
    try:
        return hub.act(work)
    except CredentialEndedError:
        hub.refused(claims.ended(gateway, source_of(request)))
        raise CredentialRefusedError from None


@router.get("/keyring", response_model=Keyring, responses={304: {"description": "The gateway has these keys"}})
def keyring(
    request: Request, response: Response, hub: Hub, gateway: SignedIn, if_none_match: Annotated[str, Header()] = ""
) -> Keyring | Response:
    """The keys of the devices that this gateway's organisation expects."""
    known = if_none_match.removeprefix("W/").strip('"')
    keys = _do(request, hub, gateway, lambda desk: _keys(desk, gateway, source_of(request), known))
    headers = {"ETag": f'"{keys.version}"', "Cache-Control": "no-store"}
    if known == keys.version and not keys.rotate:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return keys


def _keys(desk: Desk, gateway: CredentialRecord, source: str, known: str) -> Keyring:
    """That a gateway has keys is written down when it names them: an answer may get lost on its way."""
    current = claims.use(desk, gateway, source)
    keys = keys_of.keyring(desk.tx, current.organisation)
    version = keys_of.keyring_version(keys)
    if known == version and _is_new(desk.tx, current.organisation, current.gateway, version):
        keys_of.fetched(desk, current.organisation, current.gateway, version)
    return Keyring(version=version, keys=keys, rotate=current.rotate_asked_at is not None)


def _is_new(tx: Tx, organisation: OrganisationId, gateway: GatewayId, version: str) -> bool:
    known = credentials.fetches(tx, organisation).get(gateway)
    return known is None or known.version != version or tx.now - known.fetched_at >= _NOTED_AGAIN


@router.post("/rotation")
def rotate(request: Request, response: Response, hub: Hub, gateway: SignedIn) -> Credential:
    """The next credential. This one goes on until that is used."""
    made = _do(request, hub, gateway, lambda desk: claims.rotate(desk, gateway, source_of(request)))
    hub.admit()
    response.headers["Cache-Control"] = "no-store"
    return made
