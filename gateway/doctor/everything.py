"""All the checks of a gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.doctor import belonging, radio, uplink
from gateway.doctor.machine import machine_of
from tocsin import checks as common
from tocsin.doctor import Check

if TYPE_CHECKING:
    from gateway.settings import GatewaySettings


def all_checks(settings: GatewaySettings) -> list[Check]:
    """In the order in which they are said.

    Raises:
        FileError: the enrolment is damaged.
    """
    machine = machine_of(settings)
    found = [
        Check("clock", common.clock, "see whether chrony or systemd-timesyncd runs"),
        Check(
            "disk", partial(common.disk, settings.data_dir), "see whether the memory card is there and can be written"
        ),
        Check(
            "enrolment", partial(belonging.enrolment, machine), "enrol it anew: tocsin gateway enroll; alarms are kept"
        ),
        Check(
            "gateway", partial(uplink.runs, machine), "systemctl status tocsin-gateway; journalctl -u tocsin-gateway"
        ),
        Check("radio", partial(radio.hears, machine), "see whether the Bluetooth adapter is plugged in; then restart"),
        Check("outbox", partial(uplink.outbox, machine), "see whether the memory card can be written"),
        Check("broker", partial(uplink.broker, machine), "see whether the network is up, and the hub's machine"),
    ]
    if machine.mqtt.is_secure:
        shown = partial(common.certificate_of_broker, machine.mqtt)
        found.append(Check("broker certificate", shown, "see whether the hub's machine is up"))
    if machine.identity is not None:
        answers = partial(belonging.hub, machine.identity)
        found.append(Check("hub", answers, "see whether the network is up, and the hub's machine"))
    return found
