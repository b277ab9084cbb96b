"""From an audience to rows of the notification outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.domain.incident import Message
from hub.domain.ladder import Audience
from hub.store import directory, faults, outbox
from hub.store.faults import FaultKind
from hub.store.outbox import ItemKind, NewItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.cases.desk import Desk
    from hub.domain.incident import Notify
    from hub.store.directory import Worker
    from hub.store.incidents import IncidentRecord
    from protocols.ids import OrganisationId

EMAIL: Final = "email"
WEBHOOK: Final = "webhook"
FURTHER_EVERY: Final = timedelta(seconds=30)
"""So often one person is told at most that an alarm which they were told of has got further signs."""
_ALERTS: Final = frozenset({Message.ALARM, Message.DURESS, Message.WELFARE})
_RANK_ALERT: Final = 0
_RANK_INFORMATION: Final = 2


@dataclass(frozen=True, slots=True)
class _Reach:
    channel: str
    recipient: str


def incident(desk: Desk, record: IncidentRecord, effect: Notify) -> None:
    """Queue one notification per person and channel; nobody to tell is a fault of its own."""
    reached = list(_audience(desk, record, effect.audience))
    for reach in reached:
        _queue(desk, record, effect, reach)
    if not reached and effect.audience is not Audience.WEARER:
        detail = f"incident {record.id}: nobody with a way to be reached among {effect.audience}"
        faults.raise_(desk.tx, record.organisation, FaultKind.NOBODY_TO_TELL, record.id, detail)


def _queue(desk: Desk, record: IncidentRecord, effect: Notify, reach: _Reach) -> None:
    """A further sign of an alarm that people are told of already makes no mail of its own while one waits."""
    item = _item(record, effect, reach)
    if effect.message is Message.JOINED:
        outbox.add_or_merge(desk.tx, record.organisation, item, FURTHER_EVERY)
    else:
        outbox.add(desk.tx, record.organisation, item)


def _item(record: IncidentRecord, effect: Notify, reach: _Reach) -> NewItem:
    alert = effect.message in _ALERTS
    return NewItem(
        kind=ItemKind.ALERT if alert else ItemKind.INFORMATION,
        channel=reach.channel,
        recipient=reach.recipient,
        incident=record.id,
        message=effect.message,
        payload={"audience": effect.audience, "rung": record.state.rung, "round": record.state.round},
        rank=_RANK_ALERT if alert else _RANK_INFORMATION,
    )


def _audience(desk: Desk, record: IncidentRecord, audience: Audience) -> Iterator[_Reach]:
    if audience is Audience.WEARER:
        yield from _wearer(desk, record)
        return
    worker = _worker(desk, record)
    supervisor = worker.supervisor if worker is not None and audience is Audience.SUPERVISOR else None
    yield from _accounts(desk, record.organisation, supervisor, not_to=None if worker is None else worker.email)
    for name in desk.routes.webhooks.get(record.organisation, ()):
        yield _Reach(WEBHOOK, name)


def _wearer(desk: Desk, record: IncidentRecord) -> Iterator[_Reach]:
    worker = _worker(desk, record)
    if worker is not None and worker.email is not None and desk.routes.email:
        yield _Reach(EMAIL, f"worker:{worker.id}")


def _worker(desk: Desk, record: IncidentRecord) -> Worker | None:
    if record.match.worker is None:
        return None
    return directory.get_worker(desk.tx, record.organisation, record.match.worker)


def _accounts(
    desk: Desk, organisation: OrganisationId, only: str | None = None, *, not_to: str | None = None
) -> Iterator[_Reach]:
    """The one account if it can be reached, else every one that can; the wearer's own address if there is no other."""
    if not desk.routes.email:
        return
    accounts = directory.active_accounts(desk.tx, organisation)
    addresses = {account.id: account.email for account in accounts if account.email}
    reachable = [account for account, address in addresses.items() if address != not_to] or list(addresses)
    for account in [only] if only in reachable else reachable:
        yield _Reach(EMAIL, f"account:{account}")


def fault(desk: Desk, organisation: OrganisationId, kind: FaultKind, subject: str, detail: str) -> None:
    """Open a fault and tell everyone once; one that is open already tells nobody again."""
    number = faults.raise_(desk.tx, organisation, kind, subject, detail)
    if number is None:
        return
    reached = list(_accounts(desk, organisation))
    reached += [_Reach(WEBHOOK, name) for name in desk.routes.webhooks.get(organisation, ())]
    for reach in reached:
        outbox.add(
            desk.tx,
            organisation,
            NewItem(
                kind=ItemKind.INFORMATION,
                channel=reach.channel,
                recipient=reach.recipient,
                fault=number,
                message="fault",
                rank=_RANK_INFORMATION,
            ),
        )
