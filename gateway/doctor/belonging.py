"""Whose gateway it is, and whether its hub answers and agrees about the time."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import httpx

from gateway.enrolment import trust
from tocsin.doctor import Finding, fail, ok, warn

if TYPE_CHECKING:
    from gateway.doctor.machine import Machine
    from gateway.enrolment.files import Identity

_PATIENCE_S: Final = 8.0
_OFFSET_WARN_S: Final = 3.0
"""The header has whole seconds, and the answer takes its time."""


def enrolment(machine: Machine) -> Finding:
    """Who it is, whether it may still be, and whether it has the devices' keys."""
    identity = machine.identity
    if identity is None:
        keys = len(machine.settings.keys())
        return ok(f"not enrolled: its settings say all, {keys} personal alarms") if keys else _no_keys()
    who = f"{identity.enrolment.organisation}/{identity.enrolment.gateway}"
    if identity.revoked_at is not None:
        advice = "ask an administrator for a new code, then: tocsin gateway enroll. The alarms it keeps are not lost"
        return fail(f"{who}: the hub has not known it since {identity.revoked_at:%Y-%m-%d %H:%M %Z}", advice)
    kept = machine.files.keys()
    if kept is None or not kept.keyring.keys:
        return _no_keys()
    if identity.credential.rotate_after < datetime.now(UTC):
        advice = "look at 'hub' below: it asks by itself, and was not answered"
        return warn(f"{who}: a new credential is due since {identity.credential.rotate_after:%Y-%m-%d}", advice)
    devices = len({key.address for key in kept.keyring.keys})
    return ok(f"{who}, credential {identity.credential.generation}, keys of {devices} personal alarms")


def _no_keys() -> Finding:
    return warn("it knows no personal alarm, and so hears none", "enrol one at the hub; its key comes by itself")


def hub(identity: Identity) -> Finding:
    """Whether it answers under the certificate that was pinned, and what time it has."""
    context = trust.context(identity.enrolment.authority)
    answer = httpx.get(f"{identity.enrolment.hub_url}/health", verify=context, timeout=_PATIENCE_S)
    offset = (parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()
    measured = f"{identity.enrolment.hub_url} answers, its clock differs by {offset:+.0f} s"
    if abs(offset) > _OFFSET_WARN_S:
        return warn(measured, "let both follow a time server: see 'clock' here and at the hub")
    if not answer.is_success:
        return warn(f"{measured}, and it is not well", "on the hub's machine: tocsin hub doctor")
    return ok(measured)
