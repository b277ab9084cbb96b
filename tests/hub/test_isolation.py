"""Two organisations on one hub, with the same ids everywhere: neither ever gets a byte of the other's."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import pkgutil
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import select

import hub.store
from hub.domain.assigning import Period
from hub.store import journal
from hub.store.store import Store, open_engine
from hub.store.tables import metadata
from hub.store.vault import Vault, new_key
from hub.web import accounts
from hub.web.app import build, equip
from hub.web.changes import Changes
from hub.web.context import Console
from protocols.events import Cause, Stage
from protocols.ids import EventIdentity
from tests.hub.tenants import ADDRESS, NORTH, PEOPLE, House, Numbers, Tenant
from tests.hub.web.visitor import HTML, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from hub.store.store import Tx
    from tests.hub.conftest import Watch

MINE, THEIRS = "Heron", "Zebra"
KEYS = bytes(range(16)), bytes(range(100, 116))
_DAY = timedelta(days=1)
OF_THE_HUB = {"hub_facts": "what the hub knows of itself"}
"""Tables that are no organisation's."""


@dataclass
class World:
    """A hub with one organisation on it, or with two."""

    house: House
    numbers: Numbers
    mine: Tenant
    theirs: Tenant

    @property
    def store(self) -> Store:
        return self.house.store

    def console(self) -> Console:
        return Console(
            store=self.store,
            routes=self.house.routes,
            wake=lambda: None,
            changed=Changes(self.store, poll_s=0.01, heartbeat_s=0.05),
            public_url="http://testserver",
            secure_cookies=False,
            metrics=self.house.metrics.render,
            version="1",
        )


@pytest.fixture
def worlds(database_url: str, watch: Watch) -> Iterator[Callable[..., World]]:
    opened: list[Store] = []

    def make(url: str = database_url, *, both: bool = True) -> World:
        numbers = Numbers()
        store = Store(open_engine(url), Vault([new_key()]), clock=watch, new_id=numbers)
        opened.append(store)
        house = House(store, watch, ("acme", "others"))
        world = World(house, numbers, Tenant(house, "acme", MINE, KEYS[0]), Tenant(house, "others", THEIRS, KEYS[1]))
        world.mine.build()
        if both:
            used, numbers.count = numbers.count, 0
            world.theirs.build()
            numbers.count = max(used, numbers.count)
        return world

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    return worlds()


_built: list[FastAPI] = []


@pytest.fixture
def app(world: World) -> FastAPI:
    return _app(world)


def _app(world: World) -> FastAPI:
    console = world.console()
    if not _built:
        _built.append(build(console))
    equip(_built[0], console)
    return _built[0]


def rows(store: Store, organisation: str) -> dict[str, list[Any]]:
    """Every row of an organisation, by table."""

    def of(tx: Tx, table: Any) -> list[Any]:
        own = table.c.id if table.name == "organisations" else table.c.organisation
        return [tuple(row) for row in tx.connection.execute(select(table).where(own == organisation))]

    return store.read(
        lambda tx: {table.name: of(tx, table) for table in metadata.sorted_tables if table.name not in OF_THE_HUB}
    )


def test_both_have_something_in_every_table(world: World) -> None:
    for organisation in ("acme", "others"):
        empty = [name for name, found in rows(world.store, organisation).items() if not found]
        assert empty == [], "let tests.hub.tenants fill it, for both"


def test_both_have_the_same_ids(world: World) -> None:
    def keys(organisation: str) -> dict[str, set[Any]]:
        own = rows(world.store, organisation)
        tables = [table for table in metadata.sorted_tables if table.name in own]
        place = {table.name: [list(table.c).index(one) for one in table.primary_key] for table in tables}
        return {
            table.name: {tuple(row[at] for at in place[table.name][1:]) for row in own[table.name]} for table in tables
        }

    alone = {"sign_ins", "journal", "organisations"}  # random, counted over the whole hub, the organisation itself
    mine, theirs = keys("acme"), keys("others")
    assert {name for name in mine if mine[name] != theirs[name]} <= alone


def test_whatever_is_said_of_them_carries_their_mark(world: World) -> None:
    """Otherwise the search for it below would find nothing whatever happens."""
    shown = {name for name, found in rows(world.store, "others").items() if THEIRS in repr(found)}
    assert {"accounts", "api_tokens", "devices", "faults", "gateways", "organisations", "places", "workers"} <= shown
    assert {"unreadable", "keyring_fetches"} <= shown


# -- what the console and the API answer

