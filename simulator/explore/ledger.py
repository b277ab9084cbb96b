"""What really happened, kept by onlookers: nobody in the world reads it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.events import DeviceReport, Stage
    from simulator.explore.story import Story


@dataclass
class Card:
    """What a gateway's memory card is answerable for.

    Attributes:
        obliged: events on it that the hub must come to have.
        settled: events that need not be sent again.
    """

    obliged: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)


@dataclass
class Mail:
    """One notification at the mail server.

    Attributes:
        taken: how often.
        runs: of the hub that handed it over.
        excused: a reply was lost, or could not be noted, so once more is right.
    """

    taken: int = 0
    runs: list[int] = field(default_factory=list)
    excused: int = 0


class Ledger:
    """Facts and duties.

    Attributes:
        stages: of each event that a gateway took, by id.
        recorded: ids of events that the hub has committed.
        mails: by Message-ID.
        handed: (gateway, event) that it has handed to its connection at least once.
        people: what people did at the console: (incident, action) -> account.
    """

    def __init__(self, story: Story) -> None:
        self._story = story
        self._cards: defaultdict[str, Card] = defaultdict(Card)
        self._copies: dict[str, Card] = {}
        self.stages: dict[str, Stage] = {}
        self.recorded: set[str] = set()
        self.handed: set[tuple[str, str]] = set()
        self.mails: defaultdict[str, Mail] = defaultdict(Mail)
        self.people: dict[tuple[str, str], str] = {}

    # Gateways

    def heard(self, gateway: str, report: DeviceReport, event: str) -> None:
        if event not in self.stages:
            self._story.tell(gateway, f"hears {report.cause.label} {report.stage.label} {event}")
        self.stages[event] = report.stage

    def kept(self, gateway: str, kept: set[str], settled: set[str]) -> None:
        card = self._cards[gateway]
        card.obliged |= kept
        card.settled = (card.settled | settled) - kept

    def reopened(self, gateway: str, waiting: list[str]) -> None:
        card = self._cards[gateway]
        again = sorted(card.settled.intersection(waiting))
        if again:
            self._story.violated("receipts last", f"{gateway} sends again what it had a receipt for: {again}")
        card.obliged |= {event for event in waiting if event in self.stages}

    def refused(self, gateway: str, what: str) -> None:
        self._story.violated("unexpected", f"{gateway} refused something of the hub's: {what}")

    def card_saved(self, gateway: str) -> None:
        card = self._cards[gateway]
        self._copies[gateway] = Card(set(card.obliged), set(card.settled))

    def card_went_back(self, gateway: str) -> None:
        copy = self._copies[gateway]
        self._cards[gateway] = Card(set(copy.obliged), set(copy.settled))

    def card_wiped(self, gateway: str) -> None:
        self._cards[gateway] = Card()

    def obliged(self) -> dict[str, str]:
        """Every event that the hub must have by now, with the gateway that has it."""
        return {event: name for name, card in sorted(self._cards.items()) for event in sorted(card.obliged)}
