"""The hub, as a gateway asks it over HTTPS (:mod:`protocols.enrolment`)."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from gateway.enrolment import trust
from gateway.enrolment.errors import BusyError, CodeRefusedError, NotAHubError, UnknownCredentialError
from protocols.enrolment import Claim, Credential, Enrolment, Keyring

if TYPE_CHECKING:
    from types import TracebackType

    from protocols.codes import Code

ROOT: Final = "/api/v1/gateway"
TIMEOUT: Final = httpx.Timeout(10.0, read=30.0)
"""Seconds. The hub may answer only when the broker has heard of the gateway, too."""
ANSWER_MAX: Final = 8 * 1024 * 1024
"""Bytes of the longest answer that is read."""
_PROBLEM: Final = "application/problem+json"
_PROBLEM_TYPE: Final = "urn:tocsin:problem:"

Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Problem:
    """A problem document (RFC 9457): its name, and its words."""

    kind: str
    detail: str


class Hub:
    """A hub at ``url``, known by ``authority`` (PEM; None = the operating system's).

    Raises at each call:
        EnrolmentError: one of its kinds.
    """

    def __init__(self, url: str, authority: str | None) -> None:
        self.url = url
        self._client = _client(trust.context(authority))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def enrol(self, claim: Claim) -> Enrolment:
        """Trade a code for what it stands for."""
        content = claim.model_dump_json()
        answer = self._ask("POST", "enrolment", content=content, headers={"Content-Type": "application/json"})
        problem = _problem(answer)
        if problem is not None and HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.TOO_MANY_REQUESTS:
            raise CodeRefusedError(problem.kind, problem.detail)
        return self._read(answer, Enrolment)

    def keyring(self, credential: Credential, *, known: str | None) -> Keyring | None:
        """The devices' keys; None if they are still those of the ``known`` version."""
        headers = {} if known is None else {"If-None-Match": f'"{known}"'}
        answer = self._ask("GET", "keyring", auth=_basic(credential), headers=headers)
        return None if answer.status == HTTPStatus.NOT_MODIFIED else self._read(answer, Keyring)

    def rotate(self, credential: Credential) -> Credential:
        """The credential that follows this one."""
        return self._read(self._ask("POST", "rotation", auth=_basic(credential)), Credential)

    def _ask(self, method: str, what: str, **more: Any) -> _Answer:  # noqa: ANN401 - handed on to httpx
        return _ask(self._client, method, f"{self.url}{ROOT}/{what}", **more)

    def _read(self, answer: _Answer, kind: type[Kind]) -> Kind:
        problem = _problem(answer)
        if answer.status == HTTPStatus.UNAUTHORIZED and problem is not None:
            raise UnknownCredentialError(problem.detail)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BusyError(answer.status, problem.detail if problem else HTTPStatus(answer.status).phrase)
        if answer.status != HTTPStatus.OK:
            raise NotAHubError(self.url, problem.detail if problem else f"HTTP status {answer.status}")
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as odd:
            raise NotAHubError(self.url, f"its answer can't be read: {odd.error_count()} problems") from None


def authority(url: str, code: Code) -> str | None:
    """The authority (PEM) by which to know the hub at ``url``; None = whom the operating system trusts.

    Whoever answers is not trusted yet: it is asked for a certificate and nothing else, and told nothing.

    Raises:
        EnrolmentError: one of its kinds; FingerprintError if it is not the hub that made the code.
    """
    if not code.fingerprint or url.startswith("http:"):
        return None
    with _client(_anybody()) as client:
        answer = _ask(client, "GET", f"{url}{ROOT}/authority")
    if answer.status != HTTPStatus.OK:
        raise NotAHubError(url, f"it offers no certificate authority: HTTP status {answer.status}")
    return trust.authority_of(code, answer.body, url)


def _anybody() -> ssl.SSLContext:
    context = trust.context(None)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _client(context: ssl.SSLContext) -> httpx.Client:
    return httpx.Client(verify=context, timeout=TIMEOUT, trust_env=False)


def _ask(client: httpx.Client, method: str, url: str, **more: Any) -> _Answer:  # noqa: ANN401 - handed on to httpx
    try:
        with client.stream(method, url, **more) as response:
            body = b"".join(_limited(response, url))
    except httpx.TransportError as failure:
        raise trust.network_error(url, failure) from failure
    except (httpx.InvalidURL, httpx.DecodingError) as odd:
        raise NotAHubError(url, str(odd)) from odd
    return _Answer(response.status_code, response.headers.get("content-type", "").partition(";")[0], body)


def _limited(response: httpx.Response, url: str) -> list[bytes]:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > ANSWER_MAX:
            raise NotAHubError(url, f"an answer of more than {ANSWER_MAX} bytes")
        parts.append(part)
    return parts


def _problem(answer: _Answer) -> _Problem | None:
    if answer.media_type != _PROBLEM:
        return None
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    kind = content.get("what") or str(content.get("type", "")).removeprefix(_PROBLEM_TYPE)
    return _Problem(str(kind), str(content.get("detail", "")))


def _basic(credential: Credential) -> httpx.BasicAuth:
    return httpx.BasicAuth(credential.username, credential.secret)
