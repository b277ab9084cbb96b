"""By what a gateway knows its hub: one certificate authority alone, or those that the operating system trusts."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.enrolment.errors import (
    ClockError,
    EnrolmentError,
    FingerprintError,
    HostNameError,
    NoTlsError,
    PlainHttpError,
    UnreachableError,
    UntrustedError,
)

if TYPE_CHECKING:
    import httpx

    from protocols.codes import Code

AUTHORITY_MAX: Final = 64 * 1024
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL says, by version, when what comes back is no TLS."""
_X509_NOT_YET_VALID: Final = 9
_X509_EXPIRED: Final = 10
_X509_NAME_MISMATCH: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_* numbers (x509_vfy.h): host name and IP address."""


def checked_url(url: str) -> str:
    """The hub's address without a slash at its end.

    Raises:
        PlainHttpError: it is not https, and not on this machine either.
    """
    parts = urlsplit(url)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise PlainHttpError(url)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def context(authority: str | None) -> ssl.SSLContext:
    """TLS that believes this authority (PEM) alone; None = the operating system's. Names are always checked."""
    if authority is None:
        return ssl.create_default_context()
    pinned = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.minimum_version = ssl.TLSVersion.TLSv1_2
    pinned.load_verify_locations(cadata=authority)
    return pinned


def authority_of(code: Code, offered: bytes, url: str) -> str:
    """The authority that the code tells of, if that is what was offered (PEM).

    It came from somebody who is not known yet; that it is the right one is what the code's fingerprint says, and that
    the hub has a certificate from it is what TLS checks next.

    Raises:
        FingerprintError: it is another, or no certificate authority.
    """
    try:
        certificate = x509.load_pem_x509_certificate(offered)
        may_sign = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound) as broken:
        raise FingerprintError(url, f"it offers no certificate authority ({broken})") from None
    if not code.names(certificate.public_bytes(Encoding.DER)):
        raise FingerprintError(url, "its certificate authority has another fingerprint")
    if not may_sign:
        raise FingerprintError(url, "what it offers is a certificate that may not sign others")
    return certificate.public_bytes(Encoding.PEM).decode()


def network_error(url: str, failure: httpx.TransportError) -> EnrolmentError:
    """What a failed request means."""
    said = _cause(failure)
    if said is not None and said.reason in _NO_TLS:
        return NoTlsError(url)
    if not isinstance(said, ssl.SSLCertVerificationError):
        return UnreachableError(url, str(failure) or type(failure).__name__)
    detail = said.verify_message
    if said.verify_code in {_X509_NOT_YET_VALID, _X509_EXPIRED}:
        return ClockError(detail)
    if said.verify_code in _X509_NAME_MISMATCH:
        return HostNameError(url, detail)
    return UntrustedError(url, detail)


def _cause(failure: BaseException | None) -> ssl.SSLError | None:
    while failure is not None and not isinstance(failure, ssl.SSLError):
        failure = failure.__cause__ or failure.__context__
    return failure
