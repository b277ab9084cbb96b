"""What a broker that asks PostgreSQL lets in is what the hub would write into Mosquitto's access list."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, table, text

from hub.broker import access_list
from hub.broker.access_list import HUB_ROLE, AccessList, Holder
from hub.store import credentials
from hub.store.store import Store, open_engine
from hub.store.vault import Vault, new_key
from tests.hub.gateways.trade import ACME, OTHERS, Trade

if TYPE_CHECKING:
    from hub.store.store import Tx
    from tests.services import Postgres

VIEWS = Path(__file__).parents[2] / "deploy" / "postgresql" / "broker-views.sql"
ACTIONS = {"publishClientSend": "publish", "subscribeLiteral": "subscribe"}


def _wanted(tx: Tx) -> AccessList:
    live = credentials.live(tx)
    return access_list.wanted(
        [Holder(one.organisation, one.gateway, one.username, one.secret_hash) for one in live], None
    )


def _rows(store: Store, view: str) -> set[tuple[str, ...]]:
    return {
        tuple(row)
        for row in store.read(lambda tx: tx.connection.execute(select(text("*")).select_from(table(view))).all())
    }


def test_the_views_let_in_exactly_what_the_access_list_would(postgres: Postgres, postgres_template: str) -> None:
    with closing(Store(open_engine(postgres.new_database(postgres_template)), Vault([new_key()]))) as store:
        with store.engine.begin() as connection:
            connection.connection.cursor().execute(VIEWS.read_text("utf-8"))
        trade = Trade(store)
        held = {name: trade.enrolled(name, of) for name, of in (("north", ACME), ("south", ACME), ("east", OTHERS))}
        assert trade.use(held["south"])
        trade.rotate(held["south"])
        trade.revoke("north")
        want = store.read(_wanted)
        users = _rows(store, "broker_users")
        assert {(name, number) for name, number, _ in users} == {
            (one.username, one.client_id) for one in want.users.values()
        }
        assert {password for _, _, password in users} == {one.secret_hash for one in store.read(credentials.live)}
        assert not any("north" in user[0] for user in users)
        rules = {
            (user.username, "allow", ACTIONS[kind], topic)
            for user in want.users.values()
            for name in user.roles - {HUB_ROLE}
            for kind, topic in want.roles[name].rules
            if kind in ACTIONS
        }
        assert _rows(store, "broker_rules") == rules
