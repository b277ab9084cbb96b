"""Ends what a hung process of this hub has begun in the database: its locks would keep all others waiting.

PostgreSQL has a limit for that (``idle_in_transaction_session_timeout``), but it does not run between the statements of
a pipeline, as psycopg sends many rows; so whoever is well looks for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from hub.store.store import Tx

AFTER: Final = timedelta(seconds=5)
"""So long a transaction that holds locks may wait for its process to say more."""
_END: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND application_name = :name AND pid <> pg_backend_pid() "
    "AND backend_xid IS NOT NULL AND wait_event = 'ClientRead' "
    "AND state_change < clock_timestamp() - make_interval(secs => :after)"
)


def end(tx: Tx, application: str) -> int:
    """How many there were. Only for PostgreSQL; whoever goes on later has its transaction run anew.

    Args:
        tx: any.
        application: the name under which all processes of this hub are connected.
    """
    return len(tx.connection.execute(_END, {"name": application, "after": AFTER.total_seconds()}).all())