IDS = ("alice", "hall", "sam", "mo")
"""Of a worker, a place, accounts."""
NUMBERED = ("sessions", "incidents", "faults", "api_tokens")


def ids(store: Store) -> dict[str, list[str]]:
    """What may stand in an address, by its name there."""
    own = rows(store, "acme")
    numbers = sorted(row[1] for table in NUMBERED for row in own[table])
    return {"gateway": [NORTH], "address": [ADDRESS], "number": [*IDS, *numbers]}


def addresses(app: FastAPI, methods: set[str]) -> Iterator[tuple[str, str]]:
    """Every route with every id that something has."""
    known = ids(app.state.console.store)
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute) or context.path == "/live":
            continue
        names = re.findall(r"\{(\w+)\}", context.path or "")
        assert set(names) <= set(known), f"what ids does {context.path} take?"
        for values in itertools.product(*(known[name] for name in names)):
            path = (context.path or "").format(**dict(zip(names, values, strict=True)))
            yield from ((method, path) for method in sorted((context.methods or set()) & methods))


def answers(app: FastAPI, who: str) -> dict[str, str]:
    """What somebody of Acme gets, by address; of everything there is to get."""
    visitor = Visitor(app)
    assert visitor.sign_in(f"acme/{who}").status_code == 303
    found = {}
    for method, path in addresses(app, {"GET"}):
        answer = visitor.client.request(method, path, headers=HTML)
        assert answer.status_code < 500, (path, answer.text)
        found[path] = f"{answer.status_code} {dict(answer.headers)} {answer.text}"
    return found


@pytest.mark.parametrize("who", sorted(PEOPLE.values()))
def test_no_page_and_no_answer_of_the_api_says_anything_of_theirs(app: FastAPI, who: str) -> None:
    found = answers(app, who)

    assert [path for path, text in found.items() if THEIRS in text] == []
    if who != "wendy":
        assert MINE in found["/"]
        assert MINE in found["/api/v1/workers"]


def test_what_one_gets_is_the_same_whether_they_are_there_or_not(
    worlds: Callable[..., World], sqlite_template: Any, tmp_path: Any
) -> None:
    import shutil

    told = []
    for both in (True, False):
        shutil.copy(sqlite_template, tmp_path / f"{both}.db")
        world = worlds(f"sqlite:///{tmp_path / f'{both}.db'}", both=both)
        told.append({path: neutral(text) for path, text in answers(_app(world), "adi").items()})

    assert [path for path in told[0] if told[0][path] != told[1][path]] == []


def neutral(text: str) -> str:
    """Without what is random at every sign-in."""
    without = re.sub(r'(name="csrf" value=|X-CSRF-Token": )"[^"]*"', "", text)
    return re.sub(r"'content-length': '\d+'", "", without)


def test_whatever_one_does_changes_no_row_of_theirs(
    app: FastAPI, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    before = rows(world.store, "others")
    visitor = Visitor(app)
    visitor.sign_in("acme/adi")
    token = visitor.hidden(visitor.page("/account"), "/sign-out-everywhere")["csrf"]
    fields = {
        "csrf": token, "minutes": "5", "reason": "x", "why": "x", "outcome": "test", "seen": "99", "worker": "bob",
        "name": "New", "place": "hall", "lasts": "15", "also": "true", "zone": "Europe/Berlin", "role": "supervisor",
        "active": "true", "id": "new", "gateway": "east", "new": "C0:FF:EE:00:00:02", "scopes": "alarms:see",
    }  # fmt: skip
    tried = 0
    for method, path in addresses(app, {"POST", "PUT"}):
        if "/sign-" in path or path.startswith("/account"):
            continue
        tried += 1
        form = visitor.client.request(method, path, data=fields)
        typed = {name: value for name, value in fields.items() if name != "csrf"}
        json = visitor.client.request(method, path, json=typed, headers={"X-CSRF-Token": token})
        assert max(form.status_code, json.status_code) < 500, (path, form.text, json.text)

    assert tried > 100
    assert rows(world.store, "others") == before
    assert rows(world.store, "acme")["organisations"][0][2] == "Europe/Berlin"


def test_a_token_of_theirs_opens_nothing_of_ours(app: FastAPI, world: World) -> None:
    answer = Visitor(app).client.get("/api/v1/sessions", headers={"authorization": f"Bearer {world.theirs.token}"})
    mine = Visitor(app).client.get("/api/v1/sessions", headers={"authorization": f"Bearer {world.mine.token}"})

    assert len(answer.json()) == len(mine.json()) == 2
    incidents = Visitor(app).client.get("/api/v1/incidents", headers={"authorization": f"Bearer {world.theirs.token}"})
    assert MINE not in incidents.text
    assert THEIRS in incidents.text or incidents.json()


# -- what the store reads


def readers() -> Iterator[tuple[str, Any]]:
    """Every function of every repository that is asked for an organisation."""
    for module in pkgutil.iter_modules(hub.store.__path__, "hub.store."):
        loaded = importlib.import_module(module.name)
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)
            if function.__module__ == module.name and not name.startswith("_") and parameters[:1] == ["tx"]:
                yield f"{module.name}.{name}", function


