"""A small certificate authority of the hub's own, for sites without a public name.

Gateways pin the authority, which lasts twenty years, so that the certificates of the web server and the broker can be
made anew each year without anybody visiting a gateway. Elliptic curve P-256 throughout; extensions as RFC 5280 asks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tocsin.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

AUTHORITY: Final = "authority"
LEAVES: Final = ("web", "broker")
AUTHORITY_LIFETIME: Final = timedelta(days=20 * 365)
LEAF_LIFETIME: Final = timedelta(days=397)
"""The longest that browsers believe."""
RENEW_BEFORE: Final = timedelta(days=21)
"""From then on the hub says that a certificate runs out."""
_BACKDATED: Final = timedelta(days=1)
"""A gateway without a clock of its own may think it is yesterday."""
_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
_SECRET: Final = 0o600
_PUBLIC: Final = 0o644


class AuthorityError(Exception):
    """An authority that can't be made or used.

    Attributes:
        folder: where.
        problem: what is wrong.
    """

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"{folder}: {problem}")
        self.folder = folder
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def create(folder: Path, hosts: Sequence[str], now: datetime) -> None:
    """Make an authority and the certificates of web server and broker.

    Args:
        folder: gets ``authority``, ``web`` and ``broker``, each as ``.pem`` and ``.key``; keys readable by their owner
            alone. ``web.pem`` and ``broker.pem`` end with the authority, so that a gateway sees it.
        hosts: names and addresses by which gateways and people reach them; this machine's own loopback is added.
        now: the time.

    Raises:
        AuthorityError: there is one already, or no host.
    """
    if (folder / f"{AUTHORITY}.key").exists():
        raise AuthorityError(folder, "has an authority already; new certificates of it: tocsin hub tls renew")
    if not hosts:
        raise AuthorityError(folder, "a certificate needs a name or an address")
    folder.mkdir(parents=True, exist_ok=True)
    authority = _new_authority(hosts[0], now)
    for leaf in LEAVES:
        _make_leaf(folder, leaf, authority, hosts, now)
    _write(folder / f"{AUTHORITY}.pem", _pem(authority.certificate), _PUBLIC)
    _write_key(folder / f"{AUTHORITY}.key", authority.key)


def renew(folder: Path, now: datetime, hosts: Sequence[str] = ()) -> None:
    """Make the certificates of web server and broker anew, with new keys; for the names they had unless told others.

    Raises:
        AuthorityError: no authority here, or it can't be read.
    """
    authority = _read_authority(folder)
    for leaf in LEAVES:
        names = hosts or names_of(read(folder / f"{leaf}.pem"))
        _make_leaf(folder, leaf, authority, names, now)


def read(path: Path) -> x509.Certificate:
    """The first certificate in a file.

    Raises:
        AuthorityError: it can't be read.
    """
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError) as wrong:
        raise AuthorityError(path, f"no certificate can be read: {wrong}") from wrong


def names_of(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]


def pem(certificate: x509.Certificate) -> str:
    return _pem(certificate).decode()


def runs_out(path: Path, now: datetime) -> str | None:
    """What to tell about a certificate that will soon be no good, or is none; None if all is well."""
    try:
        ends = read(path).not_valid_after_utc
    except AuthorityError as wrong:
        return str(wrong)
    return told(str(path), ends, now)


def told(what: str, ends: datetime, now: datetime) -> str | None:
    """The same for one that ends then."""
    if ends - now > RENEW_BEFORE:
        return None
    verb = "runs out" if ends > now else "ran out"
    return f"the certificate {what} {verb} on {ends:%Y-%m-%d}: tocsin hub tls renew"


def _new_authority(host: str, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Tocsin authority of {host}")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return _Authority(certificate, key)


def _make_leaf(folder: Path, leaf: str, authority: _Authority, hosts: Sequence[str], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.key.public_key()
    certificate = (
        _builder(_name(f"Tocsin {leaf}"), authority.certificate.subject, key.public_key(), now, LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternatives(hosts)), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    _write_key(folder / f"{leaf}.key", key)
    _write(folder / f"{leaf}.pem", _pem(certificate) + _pem(authority.certificate), _PUBLIC)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(hosts: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(host) for host in dict.fromkeys((*hosts, *_ALWAYS))]


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _read_authority(folder: Path) -> _Authority:
    certificate = read(folder / f"{AUTHORITY}.pem")
    try:
        key = load_pem_private_key((folder / f"{AUTHORITY}.key").read_bytes(), None)
    except (OSError, ValueError) as wrong:
        raise AuthorityError(folder, f"the authority's key can't be read: {wrong}") from wrong
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityError(folder, "the authority's key does not belong to its certificate")
    return _Authority(certificate, key)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _SECRET)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file whole; it never has other rights than these."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
