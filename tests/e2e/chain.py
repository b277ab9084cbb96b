"""The whole chain as processes, and what a test asks of it."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from hub.domain.session import Risk
from hub.store import events, incidents, journal
from hub.store.tables import events as event_table
from simulator.deployment import ORGANISATION, Deployment, Plan, log_session
from tests.services import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.incidents import IncidentRecord
    from hub.store.store import Store


def world_file(folder: Path, people: list[str], *, loss: float = 0.2, device: str = "", strangers: str = "") -> Path:
    """Two gateways on the walls of one hall, and people in it."""
    text = f'seed = 7\n[air]\nloss = {loss}\n[[places]]\nname = "hall"\nat = [5, 5]\n'
    text += '[[places]]\nname = "east"\nat = [0, 5]\n[[places]]\nname = "west"\nat = [10, 5]\n'
    for gateway in ("east", "west"):
        text += f'[[gateways]]\nname = "{gateway}-gw"\nplace = "{gateway}"\n'
    for person in people:
        text += f'[[people]]\nname = "{person}"\nplace = "hall"\n'
        text += f"[people.device]\n{device}\n" if device else ""
    path = folder / "world.toml"
    path.write_text(text + strangers, "utf-8")
    return path


class Chain:
    """A running deployment."""

    def __init__(self, deployment: Deployment, store: Store) -> None:
        self.deployment = deployment
        self.store = store
        self.site = httpx.Client(base_url=deployment.ports.api, timeout=20)

    def close(self) -> None:
        self.site.close()

    def act(self, person: str, action: str) -> None:
        self.site.post(f"/people/{person}/{action}", json={}).raise_for_status()

    def person(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.site.get(f"/people/{name}").raise_for_status().json()
        return found

    def mails(self, about: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.site.get("/mail").raise_for_status().json()
        return [mail for mail in found if about.lower() in mail["subject"].lower()]

    def mail(self, about: str, *, within_s: float = 15) -> dict[str, Any]:
        """The first mail whose subject speaks of that."""
        return eventually(lambda: self.mails(about), within_s=within_s)[0]

    def session(self, person: str, risk: Risk = Risk.NORMAL) -> str:
        return log_session(self.store, person, "hall", risk, timedelta(hours=1))

    def incident(self, person: str) -> IncidentRecord | None:
        subject = f"worker:{person}"
        return self.store.read(lambda tx: incidents.live(tx, ORGANISATION, subject))

    def told(self, person: str, told: str, *, within_s: float = 20) -> None:
        eventually(lambda: self.person(person)["told"] == told, within_s=within_s, every_s=0.1)

    def recorded(self) -> list[tuple[str, int, int, int]]:
        """(address, epoch, sequence, stage) of every event the hub has."""
        from sqlalchemy import select

        columns = (event_table.c.address, event_table.c.epoch, event_table.c.sequence, event_table.c.stage)
        return self.store.read(lambda tx: [tuple(row) for row in tx.connection.execute(select(*columns))])

    def journal_is_whole(self) -> bool:
        return not self.store.read(lambda tx: list(journal.verify(tx)))

    def console(self) -> httpx.Client:
        """A signed-in client of the REST API."""
        return httpx.Client(base_url=f"{self.deployment.url}/api/v1", auth=("admin", "secret"), timeout=20)


@contextmanager
def running_chain(folder: Path, world: Path, **plan: Any) -> Iterator[Chain]:
    deployment = Deployment(Plan(folder, world, password="secret", web_port=free_port(), **plan))
    try:
        deployment.start()
        with (
            contextlib.closing(deployment.open_store()) as store,
            contextlib.closing(Chain(deployment, store)) as chain,
        ):
            yield chain
    finally:
        deployment.stop()


__all__ = ["ORGANISATION", "Chain", "Risk", "events", "running_chain", "world_file"]
