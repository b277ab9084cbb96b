"""What must hold when the storm is over and the world has been calm for a while."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hub.domain.incident import Phase
from hub.store import journal
from protocols.events import ALARM_STAGES, Stage, Told
from protocols.mqtt.envelope import event_id
from simulator.explore.disk import instant
from simulator.explore.watches import LATE_S, SILENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.explore.audit import Audit
    from simulator.explore.gateway import GatewayProcess
    from simulator.explore.hub import HubProcess
    from simulator.explore.ledger import Ledger
    from simulator.explore.story import Story
    from simulator.explore.wearer import Wearer

_UNSENT_S: Final = 40.0
"""After a failure a message is tried again within 30 s."""
_UNSTORED: Final = {Told.NOTHING, Told.HEARD, Told.NOT_DELIVERED}
_ROUND_S: Final = 120.0
_NOTICED_S: Final = 60.0
"""A frame may be on its way for so long, and so long may the hub wait for it after it was away."""


class Verdict:
    """Reads what is left."""

    def __init__(self, story: Story, ledger: Ledger, audit: Audit, hub: HubProcess) -> None:
        self._story, self._ledger, self._audit, self._hub = story, ledger, audit, hub

    def find(self, gateways: Iterable[GatewayProcess], wearers: Iterable[Wearer]) -> None:
        self._nothing_lost(gateways)
        self._everybody_has_it()
        self._all_told()
        self._no_doubles()
        self._wearers_know(wearers)
        self._audit.watches.at_the_end()
        self._silence_noticed(wearers)
        for broken in self._hub.store.read(lambda tx: list(journal.verify(tx))):
            self._bad("journal", f"chain {broken.chain[:6]}, entry {broken.number}: {broken.what}")

    def _bad(self, rule: str, what: str) -> None:
        self._story.violated(rule, what)

    def _nothing_lost(self, gateways: Iterable[GatewayProcess]) -> None:
        for event, keeper in self._ledger.obliged().items():
            if event not in self._ledger.recorded:
                self._bad("lost", f"{event} was kept by {keeper} and is not recorded")
        for gateway in gateways:
            for event in sorted(gateway.unkept - self._ledger.recorded):
                self._bad("lost", f"{event} was heard by {gateway.name}, which ran on, and is not recorded")
            waiting = [event.id for event in gateway.outbox.pending()]
            if waiting:
                self._bad("drained", f"{gateway.name} still waits for receipts of {waiting}")

    def _everybody_has_it(self) -> None:
        """Every alarm is in somebody's hands, or its ladder is alive, or its wearer cancelled it in time."""
        incidents = {row[0]: row for row in self._look("SELECT id, phase, due, kind FROM incidents")}
        stages = self._stages()
        for event, incident in self._alarm_events():
            if incident is None:
                if Stage.CANCELLED not in stages[event[:-1]]:
                    self._bad("lost", f"{event} is recorded and belongs to no incident")
            elif incidents[incident][1] == Phase.WITHDRAWN and not self._was_cancelled(stages[event[:-1]]):
                self._bad("lost", f"{event} was not cancelled, and its incident {incident[:6]} is withdrawn")
        for number, phase, due, _ in incidents.values():
            if phase in {Phase.OPEN, Phase.PENDING}:
                self._alive(number, phase, due)

    def _alive(self, incident: str, phase: str, due: str | None) -> None:
        at, now = instant(due), self._hub.clock.now()
        if at is None or now - at > timedelta(seconds=LATE_S) or at - now > timedelta(seconds=_ROUND_S):
            self._bad("ladder", f"incident {incident[:6]} is {phase}, and due {due}")

    def _was_cancelled(self, stages: set[Stage]) -> bool:
        return Stage.CANCELLED in stages and Stage.DURESS not in stages

    def _all_told(self) -> None:
        """Whoever should be told of an alarm was told by now."""
        now = self._hub.clock.now()
        columns = "id, message, recipient, created_at, attempts"
        query = f"SELECT {columns} FROM outbox WHERE state = 'pending' AND channel = 'email'"  # noqa: S608 - our own words
        for number, message, recipient, created, attempts in self._look(query):
            at = instant(created)
            if at is not None and (now - at).total_seconds() > _UNSENT_S and message != "joined":
                self._bad(
                    "told", f"{message} {number[:6]} to {recipient} waits since {created}, tried {attempts} times"
                )
        for incident, kind in self._look("SELECT id, kind FROM incidents WHERE phase = 'open'"):
            sent = "SELECT count(*) FROM outbox WHERE incident = ? AND kind = 'alert' AND state = 'sent'"
            if not self._look(sent, incident)[0][0]:
                self._bad("told", f"incident {incident[:6]} ({kind}) is open, and nobody was mailed")

    def _wearers_know(self, wearers: Iterable[Wearer]) -> None:
        """Whose alarm still stands has seen that it is stored."""
        for wearer in wearers:
            report = wearer.report
            if report is not None and report.stage in ALARM_STAGES and report.told in _UNSTORED:
                number = f"{report.identity.epoch}/{report.identity.sequence}"
                self._bad("told", f"{wearer.name}'s alarm {number} still shows {report.told.name}")

    def _no_doubles(self) -> None:
        for number, mail in sorted(self._ledger.mails.items()):
            repeats = Counter(mail.runs)
            for run, times in repeats.items():
                if times > 1 + mail.excused:
                    self._bad("doubles", f"mail {number[:6]} was handed over {times} times by run {run} of the hub")

    def _silence_noticed(self, wearers: Iterable[Wearer]) -> None:
        for wearer in wearers:
            query = "SELECT id, risk FROM sessions WHERE worker = ? AND phase = 'active' AND silence_due IS NOT NULL"
            for session, risk in self._look(query, wearer.name):
                limit_s = SILENCE_S[risk] + _NOTICED_S
                if not wearer.is_on and wearer.off_since < self._story.clock() - limit_s:
                    self._bad("silence", f"{wearer.name}'s alarm is dead, and session {session[:6]} has not noticed")

    def _alarm_events(self) -> list[tuple[str, str | None]]:
        rows = self._look("SELECT address, epoch, sequence, stage, incident FROM events")
        return [
            (event_id(address, epoch, sequence, Stage(stage)), incident)
            for address, epoch, sequence, stage, incident in rows
            if Stage(stage) in ALARM_STAGES
        ]

    def _stages(self) -> dict[str, set[Stage]]:
        found: dict[str, set[Stage]] = {}
        for address, epoch, sequence, stage in self._look("SELECT address, epoch, sequence, stage FROM events"):
            found.setdefault(event_id(address, epoch, sequence, Stage(stage))[:-1], set()).add(Stage(stage))
        return found

    def _look(self, sql: str, *values: object) -> list[Any]:
        return self._audit.look(sql, *values)
