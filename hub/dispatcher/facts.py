"""What a notification may say, looked up just before it is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.channels.port import Facts, Field, Outgoing
from hub.domain.incident import LIVE, Kind, Message, Phase
from hub.domain.matching import Verdict
from hub.store import directory, faults, incidents, restores
from hub.store.outbox import ItemKind

if TYPE_CHECKING:
    from hub.store.incidents import IncidentRecord
    from hub.store.outbox import Item
    from hub.store.store import Tx
    from protocols.ids import OrganisationId


def still_wanted(tx: Tx, item: Item) -> bool:
    """False when an acknowledgement or an end overtook it."""
    if item.incident is None:
        return item.fault is None or _fault_wanted(tx, item)
    record = incidents.get(tx, item.organisation, item.incident)
    if record is None:
        return False
    if item.message == Message.WELFARE:
        return record.state.phase is Phase.PENDING
    if item.kind is ItemKind.ALERT:
        return record.state.phase is Phase.OPEN
    return record.state.phase in LIVE


def _fault_wanted(tx: Tx, item: Item) -> bool:
    return item.fault in {fault.id for fault in faults.listed(tx, item.organisation) if not fault.is_shelved(tx.now)}


def target(tx: Tx, item: Item) -> str | None:
    """Where the recipient of an item is reached; None when there is no such way any more."""
    kind, _, number = (item.recipient or "").partition(":")
    if kind == "account":
        account = directory.get_account(tx, item.organisation, number)
        return account.email if account is not None and account.active else None
    if kind == "worker":
        worker = directory.get_worker(tx, item.organisation, number)
        return None if worker is None else worker.email
    return item.recipient


def outgoing(tx: Tx, item: Item, to: str, carries: frozenset[Field], public_url: str) -> Outgoing:
    """The message, cut down to what the channel may carry."""
    facts = _fault_facts(tx, item, public_url) if item.incident is None else _incident_facts(tx, item, public_url)
    return Outgoing(item.id, item.organisation, to, item.incident, _cut(facts, carries))


def _cut(facts: Facts, carries: frozenset[Field]) -> Facts:
    return replace(
        facts,
        who=facts.who if Field.WHO in carries else None,
        place=facts.place if Field.PLACE in carries else None,
    )


def _incident_facts(tx: Tx, item: Item, public_url: str) -> Facts:
    record = incidents.get(tx, item.organisation, str(item.incident))
    assert record is not None  # noqa: S101 - `still_wanted` saw it in this transaction
    holder = None
    if record.state.holder is not None:
        account = directory.get_account(tx, item.organisation, record.state.holder)
        holder = record.state.holder if account is None else account.name
    return Facts(
        message=item.message,
        audience=str(item.payload.get("audience", "")),
        what=record.state.kind.label,
        who=_who(tx, record),
        phase=record.state.phase.label,
        duress=record.state.duress,
        discreet=record.state.kind is Kind.DISCREET_PANIC,
        certain=record.match.verdict is Verdict.MATCHED,
        reasons=record.match.reasons,
        observed_at=record.observed_at,
        opened_at=record.opened_at,
        age_s=(tx.now - record.observed_at).total_seconds(),
        zone=_zone(tx, item.organisation),
        holder=holder,
        round=int(item.payload.get("round", 0)),
        count=int(item.payload.get("count", 1)),
        place=_place(tx, record),
        link=f"{public_url}/incidents/{record.id}",
        after_restore=restores.label(tx, item.organisation, record.id),
    )


def _who(tx: Tx, record: IncidentRecord) -> str | None:
    if record.match.worker is None:
        if record.is_wired:
            return f"somebody at gateway {record.gateway}"
        return None if record.address is None else f"somebody wearing {record.address}"
    worker = directory.get_worker(tx, record.organisation, record.match.worker)
    return record.match.worker if worker is None else worker.name


def _place(tx: Tx, record: IncidentRecord) -> str | None:
    if record.match.place is None:
        return None
    place = directory.get_place(tx, record.organisation, record.match.place)
    return None if place is None else place.name


def _zone(tx: Tx, organisation: OrganisationId) -> str:
    known = directory.get_organisation(tx, organisation)
    return "UTC" if known is None else known.zone


def _fault_facts(tx: Tx, item: Item, public_url: str) -> Facts:
    fault = faults.get(tx, item.organisation, str(item.fault))
    assert fault is not None  # noqa: S101 - `still_wanted` saw it in this transaction
    return Facts(
        message=item.message,
        audience="",
        what=f"{fault.kind}: {fault.detail}",
        observed_at=fault.raised_at,
        opened_at=fault.raised_at,
        age_s=(tx.now - fault.raised_at).total_seconds(),
        zone=_zone(tx, item.organisation),
        link=f"{public_url}/",
    )
