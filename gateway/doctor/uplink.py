"""What is kept for the hub, and whether the hub is reached through the broker."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.doctor.machine import NO_FIGURES, SHOW_FIGURES, open_outbox
from protocols.mqtt.envelope import GatewayState, StatusEnvelope
from protocols.mqtt.topics import hub_status
from tocsin.doctor import Finding, fail, ok, warn
from tocsin.mqtt import Connection

if TYPE_CHECKING:
    from gateway.doctor.machine import Machine
    from tocsin.mqtt import Received

_PATIENCE_S: Final = 8.0
_WORD_S: Final = 3.0
"""A retained word comes at once."""
_WAITS_WARN_S: Final = 30.0
_PROOF_WARN_S: Final = 24 * 3600.0
_TEST: Final = "press the test of a personal alarm near it, and look again"
_HUB_AWAY: Final = "on the hub's machine: tocsin hub doctor"


def runs(machine: Machine) -> Finding:
    """Whether the gateway itself is at work."""
    if machine.runs():
        return ok("runs")
    return fail("does not run: nothing is heard here", "systemctl enable --now tocsin-gateway")


def outbox(machine: Machine) -> Finding:
    """How much waits for the hub's receipt, and when the last one came."""
    if not machine.runs():
        return _on_disk(machine)
    figures = machine.figures()
    if figures is None:
        return warn(NO_FIGURES, SHOW_FIGURES)
    depth, oldest = int(figures["outbox_depth"]), figures["oldest_unreceipted_seconds"]
    measured = f"{depth} wait for a receipt, the oldest for {oldest:.0f} s"
    if figures.get("outbox_unstored"):
        return fail(f"{measured}; {int(figures['outbox_unstored'])} can't be written", "see 'disk' above")
    if oldest > _WAITS_WARN_S:
        return fail(measured, "see 'broker' below: the hub does not answer")
    receipts = int(figures.get("receipt_latency_seconds_count", 0))
    if not receipts:
        return warn(f"{measured}; no receipt came since it started", _TEST)
    return ok(f"{measured}; {receipts} receipts since it started")


def _on_disk(machine: Machine) -> Finding:
    if not machine.outbox.exists():
        return warn("there is none yet", "start the gateway")
    with closing(open_outbox(machine.outbox)) as connection:
        waiting = connection.execute("SELECT count(*) FROM events WHERE receipted_at IS NULL").fetchone()[0]
        last = connection.execute("SELECT max(receipted_at) FROM events").fetchone()[0]
    if waiting:
        return fail(f"{waiting} wait for a receipt, and the gateway does not run", "start the gateway")
    if last is None or datetime.now(UTC).timestamp() - last > _PROOF_WARN_S:
        return warn("nothing waits; no alarm was receipted within 24 hours", _TEST)
    return ok("nothing waits; the last alarm was receipted within 24 hours")


def broker(machine: Machine) -> Finding:
    """A running gateway is asked; otherwise we sign in as it does, and wait for the hub's word."""
    if not machine.runs():
        return _sign_in(machine)
    figures = machine.figures()
    if figures is None:
        return warn(NO_FIGURES, SHOW_FIGURES)
    if not figures["alarm_connection_up"]:
        return fail(f"{_where(machine)} is not reached, or does not let us in", "see 'hub' and 'enrolment'")
    if figures["hub_online"] != 1:
        return fail(f"{_where(machine)} is reached, but the hub is not there", _HUB_AWAY)
    return ok(f"{_where(machine)} is reached, and the hub is there")


def _sign_in(machine: Machine) -> Finding:
    said: list[Received] = []
    heard = threading.Event()

    def note(message: Received) -> None:
        said.append(message)
        heard.set()

    settings = machine.settings
    link = Connection(
        machine.mqtt,
        client_id=f"{settings.organisation}.{settings.gateway}.alarm",
        subscriptions=[hub_status(settings.organisation)],
        on_message=note,
    )
    link.start()
    try:
        if not link.wait_connected(_PATIENCE_S):
            why = ", ".join(link.failures) or "no connection"
            return fail(f"{_where(machine)}: {why}", "see whether the network is up, and 'enrolment'")
        heard.wait(_WORD_S)
    finally:
        link.stop()
    return _word_of_hub(machine, said)


def _word_of_hub(machine: Machine, said: list[Received]) -> Finding:
    if not said:
        return fail(f"{_where(machine)} lets us in, but the hub never said that it is there", _HUB_AWAY)
    if StatusEnvelope.from_json(said[-1].payload).data.state is not GatewayState.ONLINE:
        return fail(f"{_where(machine)} lets us in, but the hub is offline", _HUB_AWAY)
    return ok(f"{_where(machine)} lets us in, and the hub is there")


def _where(machine: Machine) -> str:
    return f"{machine.mqtt.host}:{machine.mqtt.port}{' with TLS' if machine.mqtt.is_secure else ''}"
