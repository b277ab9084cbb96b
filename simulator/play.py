"""A scenario played on a deployment of its own, sentence by sentence."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx

from hub.domain.session import Risk
from hub.store import faults, incidents, journal
from simulator.office import ORGANISATION, end_sessions, log_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.deployment import Deployment
    from simulator.scenario import Step

_ACTS: Final = {
    "presses once": "press",
    "presses twice": "double",
    "presses three times": "triple",
    "holds her button": "hold",
    "holds his button": "hold",
    "holds the button": "hold",
    "falls": "fall",
    "lies still": "lie-still",
    "gets up": "get-up",
    "takes the alarm off": "remove",
    "puts the alarm on": "wear",
    "smashes the alarm": "smash",
    "switches the alarm on": "switch-on",
    "restarts the alarm": "reboot",
}
_PATIENCE_S: Final = 10.0


class StoryError(Exception):
    """What the story says did not come true.

    Attributes:
        step: the sentence.
        found: what was there instead.
    """

    def __init__(self, step: Step, found: object) -> None:
        super().__init__(f"{step.text!r} did not come true; found {found!r}")
        self.step = step
        self.found = found


class Player:
    """Does what sentences say, and looks whether they are true.

    Args:
        deployment: on what; mails that came before are no part of the story.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._mails_before = deployment.hosted.site.mailbox.received
        self._site = httpx.Client(base_url=deployment.ports.api, timeout=10)
        auth = ("admin", deployment.plan.password)
        self._console = httpx.Client(base_url=f"{deployment.url}/api/v1", auth=auth, timeout=10)

    def close(self) -> None:
        self._site.close()
        self._console.close()

    def play(self, step: Step) -> None:
        """One sentence.

        Raises:
            StoryError: it did not come true.
        """
        method: Callable[[Step, Mapping[str, str]], None] = getattr(self, f"_{step.verb}")
        method(step, step.words)

    def _wait(self, step: Step, look: Callable[[], object], is_true: Callable[[Any], bool]) -> None:
        give_up = time.monotonic() + float(step.words.get("within", _PATIENCE_S))
        while not is_true(found := look()):
            if time.monotonic() > give_up:
                raise StoryError(step, found)
            time.sleep(0.1)

    def _post(self, path: str, body: Mapping[str, object] | None = None) -> None:
        self._site.post(path, json=dict(body or {})).raise_for_status()

    def _session(self, _: Step, words: Mapping[str, str]) -> None:
        with closing(self._deployment.open_store()) as store:
            end_sessions(store, words["who"])
            log_session(store, words["who"], self._place_of(words["who"]), Risk(words["risk"]), timedelta(hours=1))

    def _place_of(self, who: str) -> str:
        return next(person.place for person in self._deployment.world.people if person.name == who)

    def _act(self, _: Step, words: Mapping[str, str]) -> None:
        self._post(f"/people/{words['who']}/{_ACTS[words['act']]}")

    def _walk(self, _: Step, words: Mapping[str, str]) -> None:
        self._post(f"/people/{words['who']}/walk", {"place": words["place"]})

    def _battery(self, _: Step, words: Mapping[str, str]) -> None:
        self._post(f"/people/{words['who']}/battery", {"percent": int(words["percent"])})

    def _shows(self, step: Step, words: Mapping[str, str]) -> None:
        def told() -> str:
            return str(self._site.get(f"/people/{words['who']}").json()["told"])

        self._wait(step, told, lambda found: found == words["told"])

    def _subjects(self) -> list[str]:
        return [mail["subject"] for mail in self._site.get("/mail", params={"since": self._mails_before}).json()]

    def _mail(self, step: Step, words: Mapping[str, str]) -> None:
        text = words["text"].lower()
        self._wait(step, self._subjects, lambda found: any(text in subject.lower() for subject in found))

    def _no_mail(self, step: Step, words: Mapping[str, str]) -> None:
        found = [subject for subject in self._subjects() if words["text"].lower() in subject.lower()]
        if found:
            raise StoryError(step, found)

    def _take(self, step: Step, words: Mapping[str, str]) -> None:
        self._on_console(step, words["who"], "take", {})

    def _help(self, step: Step, words: Mapping[str, str]) -> None:
        self._on_console(step, words["who"], "help-sent", {})

    def _close(self, step: Step, words: Mapping[str, str]) -> None:
        outcome = words["outcome"].replace(" ", "_")
        self._on_console(step, words["who"], "close", {"outcome": outcome, "note": "story"})

    def _on_console(self, step: Step, who: str, action: str, body: dict[str, str]) -> None:
        self._wait(step, lambda: self._live(who), bool)
        answer = self._console.post(f"/incidents/{self._live(who)}/{action}", json=body)
        if not answer.is_success:
            raise StoryError(step, answer.text)

    def _live(self, who: str) -> str | None:
        with closing(self._deployment.open_store()) as store:
            record = store.read(lambda tx: incidents.live(tx, ORGANISATION, f"worker:{who}"))
        return None if record is None else record.id

    def _kill(self, _: Step, words: Mapping[str, str]) -> None:
        self._part(words).kill()

    def _start(self, _: Step, words: Mapping[str, str]) -> None:
        self._part(words).start()
        self._part(words).wait()

    def _part(self, words: Mapping[str, str]) -> Any:  # noqa: ANN401 - a Part
        return self._deployment.parts[words["part"].replace(" ", "-", 1)]

    def _cut(self, _: Step, words: Mapping[str, str]) -> None:
        self._deployment.cables[words["gateway"]].pull()

    def _join(self, _: Step, words: Mapping[str, str]) -> None:
        self._deployment.cables[words["gateway"]].plug_in()

    def _clock(self, _: Step, words: Mapping[str, str]) -> None:
        minutes = int(words["minutes"]) * (1 if words["way"] == "fast" else -1)
        self._deployment.step_clock(words["gateway"], minutes * 60.0)

    def _lost(self, _: Step, words: Mapping[str, str]) -> None:
        self._post("/faults", {"loss": int(words["percent"]) / 100})

    def _repeated(self, _: Step, words: Mapping[str, str]) -> None:
        self._post("/faults", {"repeats": int(words["percent"]) / 100})

    def _fault(self, step: Step, words: Mapping[str, str]) -> None:
        def kinds() -> list[str]:
            with closing(self._deployment.open_store()) as store:
                return [fault.kind.value for fault in store.read(lambda tx: faults.listed(tx, ORGANISATION))]

        self._wait(step, kinds, lambda found: words["fault"] in found)

    def _alarms(self, step: Step, words: Mapping[str, str]) -> None:
        def live() -> list[str]:
            with closing(self._deployment.open_store()) as store:
                records = store.read(lambda tx: incidents.listed(tx, ORGANISATION, only_live=True))
            return [f"{record.state.kind.label} of {record.subject}" for record in records]

        self._wait(step, live, lambda found: len(found) == int(words["count"]))

    def _pause(self, _: Step, words: Mapping[str, str]) -> None:
        time.sleep(int(words["seconds"]))

    def _whole(self, step: Step, _: Mapping[str, str]) -> None:
        with closing(self._deployment.open_store()) as store:
            breaks = store.read(lambda tx: list(journal.verify(tx)))
        if breaks:
            raise StoryError(step, breaks)