WITHOUT = {
    "hub.store.api_tokens.find": "by its secret, which one organisation has",
    "hub.store.credentials.find_code": "by its secret, which one organisation has",
    "hub.store.credentials.secret": "of a record that was read for an organisation",
    "hub.store.credentials.live": "for the broker's access list, of the whole hub",
    "hub.store.deadlines.are_due": "the hub's own work, of all of them",
    "hub.store.deadlines.claim": "the hub's own work, of all of them",
    "hub.store.figures.blind_gateways": "a figure of the whole hub, for its operator",
    "hub.store.figures.oldest_open": "a figure of the whole hub, for its operator",
    "hub.store.figures.newest_digest": "a figure of the whole hub, for its operator",
    "hub.store.deadlines.next_due": "the hub's own work, of all of them",
    "hub.store.device_keys.working": "of a record that was read for an organisation",
    "hub.store.device_keys.root": "of a record that was read for an organisation",
    "hub.store.directory.all_organisations": "the hub's own work, of all of them",
    "hub.store.directory.find_accounts": "for a sign-in that names no organisation",
    "hub.store.events.incident_of": "of what was heard for an organisation",
    "hub.store.events.stages": "of what was heard for an organisation",
    "hub.store.facts.get": "of the hub",
    "hub.store.journal.newest": "a number of the whole hub",
    "hub.store.journal.verify": "for whoever runs the hub",
    "hub.store.outbox.lease": "the hub's own work, of all of them",
    "hub.store.outbox.lease_alone": "the hub's own work, of all of them",
    "hub.store.outbox.depth": "a number of the whole hub",
    "hub.store.outbox.next_due": "the hub's own work, of all of them",
    "hub.store.outbox.channels_due": "the hub's own work, of all of them",
    "hub.store.outbox.grown": "of a row that was leased",
    "hub.store.outbox.is_wanted": "of a row that was leased",
    "hub.store.presence.still_heard": "the hub's own work, of all of them",
    "hub.store.pulse.of": "asked for several organisations, below",
    "hub.store.restores.last": "of the hub",
    "hub.store.restores.number": "of the hub",
    "hub.store.restores.backed_up_at": "of the hub",
    "hub.store.sealed.left": "the hub's own keys, under which all of them are sealed",
    "hub.store.sealed.reseal": "the hub's own keys, under which all of them are sealed",
    "hub.store.steps.ahead": "the hub's own work, of all of them",
    "hub.store.steps.known": "the hub's own work, of all of them",
    "hub.store.steps.seen": "the hub's own work, of all of them",
    "hub.store.steps.undo": "the hub's own work, of all of them",
    "hub.store.steps.total": "of the hub's clock",
    "hub.store.sessions.still_heard": "the hub's own work, of all of them",
    "hub.store.sign_ins.get": "by its secret, which one browser has",
}
"""Reading functions that are given no organisation, and why that is right."""


def arguments(name: str, function: Any, world: World) -> dict[str, Any]:
    """Every argument of a reading function, as both organisations have it."""
    identity = EventIdentity(ADDRESS, 1, 1)
    live = world.mine.live("worker:alice")
    known = {
        "organisation": world.mine.id, "account": "sam", "worker": "alice", "workers": ["alice", "bob"],
        "place": "hall", "address": ADDRESS, "gateway": NORTH, "incident": live.id, "chain": live.id,
        "session": live.match.session, "subject": "worker:alice", "identity": identity, "number": live.id,
        "fault": live.id, "phases": ["active", "planned"], "chosen": [live.id], "actions": ["raised"],
        "since": world.house.watch.now() - _DAY, "at": world.house.watch.now(), "only_live": False,
        "kind": "panic", "enrolment": 1, "epoch": 1, "sequence": 1, "life": 0, "event": "north/x",
        "period": Period(world.house.watch.now() - _DAY, None),
    }  # fmt: skip
    if name == "hub.store.journal.newer":
        known["number"] = 0
    wanted = [
        parameter.name
        for parameter in list(inspect.signature(function).parameters.values())[1:]
        if parameter.default is inspect.Parameter.empty
    ]
    missing = set(wanted) - set(known)
    assert not missing, f"what is {missing} of {name}?"
    return {one: known[one] for one in wanted}


