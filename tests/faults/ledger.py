"""Nothing lost, nothing doubled but what is stated: what must hold after any fault."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.store.tables import events, outbox
from protocols.events import Stage
from tests.services import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.store import Tx
    from tests.e2e.chain import Chain

_NUMBER = re.compile(r"<(.+)@")
_INCIDENT = re.compile(r"<incident-(.+)@")
HANDED_OVER_S = 60
"""Within this every notification that is due was handed over, once everything runs again: two leases."""


def assert_recorded_once(chain: Chain, expected: Mapping[str, int]) -> None:
    """Each event of each device is in the database once, and nothing else is.

    Args:
        chain: what ran.
        expected: events by person.
    """
    recorded = chain.recorded()
    addresses = {chain.person(name)["address"]: count for name, count in expected.items()}
    assert Counter(address for address, *_ in recorded) == addresses
    assert Counter(recorded).most_common(1)[0][1] == 1
    assert chain.journal_is_whole()


def assert_each_alarm_notified(chain: Chain) -> int:
    """Of every incident with an alarm a mail about it was handed over; how many mails came twice.

    A repeat has the Message-ID of the first, and every Message-ID is that of a committed row of the outbox.
    """
    eventually(lambda: not chain.store.read(_alarms_without_incident), within_s=1)
    eventually(lambda: not _not_mailed(chain), within_s=HANDED_OVER_S, every_s=0.5)
    mails = Counter(_id(_NUMBER, mail, "message-id") for mail in chain.mails())
    assert mails.keys() <= chain.store.read(_ids)
    return mails.total() - len(mails)


def _not_mailed(chain: Chain) -> set[str]:
    mailed = {_id(_INCIDENT, mail, "references") for mail in chain.mails() if "references" in mail["headers"]}
    return chain.store.read(_alarming) - mailed


def _id(pattern: re.Pattern[str], mail: dict[str, dict[str, str]], header: str) -> str:
    found = pattern.search(mail["headers"][header])
    assert found is not None, mail
    return found[1]


def _ids(tx: Tx) -> set[str]:
    return set(tx.connection.execute(select(outbox.c.id).where(outbox.c.channel == "email")).scalars())


def _alarming(tx: Tx) -> set[str]:
    query = select(events.c.incident).where(events.c.stage == int(Stage.ALARM), events.c.incident.is_not(None))
    return set(tx.connection.execute(query).scalars())


def _alarms_without_incident(tx: Tx) -> list[str]:
    query = select(events.c.address).where(events.c.stage == int(Stage.ALARM), events.c.incident.is_(None))
    return list(tx.connection.execute(query).scalars())
