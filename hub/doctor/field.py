"""What is out there: gateways and personal alarms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.doctor.data import look
from hub.doctor.wording import age, some
from hub.store import credentials, devices, directory, presence
from protocols.mqtt.envelope import GatewayState
from tocsin.doctor import Finding, ok, warn

if TYPE_CHECKING:
    from hub.settings import HubSettings
    from hub.store.store import Tx

_PROOF: Final = timedelta(days=31)
"""Once a month is what a site is asked for; at every use is better (DGUV 112-139)."""


def gateways(settings: HubSettings) -> Finding:
    return look(settings, _heard)


def _heard(tx: Tx) -> Finding:
    known = [each for one in directory.all_organisations(tx) for each in presence.all_gateways(tx, one.id)]
    gone = [f"{each.organisation}/{each.id}" for each in known if each.state != GatewayState.ONLINE]
    blind = [f"{each.organisation}/{each.id}" for each in known if each.blind and each.state == GatewayState.ONLINE]
    if not known:
        return warn("none was ever heard", "make a code with 'tocsin hub gateway', and enrol one")
    if gone or blind:
        measured = f"of {len(known)}: silent {some(gone)}; hearing nothing {some(blind)}"
        return warn(measured, "on that machine: tocsin gateway doctor")
    never = len(credentials.live(tx)) - len(known)
    return ok(f"all {len(known)} online and hearing" + (f", {never} enrolled and never heard" if never > 0 else ""))


def proof(settings: HubSettings) -> Finding:
    return look(settings, _proved)


def _proved(tx: Tx) -> Finding:
    known = [each for one in directory.all_organisations(tx) for each in devices.listed(tx, one.id)]
    worn = [each for each in known if each.revoked_at is None and each.withdrawn_at is None]
    ages = {each.label: None if each.proved_at is None else tx.now - each.proved_at for each in worn}
    late = [f"{label} ({_ago(past)})" for label, past in ages.items() if past is None or past > _PROOF]
    if not worn:
        return warn("no personal alarm is enrolled", "enrol one")
    if late:
        advice = "let each wearer press the test: once a month at the least, best at the start of each day"
        return warn(f"not tested within 31 days: {some(late)} of {len(worn)}", advice)
    oldest = max(past for past in ages.values() if past is not None)
    return ok(f"all {len(worn)} personal alarms tested, the one longest ago {_ago(oldest)}")


def _ago(past: timedelta | None) -> str:
    return "never" if past is None else f"{age(past)} ago"
