"""Words for what people and gateways do with codes and credentials."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hub.cases import claims, gateways, way_in
from hub.cases.access import Refusal
from hub.cases.claims import Arrival
from hub.cases.desk import Desk, Routes
from hub.cases.way_in import WayIn
from hub.store import credentials, directory, faults, journal
from hub.store.directory import Organisation
from hub.store.faults import FaultKind
from protocols import codes
from protocols.enrolment import BrokerAddress, Credential, Enrolment
from protocols.ids import OrganisationId

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.credentials import CredentialRecord
    from hub.store.faults import Fault
    from hub.store.store import Store

ACME = OrganisationId("acme")
OTHERS = OrganisationId("others")
WAY = WayIn(
    hub_url="https://hub.example", authority=None, broker=BrokerAddress(host="hub.example", port=8883, tls=True)
)
THERE = Arrival("192.0.2.7", "1.0")


def claim_number() -> str:
    return secrets.token_hex(32)


@dataclass
class Trade:
    """Two organisations, and what is done about their gateways."""

    store: Store

    def __post_init__(self) -> None:
        self.store.write(self._found)

    def _found(self, tx: Any) -> None:
        known = {one.id for one in directory.all_organisations(tx)}
        for organisation in {ACME, OTHERS} - known:
            directory.add_organisation(tx, Organisation(organisation, organisation.title(), "Europe/London"))
        way_in.note(tx, WAY)

    def do(self, work: Callable[[Desk], Any]) -> Any:
        return self.store.write(lambda tx: work(Desk(tx, Routes(webhooks={ACME: ("desk",), OTHERS: ("desk",)}))))

    def code(
        self, gateway: str = "north", organisation: OrganisationId = ACME, place: str | None = None, minutes: float = 60
    ) -> str:
        length = timedelta(minutes=minutes)
        made: str = self.do(lambda desk: gateways.new_code(desk, organisation, gateway, place, "ada", length))
        return made

    def claim(self, code: str, claim: str, arrival: Arrival = THERE) -> Enrolment | Refusal:
        done: Enrolment | Refusal = self.do(lambda desk: claims.claim(desk, codes.read(code), claim, arrival))
        return done

    def enrolled(self, gateway: str = "north", organisation: OrganisationId = ACME) -> Credential:
        """A code is made and traded."""
        done = self.claim(self.code(gateway, organisation), claim_number())
        assert isinstance(done, Enrolment)
        return done.credential

    def recognise(self, credential: Credential) -> CredentialRecord | Refusal:
        name, secret = credential.username, credential.secret
        return self.store.read(lambda tx: claims.recognise(tx, name, secret, THERE.source))

    def use(self, credential: Credential, source: str = THERE.source) -> bool:
        """Sign in as the endpoints do."""
        found = self.recognise(credential)
        if isinstance(found, Refusal):
            return False
        self.do(lambda desk: claims.use(desk, found, source))
        return True

    def rotate(self, credential: Credential) -> Credential:
        found = self.recognise(credential)
        assert not isinstance(found, Refusal)
        made: Credential = self.do(lambda desk: claims.rotate(desk, found, THERE.source))
        return made

    def revoke(self, gateway: str = "north", organisation: OrganisationId = ACME) -> None:
        self.do(lambda desk: gateways.revoke(desk, organisation, gateway, "ada", "stolen"))

    def listed(self, organisation: OrganisationId = ACME) -> dict[str, gateways.Listed]:
        return {one.gateway: one for one in self.store.read(lambda tx: gateways.listed(tx, organisation))}

    def live(self) -> list[str]:
        return [one.username for one in self.store.read(credentials.live)]

    def written(self, gateway: str = "north", organisation: OrganisationId = ACME) -> list[str]:
        entries = self.store.read(lambda tx: journal.read(tx, organisation, f"gateway:{gateway}"))
        return [entry.action for entry in entries]

    def refusals(self, organisation: OrganisationId = ACME) -> list[Fault]:
        found = self.store.read(lambda tx: faults.listed(tx, organisation))
        return [fault for fault in found if fault.kind is FaultKind.ACCESS_REFUSED]
