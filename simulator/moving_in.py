"""A simulated site moves in with a hub that runs already: its organisation is founded, its gateways are enrolled."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from gateway.enrolment.enrol import enrol
from gateway.enrolment.files import Files
from hub import addresses
from hub.cases import gateways, way_in
from hub.cases.desk import Desk, Routes
from hub.store import directory, schema, vault
from hub.store.store import Store, open_engine
from hub.web.accounts import hash_password, one_time_password
from simulator.office import ORGANISATION, found

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.settings import HubSettings
    from hub.store.store import Tx
    from simulator.world import World

_BY: Final = "simulator"


def move_in(world: World, settings: HubSettings, state: Path, say: Callable[[str], None]) -> None:
    """Do what is not done yet; may be repeated.

    Args:
        world: whose people, places, alarms and gateways the hub is to know.
        settings: the hub's.
        state: gets a directory for each gateway, with what it needs to run.
        say: takes lines for people, with the first password.

    Raises:
        EnrolmentError: a gateway was not let in.
        AuthorityError: the hub's authority can't be read.
    """
    engine = open_engine(settings.database_url())
    with closing(Store(engine, vault.read_or_make(settings.keys_path))) as store:
        schema.prepare(store.engine, store.vault)
        if ORGANISATION not in {each.id for each in store.read(directory.all_organisations)}:
            _found(store, world, say)
        for gateway in world.gateways:
            _enrol(store, settings, gateway.name, Files(state / gateway.name), say)


def _found(store: Store, world: World, say: Callable[[str], None]) -> None:
    password = one_time_password()
    kept = hash_password(password)
    store.write(lambda tx: found(tx, world, kept))
    say(f"Organisation {ORGANISATION}: sign in as admin or sam, password {password}")


def _enrol(store: Store, settings: HubSettings, name: str, files: Files, say: Callable[[str], None]) -> None:
    identity = files.identity()
    if identity is not None and identity.revoked_at is None:
        return
    way = addresses.way_in(settings)

    def work(tx: Tx) -> str:
        way_in.note(tx, way)
        return gateways.new_code(Desk(tx, Routes()), ORGANISATION, name, None, _BY, gateways.CODE_LIFETIME)

    enrol(way.hub_url, store.write(work), files, say)
