"""What hub and gateway have in common to be looked at: clock, disk, certificates."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from tocsin.doctor import Finding, fail, ok, warn
from tocsin.kernel_clock import synchronised

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.settings import MqttSettings

_MEGABYTE: Final = 1024 * 1024
_ROOM_WARN: Final = 500 * _MEGABYTE
_ROOM_FAIL: Final = 50 * _MEGABYTE
_SYNC_WARN_S: Final = 0.25
_SYNC_FAIL_S: Final = 2.0
_SYNCS: Final = 5
_DAYS_WARN: Final = 21
_DAYS_FAIL: Final = 3
_PATIENCE_S: Final = 5.0


def clock() -> Finding:
    """An alarm with a wrong time misleads whoever answers it."""
    if synchronised():
        return ok("follows a time server")
    advice = "install chrony, or run 'timedatectl set-ntp true', and look again in a minute"
    return warn("does not follow a time server, or that can't be told here", advice)


def disk(folder: Path) -> Finding:
    """Room, and how long a write takes until it is safe."""
    free, slowest = shutil.disk_usage(folder).free, max(_synced_write(folder) for _ in range(_SYNCS))
    measured = f"{free // _MEGABYTE} MB free in {folder}, a synced write takes up to {slowest * 1000:.0f} ms"
    if free < _ROOM_FAIL:
        return fail(measured, "make room at once: old logs, old backups; then see 'the disk is full' in the docs")
    if slowest > _SYNC_FAIL_S:
        return fail(measured, "the disk is failing or overloaded: replace the memory card, or move to another disk")
    if free < _ROOM_WARN:
        return warn(measured, "make room: old logs, old backups")
    if slowest > _SYNC_WARN_S:
        return warn(measured, "an alarm waits for this: use a better memory card or an SSD")
    return ok(measured)


def _synced_write(folder: Path) -> float:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tocsin-doctor-") as file:
        began = time.perf_counter()
        file.write(os.urandom(4096))
        file.flush()
        os.fsync(file.fileno())
        return time.perf_counter() - began


def secret_file(path: Path) -> Finding:
    """Nobody but its owner may read it."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return fail(f"{path} may be read by others (mode {mode:o})", f"chmod 600 {path}")
    return ok(f"{path}, mode {mode:o}")


def certificate_file(path: Path, host: str) -> Finding:
    """A certificate that we serve: its days, and whether it is for the name that others call us by."""
    return _certificate(x509.load_pem_x509_certificate(path.read_bytes()), host)


def certificate_of_broker(mqtt: MqttSettings) -> Finding:
    """Shown by the broker, checked as the program itself does."""
    context = ssl.create_default_context(cafile=None if mqtt.tls_ca_file is None else str(mqtt.tls_ca_file))
    try:
        with (
            socket.create_connection((mqtt.host, mqtt.port), timeout=_PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=mqtt.host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError as refused:
        advice = "let it have a certificate for that name, of the authority in mqtt.tls_ca_file"
        return fail(f"{mqtt.host}:{mqtt.port}: {refused.verify_message}", advice)
    return _certificate(x509.load_der_x509_certificate(shown or b""), mqtt.host)


def _certificate(found: x509.Certificate, host: str) -> Finding:
    days = (found.not_valid_after_utc - datetime.now(UTC)).days
    measured = f"for {', '.join(_names(found)) or 'nobody'}, good for {days} more days"
    if days < _DAYS_FAIL:
        return fail(measured, "renew it today: gateways and browsers refuse it when it has ended")
    if not any(_matches(host, name) for name in _names(found)):
        return fail(
            f"{measured}, but not for {host}", "get a certificate for that name, or use the name that it is for"
        )
    return warn(measured, "renew it") if days < _DAYS_WARN else ok(measured)


def _names(found: x509.Certificate) -> list[str]:
    try:
        value = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return []
    assert isinstance(value, x509.SubjectAlternativeName)  # noqa: S101 - its OID says so
    return [*value.get_values_for_type(x509.DNSName), *map(str, value.get_values_for_type(x509.IPAddress))]


def _matches(host: str, name: str) -> bool:
    try:
        return str(ip_address(host)) == name
    except ValueError:
        pass
    wild = name.startswith("*.") and host.partition(".")[2].lower() == name[2:].lower()
    return wild or host.lower() == name.lower()
