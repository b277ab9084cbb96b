from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.domain.session import Risk
from tests.e2e.chain import running_chain, world_file
from tests.services import eventually, mosquitto, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.chain import Chain

PEOPLE = ["alice", "bob", "carol", "dora", "fiona", "nora"]
STRANGER = '[[strangers]]\nname = "shop-button"\nplace = "hall"\n'

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    world = world_file(folder, PEOPLE, device="prealarm_fall_ms = 6000", strangers=STRANGER)
    with (
        running(mosquitto(folder)) as broker,
        running_chain(folder, world, mqtt_port=broker.port) as started,
    ):
        for person in ("alice", "bob", "dora", "fiona"):
            started.session(person, Risk.HIGH if person == "dora" else Risk.NORMAL)
        yield started


def test_a_pre_alarm_whose_device_then_dies_is_mailed(chain: Chain) -> None:
    chain.act("dora", "fall")
    eventually(lambda: chain.incident("dora"), within_s=20)
    chain.act("dora", "smash")
    assert chain.incident("dora").state.phase.value == "pending"  # type: ignore[union-attr]
    assert "ALARM: fall: Dora" in chain.mail("Dora", within_s=60)["subject"]


def test_a_press_is_mailed_and_taken_and_help_sent_come_back_to_the_wearer(chain: Chain) -> None:
    chain.act("alice", "hold")
    mail = chain.mail("alarm: panic: alice")
    assert mail["recipients"] == ["sam@demo.example"]
    assert "/incidents/" in mail["text"]
    chain.told("alice", "stored")
    incident = eventually(lambda: chain.incident("alice"))
    with chain.console() as console:
        console.post(f"/incidents/{incident.id}/take").raise_for_status()
        chain.told("alice", "person has it")
        console.post(f"/incidents/{incident.id}/help-sent").raise_for_status()
        chain.told("alice", "help sent")
        closing = {"outcome": "genuine", "note": "ambulance came"}
        console.post(f"/incidents/{incident.id}/close", json=closing).raise_for_status()
    chain.told("alice", "closed")
    assert len(chain.mails("panic: alice")) == 1
    assert chain.journal_is_whole()


def test_a_fall_is_mailed_after_its_pre_alarm(chain: Chain) -> None:
    chain.act("fiona", "fall")
    eventually(lambda: chain.incident("fiona"))
    assert not chain.mails("fall: fiona")
    chain.mail("alarm: fall: fiona", within_s=30)


def test_a_press_with_no_session_is_mailed_and_says_so(chain: Chain) -> None:
    chain.act("nora", "hold")
    assert "no session of theirs covers that time" in chain.mail("panic: nora")["text"]


def test_an_unreadable_envelope_is_mailed(chain: Chain) -> None:
    from tests.hub.sender import publish

    publish(
        chain.deployment.mqtt_port, "tocsin/v1/demo/east-gw/event", b'{"schemaversion": 7, "id": "from the future"}'
    )
    chain.mail("alarm: unreadable")


def test_a_strangers_button_mails_nobody(chain: Chain) -> None:
    before = len(chain.mails())
    chain.site.post("/strangers/shop-button/press", json={}).raise_for_status()
    chain.act("bob", "double")
    chain.told("bob", "stored")
    assert not [mail for mail in chain.mails()[before:] if "fault" not in mail["subject"].lower()]


def test_a_discreet_call_is_mailed_as_such_and_shows_nothing_on_the_device(chain: Chain) -> None:
    chain.act("carol", "triple")
    assert "Do not call their phone" in chain.mail("discreet panic: carol")["text"]
    chain.told("carol", "stored")
    carol = chain.person("carol")
    assert (carol["led"], carol["buzzer"]) == ("off", "off")
