"""Has anything changed that is shown as it happens? One short word per organisation says so.

The word is made from the live state itself, not from a number that rises: on PostgreSQL a transaction may commit after
another one that took a higher number, and would never be noticed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, func, select

from hub.domain.session import SessionPhase
from hub.store.tables import chains, faults, gateways, incidents, outbox, sessions

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.store.store import Tx
    from protocols.ids import OrganisationId


def of(tx: Tx, organisations: Collection[OrganisationId]) -> dict[OrganisationId, str]:
    """A word for each organisation: another one means that what is live there has changed."""
    seen = {organisation: hashlib.sha256() for organisation in organisations}
    for statement in _statements(organisations):
        for row in tx.connection.execute(statement):
            seen[row[0]].update(repr(tuple(row)).encode())
    return {organisation: digest.hexdigest()[:16] for organisation, digest in seen.items()}


def _statements(organisations: Collection[OrganisationId]) -> tuple[Select[Any], ...]:
    wanted = list(organisations)
    return (
        _incidents(wanted),
        _chains(wanted),
        _notifications(wanted),
        _sessions(wanted),
        _faults(wanted),
        _ways(wanted),
    )


def _incidents(wanted: list[OrganisationId]) -> Select[Any]:
    state = incidents.c
    shown = (state.kind, state.phase, state.due, state.duress, state.cancelled_by_wearer, state.holder)
    where = (state.organisation.in_(wanted), state.live_subject.is_not(None))
    return select(state.organisation, state.id, *shown).where(*where).order_by(state.organisation, state.id)


def _chains(wanted: list[OrganisationId]) -> Select[Any]:
    live = and_(incidents.c.organisation == chains.c.organisation, incidents.c.id == chains.c.chain)
    where = (incidents.c.organisation.in_(wanted), incidents.c.live_subject.is_not(None))
    columns = (chains.c.organisation, chains.c.chain, chains.c.length)
    return select(*columns).join(incidents, live).where(*where).order_by(*columns)


def _notifications(wanted: list[OrganisationId]) -> Select[Any]:
    live = and_(incidents.c.organisation == outbox.c.organisation, incidents.c.id == outbox.c.incident)
    where = (incidents.c.organisation.in_(wanted), incidents.c.live_subject.is_not(None))
    group = (outbox.c.organisation, outbox.c.incident, outbox.c.state)
    columns = (*group, func.count(), func.sum(outbox.c.attempts))
    return select(*columns).join(incidents, live).where(*where).group_by(*group).order_by(*group)


def _sessions(wanted: list[OrganisationId]) -> Select[Any]:
    state = sessions.c
    shown = (state.phase, state.ends_at, state.overrun_due.is_(None), state.silence_due.is_(None))
    live = state.phase.in_([SessionPhase.PLANNED, SessionPhase.ACTIVE])
    where = (state.organisation.in_(wanted), live)
    return select(state.organisation, state.id, *shown).where(*where).order_by(state.organisation, state.id)


def _faults(wanted: list[OrganisationId]) -> Select[Any]:
    columns = (faults.c.organisation, faults.c.id, faults.c.shelved_until)
    where = (faults.c.organisation.in_(wanted), faults.c.open_key.is_not(None))
    return select(*columns).where(*where).order_by(faults.c.organisation, faults.c.id)


def _ways(wanted: list[OrganisationId]) -> Select[Any]:
    columns = (gateways.c.organisation, gateways.c.id, gateways.c.state, gateways.c.blind)
    return select(*columns).where(gateways.c.organisation.in_(wanted)).order_by(gateways.c.organisation, gateways.c.id)
