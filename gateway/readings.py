"""What a gateway's state is, read from its parts: for the hub, for Prometheus, for systemd, for the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.domain.panel import Facts
from gateway.metrics import Figures
from gateway.supervision import Health
from protocols.mqtt.envelope import GatewayState, StatusData
from tocsin import __version__

if TYPE_CHECKING:
    from collections import Counter

    from gateway.domain.moment import Moment
    from gateway.hearing.ear import Ear
    from gateway.hearing.radio import Radio
    from gateway.hearing.watchdog import Watchdog
    from gateway.membership import ByHand, Enrolled
    from gateway.outbox import Outbox
    from gateway.panel.panel import WallPanel
    from gateway.telling.teller import Teller
    from gateway.uplink.inbox import Inbox
    from gateway.uplink.refusals import Refusals
    from gateway.uplink.sender import Sender
    from gateway.uplink.standing import Digest
    from tocsin.mqtt import Connection


@dataclass(frozen=True, slots=True)
class Parts:
    """Whatever of a gateway has something to tell."""

    boot: str
    alarm: Connection
    digest: Digest
    ear: Ear
    faults: Counter[str]
    inbox: Inbox
    member: ByHand | Enrolled
    outbox: Outbox
    panel: WallPanel
    radio: Radio
    refusals: Refusals
    sender: Sender
    teller: Teller
    watchdog: Watchdog


def health(of: Parts) -> Health:
    return Health(
        hears=not of.watchdog.blind,
        radio=of.radio.running,
        connected=of.alarm.connected,
        hub_online=of.inbox.hub_online,
        waiting=of.outbox.depth,
        expected=len(of.member.keyring),
        revoked=of.member.revoked,
    )


def facts(of: Parts, now: Moment) -> Facts:
    return Facts(
        hearing=of.radio.running and of.ear.adverts > 0 and not of.watchdog.blind,
        connected=of.alarm.connected,
        hub_online=of.inbox.hub_online is True,
        oldest_s=of.sender.oldest_s(now),
    )


def status(of: Parts, now: Moment) -> StatusData:
    return StatusData(
        state=GatewayState.ONLINE,
        boot=of.boot,
        version=__version__,
        outbox_depth=of.outbox.depth,
        blind=of.watchdog.blind,
        shed=of.outbox.shed,
        refused=dict(of.ear.refused),
        unopened=of.ear.unopened.lasting(of.ear.heard_at),
        panel=of.panel.standing(now),
    )


def figures(of: Parts, now: Moment) -> Figures:
    hub_online = of.inbox.hub_online
    return Figures(
        gauges={
            "outbox_depth": of.outbox.depth,
            "outbox_unstored": of.outbox.unstored,
            "oldest_unreceipted_seconds": of.sender.oldest_s(now),
            "blind": of.watchdog.blind,
            "alarm_connection_up": of.alarm.connected,
            "hub_online": -1 if hub_online is None else hub_online,
            "devices_expected": len(of.member.keyring),
            "revoked": of.member.revoked,
            "panel_faults": of.panel.faults(now),
        },
        counters={
            "adverts_heard": of.ear.adverts,
            "downlinks_written": of.teller.written,
            "receipts_foreign": of.inbox.foreign,
            "refusals": of.refusals.times,
            "shed": of.outbox.shed,
            "digests_lost": of.digest.lost,
            "panel_failures": of.panel.failures,
        },
        by_reason={
            "frames_refused": of.ear.refused,
            "tell_failures": of.teller.failures,
            "radio_failures": of.radio.failures,
            "outbox_failures": of.outbox.failures,
            "unreadable_messages": of.inbox.unreadable,
            "hub_failures": of.member.failures,
            "loop_faults": of.faults,
            "button_events": of.panel.raised,
        },
    )