WRITING = frozenset(
    """add put set save assign unassign change end prove note touch remove revoke raise clear shelve append finish retry
    cancel attach next stamp spend ask insert claim shows""".split()  # noqa: SIM905 - a list of words reads as words
)


def is_reading(function: Any) -> bool:
    """It returns something and is no verb of writing."""
    returns = inspect.signature(function).return_annotation
    return returns not in {"None", None} and function.__name__.rstrip("_").split("_")[0] not in WRITING


def test_every_reading_function_of_the_store_reads_for_one_organisation(world: World) -> None:
    told, tried = [], 0
    for name, function in readers():
        if not is_reading(function) or name in WITHOUT:
            continue
        given = arguments(name, function, world)
        assert "organisation" in given, f"{name} is given no organisation"
        found = world.store.read(lambda tx, function=function, given=given: function(tx, **given))
        tried += 1
        if THEIRS in repr(found) or "'others'" in repr(found):
            told.append(name)

    assert tried > 40
    assert told == []


def test_a_change_of_theirs_is_no_change_of_ours(world: World) -> None:
    from hub.store import pulse

    def words() -> dict[str, str]:
        return dict(world.store.read(lambda tx: pulse.of(tx, {world.mine.id, world.theirs.id})))

    before = words()
    world.theirs.hear(world.theirs.alarm.event(Cause.FALL))
    after = words()

    assert after["acme"] == before["acme"]
    assert after["others"] != before["others"]


async def test_an_open_screen_is_told_of_its_own_changes_only(world: World) -> None:
    changes = Changes(world.store, poll_s=0.01, heartbeat_s=30)
    stream = changes.stream(world.mine.id)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.to_thread(world.theirs.hear, world.theirs.alarm.event(Cause.FALL))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done

    await asyncio.to_thread(world.mine.hear, world.mine.alarm.event(Cause.FALL))
    assert (await asyncio.wait_for(waiting, 10)).sign == "changed"
    await stream.aclose()  # type: ignore[attr-defined]


# -- what comes by MQTT, and what goes out


def test_a_gateway_of_ours_that_hears_a_device_of_theirs_tells_them_nothing_and_learns_nothing(world: World) -> None:
    before = rows(world.store, "others")
    world.house.published.clear()

    world.mine.hear(world.theirs.alarm.event(Cause.PANIC))
    world.mine.digest(world.theirs.alarm.frame())
    world.house.dispatch()

    assert rows(world.store, "others") == before
    assert all("/acme/" in topic for topic, _ in world.house.published)
    assert THEIRS not in repr(world.house.published)


def test_an_alarm_of_theirs_is_received_told_and_answered_to_them_alone(world: World) -> None:
    before = rows(world.store, "acme")
    world.house.published.clear()
    world.house.mail.taken.clear()
    world.house.hook.taken.clear()

    world.theirs.hear(world.theirs.alarm.event(Cause.PANIC, Stage.ALARM))
    world.house.dispatch()

    assert rows(world.store, "acme") == before
    assert world.house.published
    assert all("/others/" in topic for topic, _ in world.house.published)
    sent = [*world.house.mail.taken, *world.house.hook.taken]
    assert {one.organisation for one in sent} == {"others"}
    assert MINE not in repr(sent)
    assert all(f"@{THEIRS}.example" in one.target for one in world.house.mail.taken)


def test_nothing_that_was_ever_sent_to_one_speaks_of_the_other(world: World) -> None:
    sent = [*world.house.mail.taken, *world.house.hook.taken]
    assert {one.organisation for one in sent} == {"acme", "others"}
    mixed = [
        one for one in sent if {"acme": THEIRS, "others": MINE}[one.organisation] in repr(replace(one, organisation=""))
    ]
    assert mixed == []


def test_the_journal_of_each_is_whole_and_its_own(world: World) -> None:
    assert world.store.read(lambda tx: list(journal.verify(tx))) == []
    for tenant, other in ((world.mine, THEIRS), (world.theirs, MINE)):
        entries = world.store.read(lambda tx, tenant=tenant: journal.latest(tx, tenant.id, limit=500))
        assert entries
        assert {entry.organisation for _, entry in entries} == {tenant.id}
        assert other not in repr(entries)


def test_measurements_name_no_organisation(world: World) -> None:
    text = world.house.metrics.render().decode()
    assert not re.search(r"acme|others|north|" + MINE + "|" + THEIRS, text)
