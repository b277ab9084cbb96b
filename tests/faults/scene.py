"""A small site, and what its programs say of themselves."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hub.store import faults, presence
from simulator.deployment import ORGANISATION, Deployment, Plan
from tests.e2e.chain import Chain
from tests.services import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hub.store.faults import Fault, FaultKind

GATEWAY = "wall-gw"
_PREFIX = "tocsin_gateway_"


def small_world(folder: Path, people: list[str], *, device: str = "") -> Path:
    """One gateway on the wall of a hall, and people in it. Their Bluetooth loses every tenth advertisement."""
    text = 'seed = 7\n[air]\nloss = 0.1\n[[places]]\nname = "hall"\nat = [5, 5]\n'
    text += f'[[places]]\nname = "wall"\nat = [5, 8]\n[[gateways]]\nname = "{GATEWAY}"\nplace = "wall"\n'
    for person in people:
        text += f'[[people]]\nname = "{person}"\nplace = "hall"\n'
        text += f"[people.device]\n{device}\n" if device else ""
    path = folder / "world.toml"
    path.write_text(text, "utf-8")
    return path


@contextmanager
def chain_of(deployment: Deployment) -> Iterator[Chain]:
    """A deployment that is not started yet, as a chain."""
    try:
        deployment.start()
        with (
            contextlib.closing(deployment.open_store()) as store,
            contextlib.closing(Chain(deployment, store)) as chain,
        ):
            yield chain
    finally:
        deployment.stop()


def plan(folder: Path, world: Path, **more: Any) -> Plan:
    return Plan(folder, world, password="secret", web_port=free_port(), **more)


def run_time_at(chain: Chain, rate: float) -> None:
    """The world's seconds to each of the machine's."""
    chain.site.post("/time", json={"rate": rate}).raise_for_status()


def figures(chain: Chain, gateway: str = GATEWAY) -> Mapping[str, float]:
    """What a gateway shows to Prometheus, by name."""
    url = f"http://127.0.0.1:{chain.deployment.metrics_ports[gateway]}/metrics"
    families = text_string_to_metric_families(httpx.get(url, timeout=20).text)
    return {sample.name.removeprefix(_PREFIX): sample.value for family in families for sample in family.samples}


def troubles(chain: Chain) -> list[str]:
    """What /health says; empty when all is well."""
    answer = httpx.get(f"{chain.deployment.url}/health", timeout=20)
    found: list[str] = answer.json()["troubles"]
    assert answer.status_code == (503 if found else 200)
    return found


def open_faults(chain: Chain, kind: FaultKind) -> list[Fault]:
    return [fault for fault in chain.store.read(lambda tx: faults.listed(tx, ORGANISATION)) if fault.kind is kind]


def expected(*people: str) -> dict[str, int]:
    """One event of each."""
    return dict.fromkeys(people, 1)


def heard_anew(chain: Chain, *people: str) -> None:
    """Their devices, which do nothing but be there, say something new, and the hub knows it."""
    before = {person: _counter(chain, person) for person in people}
    for person in people:
        eventually(lambda who=person: _counter(chain, who) > before[who], within_s=60, every_s=0.2)


def _counter(chain: Chain, person: str) -> int:
    address = str(chain.deployment.world.make(person).address)
    seen = chain.store.read(lambda tx: presence.of_device(tx, ORGANISATION, address))
    return 0 if seen is None else seen.counter
