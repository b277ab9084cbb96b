"""Looks at every commit, every receipt, every acknowledgement and every display, at the moment it happens."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hub.domain.incident import LIVE, Phase
from hub.domain.repeats import SAME
from hub.ticker import HOLD
from protocols.events import Stage, Told
from protocols.mqtt.envelope import event_id
from simulator.explore.disk import instant
from simulator.explore.watches import EARLY_S, LATE_S, Watches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from protocols.events import DeviceReport
    from simulator.explore.hub import HubProcess
    from simulator.explore.ledger import Ledger
    from simulator.explore.network import Packet
    from simulator.explore.story import Story
    from simulator.explore.wearer import Wearer

WHEN_TOLD_S: Final = 23
"""A wearer whose alarm is not stored by then must know it: 20 s, and the frames are 2 s apart."""
_BY_DEADLINE: Final = frozenset({"no cancel came", "escalated", "reminder"})
_BY_PERSON: Final = {Phase.TAKEN: "taken", Phase.HELP_SENT: "help sent", Phase.CLOSED: "closed"}
_LAWFUL: Final = {
    ("", "pending"): {"raised"},
    ("", "open"): {"raised"},
    ("pending", "open"): {"no cancel came", "joined", "duress"},
    ("pending", "withdrawn"): {"withdrawn"},
    ("open", "taken"): {"taken"},
    ("open", "help_sent"): {"help sent"},
    ("taken", "help_sent"): {"help sent"},
    ("open", "closed"): {"closed"},
    ("taken", "closed"): {"closed"},
    ("help_sent", "closed"): {"closed"},
    ("taken", "open"): {"joined", "duress"},
    ("help_sent", "open"): {"joined", "duress"},
    ("", "withdrawn"): {"withdrawn"},
}
"""(phase before, phase after) -> what must stand in the journal, written in the same commit."""
_WAITS: Final = (60, 60, 120)
"""Seconds after each rung of the ladder, as docs say; not read from the product on purpose."""


class Row(NamedTuple):
    """An incident, as it is committed."""

    id: str
    phase: str
    due: datetime | None
    rung: int
    round: int
    holder: str | None
    duress: int
    cancelled: int
    kind: str

    @property
    def state(self) -> tuple[object, ...]:
        """What changes only with an entry in the journal."""
        return self.phase, self.rung, self.round, self.duress, self.cancelled, self.kind


class Audit:
    """Holds the hub to its word.

    Attributes:
        phases: every phase that an incident was ever in, by id.
        happened: how often each action was written in the journal.
        watches: the deadlines that are not of incidents.
        incident_of: by the id of the event.
    """

    def __init__(self, story: Story, ledger: Ledger, hub: HubProcess) -> None:
        self._story, self._ledger, self._hub = story, ledger, hub
        self._rows: dict[str, Row] = {}
        self._due_true: dict[str, float] = {}
        self._jumped = False
        self._sent: set[str] = set()
        self._last = {"events": 0, "journal": 0}
        self._silent: set[str] = set()
        self.happened: Counter[str] = Counter()
        self.watches = Watches(story, hub)
        self.phases: dict[str, set[str]] = {}
        self.incident_of: dict[str, str] = {}

    # What the hub commits

    def committed(self) -> None:
        actions = self._journal()
        self._events()
        self._incidents(actions)
        self._mails()
        self._silences(actions)
        self.watches.look(actions)

    def look(self, sql: str, *values: object) -> list[Any]:
        return self._hub.disk.connection.look(sql, *values)

    def _journal(self) -> dict[str, list[str]]:
        rows = self.look("SELECT id, chain, action FROM journal WHERE id > ? ORDER BY id", self._last["journal"])
        actions: dict[str, list[str]] = {}
        self.happened.update(action for _, _, action in rows)
        for number, chain, action in rows:
            self._last["journal"] = number
            actions.setdefault(chain, []).append(action)
        return actions

    def _events(self) -> None:
        query = "SELECT rowid, address, epoch, sequence, stage, life, incident FROM events WHERE rowid > ?"
        for number, address, epoch, sequence, stage, life, incident in self.look(query, self._last["events"]):
            self._last["events"] = max(number, self._last["events"])
            event = event_id(address, epoch, sequence, Stage(stage))
            if (life and not self._jumped) or (event in self._ledger.recorded and not life):
                self._story.violated("once", f"{event} is recorded a second time")
            self._ledger.recorded.add(event)
            if incident is not None:
                self.incident_of[event] = incident
            self._story.tell("hub", f"has recorded {event}, incident {str(incident)[:6]}")

    def _incidents(self, actions: dict[str, list[str]]) -> None:
        query = "SELECT id, phase, due, rung, round, holder, duress, cancelled_by_wearer, kind FROM incidents"
        due = dict(self.look("SELECT subject, due_at FROM deadlines WHERE kind = 'incident'"))
        for values in self.look(query):
            row = Row(values[0], values[1], instant(values[2]), *values[3:])
            if instant(due.get(row.id)) != row.due:
                self._story.violated("deadline", f"incident {row.id[:6]} is due {row.due}, its row {due.get(row.id)}")
            before = self._rows.get(row.id)
            if row != before:
                self._rows[row.id] = row
                self._changed(before, row, actions.get(row.id, []))

    def _changed(self, before: Row | None, row: Row, actions: Sequence[str]) -> None:
        self.phases.setdefault(row.id, set()).add(row.phase)
        if before is None or row.state != before.state:
            said = ", ".join(actions)
            self._story.tell("hub", f"incident {row.id[:6]} {row.phase} rung {row.rung}/{row.round}: {said}")
            if not actions:
                self._story.violated("journal", f"incident {row.id[:6]} became {row.phase} without a journal entry")
        self._lawful("" if before is None else before.phase, row, actions)
        self._deadline(before, row, actions)

    def _lawful(self, before: str, row: Row, actions: Sequence[str]) -> None:
        if before == row.phase:
            return
        allowed = _LAWFUL.get((before, row.phase))
        if before == "" and actions[1:] and row.phase in LIVE:
            return  # several events in one batch
        if allowed is None or not allowed.intersection(actions):
            self._story.violated("lawful", f"incident {row.id[:6]} went from {before or 'nothing'} to {row.phase}")
        word = _BY_PERSON.get(Phase(row.phase))
        if word is not None and (row.id, word) not in self._ledger.people:
            self._story.violated("lawful", f"incident {row.id[:6]} is {row.phase}, and nobody did that")

    def _deadline(self, before: Row | None, row: Row, actions: Sequence[str]) -> None:
        fired = _BY_DEADLINE.intersection(actions)
        if before is not None and fired and len(actions) == 1:
            self._fired(before, row, actions[0])
        elif before is not None and not actions and before.due is not None and row.due is not None:
            self._moved(row)
            return
        if row.due is None:
            self._due_true.pop(row.id, None)
        elif before is None or row.due != before.due:
            self._due_true[row.id] = max(self._story.clock(), self._true(row.due))

    def _true(self, due: datetime) -> float:
        return self._story.clock() + (due - self._hub.clock.now()).total_seconds()

    def _fired(self, before: Row, row: Row, action: str) -> None:
        now, due = self._hub.clock.now(), before.due
        if due is None or due > now:
            self._story.violated("early", f"incident {row.id[:6]}: {action} before it was due at {due}")
            return
        true = self._due_true.get(row.id, self._story.clock())
        late = self._story.clock() - max(true, self._hub.able_since)
        if late > LATE_S + self.watches.unnoticed_s:
            self._story.violated("late", f"incident {row.id[:6]}: {action} {late:.1f} s after it was due")
        if self._story.clock() < true - EARLY_S:
            self._story.violated("early", f"incident {row.id[:6]}: {action} {true - self._story.clock():.1f} s early")
        expected = _next_due(before, row, now, due)
        if expected is not None and row.due != expected:
            self._story.violated("ladder", f"incident {row.id[:6]}: next step due {row.due}, by the ladder {expected}")

    def _moved(self, row: Row) -> None:
        """A deadline that nothing but a step of the clock explains."""
        assert row.due is not None  # noqa: S101 - its caller looked
        known, true = self._due_true.get(row.id), self._true(row.due)
        if known is not None and not -1.0 <= true - known <= 1.0 + self.watches.doubt_s():
            self._story.violated("moved", f"incident {row.id[:6]}: its deadline moved by {true - known:.1f} s")
        self._due_true[row.id] = true

    def clock_stepped(self, seconds: float) -> None:
        """The hub's clock was set. Forward, what is due comes up sooner; back, the hub must notice.

        A jump by more than ten minutes makes an event that is sent again look like another; it pages once more.
        """
        self.watches.clock_stepped(seconds)
        self._jumped = self._jumped or seconds > SAME.total_seconds()
        if seconds > 0:
            now = self._story.clock()
            self._due_true = {number: max(true - seconds, min(now, true)) for number, true in self._due_true.items()}

    def step_unnoticed(self, seconds: float) -> None:
        """The hub died before it could notice a step back."""
        self.watches.unnoticed_s += seconds

    def _mails(self) -> None:
        for number, message, recipient in self.look(
            "SELECT id, message, recipient FROM outbox WHERE state = 'sent' AND channel = 'email'"
        ):
            if number in self._sent:
                continue
            self._sent.add(number)
            if not self._ledger.mails[number].taken:
                self._story.violated("sent", f"{message} to {recipient} is marked as sent, and no mail server has it")

    def _silences(self, actions: dict[str, list[str]]) -> None:
        silent = {chain for chain, said in actions.items() if "silent" in said}
        gone = {f"gateway {name}" for (name,) in self.look("SELECT id FROM gateways WHERE state = 'silent'")}
        new = silent | (gone - self._silent)
        self.happened["gateway silent"] += len(gone - self._silent)
        self._silent = gone
        for who in sorted(new):
            self._story.tell("hub", f"says silent: {who[:20]}")
            if self._story.clock() - self._hub.began < HOLD.total_seconds():
                self._story.violated("backlog", f"{who[:20]} is called silent before the backlog was read")

    # What it says

    def published(self, who: str, packet: Packet) -> None:
        if packet.topic.endswith("/event"):
            self._ledger.handed.add((who, json.loads(packet.payload)["id"]))
        if who != "hub" or not packet.topic.endswith("/receipt"):
            return
        data = json.loads(packet.payload)["data"]
        if data["outcome"] == "unreadable":
            self._story.violated("unexpected", f"unreadable: {data['event']}")
        elif data.get("address") and data["event"] not in self._ledger.recorded:
            self._story.violated("receipt", f"{data['event']} is receipted, and not committed")

    def acknowledged(self, packet: Packet) -> None:
        if not packet.topic.endswith("/event"):
            return
        envelope = json.loads(packet.payload)
        if envelope["data"]["kind"] == "frame" and envelope["id"] not in self._ledger.recorded:
            self._story.violated("ack", f"{envelope['id']} is acknowledged to the broker, and not committed")

    def shown(self, wearer: Wearer, report: DeviceReport) -> None:
        """What a wearer sees is what their next frame says."""
        told, identity = report.told, report.identity
        name = f"{identity.epoch}/{identity.sequence} of {wearer.name}"
        if told in {Told.NOTHING, Told.HEARD}:
            if not report.is_heartbeat and (report.age_s or 0) > WHEN_TOLD_S:
                self._story.violated("told", f"{name} waits for {report.age_s} s, and its wearer is not told so")
            return
        stages = tuple(Stage) if report.is_heartbeat else (report.stage,)
        ids = [event_id(identity.address, identity.epoch, identity.sequence, stage) for stage in stages]
        if told is not Told.NOT_DELIVERED and not self._is_true(told, ids):
            self._story.violated("told", f"{name} shows {told.name}, which is not so")

    def _is_true(self, told: Told, ids: Iterable[str]) -> bool:
        if told is Told.STORED:
            return any(event in self._ledger.recorded for event in ids)
        stages = [event[:-1] for event in ids]
        incidents = {number for event, number in self.incident_of.items() if event[:-1] in stages}
        wanted = {
            Told.PERSON_HAS_IT: {"taken", "help_sent", "closed"},
            Told.HELP_SENT: {"help_sent", "closed"},
            Told.CLOSED: {"closed"},
        }[told]
        return any(wanted & self.phases.get(number, set()) for number in incidents)


def _next_due(before: Row, row: Row, now: datetime, due: datetime) -> datetime | None:
    """By the ladder's own words: each step counts from when the last was due; missed rounds are not made up for."""
    if row.phase != Phase.OPEN:
        return None
    following = due + timedelta(seconds=_WAITS[row.rung])
    missed_round = row.rung == before.rung and before.phase == Phase.OPEN and following <= now
    return now + timedelta(seconds=_WAITS[row.rung]) if missed_round else following
