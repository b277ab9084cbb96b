"""Attacks on the broker and the hub's doors for gateways: refused, counted, told. The shipped Mosquitto, over TLS."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from hub.cases.access import RefusalKind
from hub.store import incidents
from protocols.enrolment import Credential, Enrolment
from protocols.mqtt.topics import Channel
from tests.hub.gateways.secure import secure_mosquitto
from tests.hub.gateways.site import Site, tell_at_once, topic
from tests.hub.gateways.trade import ACME, OTHERS, claim_number
from tests.services import eventually, running
from tocsin.mqtt import Connection, Will
from tocsin.settings import MqttSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tocsin.mqtt import Received

WITHIN_S = 10.0
"""Design asks for a minute."""
PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@pytest.fixture
def site(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    tell_at_once(monkeypatch)
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    (tmp_path / "broker").mkdir()
    broker = secure_mosquitto(tmp_path / "broker")
    with running(broker.process):
        made = Site(broker, f"sqlite:///{tmp_path / 'hub.db'}")
        yield made
        made.close()


def _insist(site: Site, link: Connection, where: str, payload: bytes) -> None:
    """Publish until the broker has had it: it ends a connection on which it denies something."""
    eventually(lambda: link.publish(where, payload) and f"'{where}'" in site.broker.log.read_text(), every_s=0.2)


def _unreadable(site: Site) -> list[str]:
    """Gateways that sent something on their event topic which the hub took."""
    return [str(one.gateway) for one in site.hub.store.read(lambda tx: incidents.listed(tx, ACME, only_live=True))]


@PROTOCOLS
def test_a_gateway_that_publishes_as_another_is_not_heard_and_told_of(site: Site, protocol: str) -> None:
    north, south = site.enrol("north"), site.enrol("south")
    site.connect(south, "south")
    thief = site.connect(north, "north", protocol=protocol)
    for channel in (Channel.EVENT, Channel.STATUS, Channel.PRESENCE, Channel.RECEIPT, Channel.COMMAND):
        _insist(site, thief.link, topic("south", channel), b"an alarm that is none")
    own = topic("north", Channel.EVENT)
    eventually(lambda: thief.link.publish(own, b"what north may say") and _unreadable(site), every_s=0.2)
    assert _unreadable(site) == ["north"]
    eventually(lambda: site.refused(RefusalKind.PUBLISH) >= 5)
    assert "tocsin/v1/acme/south/" in eventually(lambda: site.accused().get("north", ""))
    assert "south" not in site.accused()
    assert site.accused(OTHERS) == {}


def test_a_gateway_gives_no_orders_to_the_brokers_administration_and_forges_no_hub(site: Site) -> None:
    thief = site.connect(site.enrol("north"), "north")
    order = json.dumps({"commands": [{"command": "deleteClient", "username": "tocsin-hub"}]}).encode()
    for forbidden in ("$CONTROL/dynamic-security/v1", "tocsin/v1/acme/hub/status", "$SYS/broker/uptime", "elsewhere"):
        _insist(site, thief.link, forbidden, order)
    eventually(lambda: site.refused(RefusalKind.PUBLISH) >= 4)
    assert site.hub.troubles() == []


SPIED = (
    "tocsin/v1/acme/south/command",
    "tocsin/v1/acme/south/receipt",
    "tocsin/v1/acme/south/event",
    "tocsin/v1/acme/+/command",
    "tocsin/v1/+/north/command",
    "$share/thief/tocsin/v1/acme/south/command",
    "#",
    "$CONTROL/#",
    "tocsin/v1/others/hub/status",
)


@PROTOCOLS
def test_a_gateway_does_not_hear_what_is_for_another(site: Site, protocol: str) -> None:
    own = topic("north", Channel.COMMAND)
    north = site.connect(site.enrol("north"), "north", subscribe=[*SPIED, own], protocol=protocol)
    eventually(lambda: site.refused(RefusalKind.SUBSCRIBE) >= len(SPIED))
    site.enrol("south")
    for channel in (Channel.COMMAND, Channel.RECEIPT):
        assert site.hub._event_link.publish(topic("south", channel), b"for south alone")
    eventually(lambda: site.hub._event_link.publish(topic("north", Channel.COMMAND), b"for north") and north.heard)
    assert set(north.topics()) == {own}
    assert SPIED[0] in eventually(lambda: site.accused().get("north", ""))


@PROTOCOLS
def test_a_forged_last_will_is_never_published_and_told_of(site: Site, protocol: str) -> None:
    north, south = site.enrol("north"), site.enrol("south")
    heard: list[Received] = []
    watching = Connection(
        site.broker.hub, client_id="hub.watch", subscriptions=["tocsin/v1/+/+/status"], on_message=heard.append
    )
    watching.start()
    assert watching.wait_connected(10)
    forged = site.connect(north, "north", will=Will(topic("south", Channel.STATUS), b"gone"), protocol=protocol)
    honest = site.connect(south, "south", will=Will(topic("south", Channel.STATUS), b"mine"), protocol=protocol)
    for one in (forged, honest):
        _cut(one.link)
    eventually(lambda: [message.payload for message in heard if message.topic == topic("south", Channel.STATUS)])
    assert {message.payload for message in heard if "/south/" in message.topic} == {b"mine"}
    eventually(lambda: site.refused(RefusalKind.WILL) >= 1)
    assert "last will" in eventually(lambda: site.accused().get("north", ""))
    watching.stop()


def _cut(link: Connection) -> None:
    assert link._client is not None
    sock = link._client.socket()
    sock.shutdown(2)  # type: ignore[union-attr]


@PROTOCOLS
def test_nobody_takes_over_the_client_id_of_another(site: Site, protocol: str) -> None:
    honest = site.connect(site.enrol("north"), "north")
    thief = site.enrol("south")
    taking = site.connect(thief, "south", client_id="acme.north.alarm", wait=False, protocol=protocol)
    assert site.is_refused(taking.link)
    across = site.connect(thief, "south", "others", client_id="others.north.alarm", wait=False)
    assert site.is_refused(across.link)
    wrong_half = site.connect(thief, "south", client_id="acme.south.presence", wait=False)
    assert site.is_refused(wrong_half.link)
    assert honest.link.connected
    assert len(honest.connected_at) == 1
    eventually(lambda: site.refused(RefusalKind.CONNECT) >= 3)
    assert "a connection" in eventually(lambda: next(iter(site.accused().values()), ""))


def test_a_wrong_password_disturbs_nobody_and_is_told_of(site: Site) -> None:
    credential = site.enrol("north")
    honest = site.connect(credential, "north")
    for wrong in ({"password": "wrong"}, {"username": "acme.nobody.1.alarm"}, {"username": "tocsin-hub"}):
        assert site.is_refused(site.connect(credential, "north", wait=False, **wrong).link)
    assert len(honest.connected_at) == 1
    eventually(lambda: "north" in site.accused())  # the one gateway that lives at this address


def test_without_a_user_name_nobody_comes_in(site: Site) -> None:
    anonymous = MqttSettings(port=site.broker.port, tls_ca_file=site.broker.authority)
    link = Connection(anonymous, client_id="acme.north.alarm")
    link.start()
    assert site.is_refused(link)
    link.stop()


def test_without_tls_nobody_is_answered(site: Site) -> None:
    connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04acme"  # MQTT 3.1.1, client id "acme"
    with socket.create_connection(("127.0.0.1", site.broker.port), timeout=10) as plain:
        plain.sendall(connect)
        answer = b""
        with suppress(ConnectionResetError):
            answer = plain.recv(100)
    assert b"\x20\x02" not in answer  # no CONNACK: an alert of TLS, or the end


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves such sockets to the collector
def test_a_gateway_believes_no_broker_of_another_authority_or_name(site: Site, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from hub import authority

    authority.create(tmp_path / "other", ["127.0.0.1"], datetime.now(UTC))
    credential = site.enrol("north")
    password = tmp_path / "password"
    password.write_text(credential.secret)
    right = site.broker.account(f"{credential.username}.alarm", password)
    others = right.model_copy(update={"tls_ca_file": tmp_path / "other" / "authority.pem"})
    system = right.model_copy(update={"tls_ca_file": None, "tls": True})
    named = right.model_copy(update={"host": "127.1"})
    for settings in (others, system, named):
        link = Connection(settings, client_id="acme.north.alarm")
        link.start()
        eventually(lambda link=link: link.failures)
        assert not link.connected
        link.stop()


def test_a_revoked_gateway_is_cut_off_at_once_and_stays_out(site: Site) -> None:
    credential, other = site.enrol("north"), site.enrol("south")
    links = [site.connect(credential, "north", connection=each) for each in ("alarm", "presence")]
    healthy = site.connect(other, "south")
    assert site.trade.use(credential, "127.0.0.1")
    site.trade.revoke("north")
    site.hub.wake()
    eventually(lambda: not any(one.link.connected for one in links), within_s=WITHIN_S)
    assert all(site.is_refused(one.link) for one in links)
    assert len(healthy.connected_at) == 1
    assert healthy.link.connected
    assert eventually(lambda: site.refused(RefusalKind.CONNECT))
    assert eventually(site.accused)


def test_a_gateway_revoked_by_another_process_is_cut_off_too(site: Site) -> None:
    gateway = site.connect(site.enrol("north"), "north")
    site.trade.revoke("north")  # nobody wakes the hub
    eventually(lambda: not gateway.link.connected, within_s=WITHIN_S)


def test_an_old_generation_is_worth_nothing_once_the_new_one_is_used(site: Site) -> None:
    old = site.enrol("north")
    before = site.connect(old, "north")
    new = site.trade.rotate(old)
    site.hub._keeper.admit()
    assert before.link.connected
    assert site.trade.use(new)
    site.hub.wake()
    eventually(lambda: not before.link.connected, within_s=WITHIN_S)
    assert site.is_refused(before.link)
    assert site.connect(new, "north").link.connected


def test_two_organisations_on_one_broker_never_meet(site: Site) -> None:
    ours, theirs = site.enrol("north", ACME), site.enrol("north", OTHERS)
    spied = [topic("north", channel, OTHERS) for channel in Channel] + ["tocsin/v1/others/#", "tocsin/v1/#"]
    ours_link = site.connect(ours, "north", ACME, subscribe=[*spied, topic("north", Channel.COMMAND)])
    site.connect(theirs, "north", OTHERS)
    eventually(lambda: site.refused(RefusalKind.SUBSCRIBE) >= len(spied))
    for channel in Channel:
        _insist(site, ours_link.link, topic("north", channel, OTHERS), b"x")
    eventually(lambda: ours_link.link.connected)
    for channel in (Channel.COMMAND, Channel.RECEIPT):
        site.hub._event_link.publish(topic("north", channel, OTHERS), b"for others")
    eventually(lambda: site.hub._event_link.publish(topic("north", Channel.COMMAND), b"for us") and ours_link.heard)
    eventually(lambda: site.refused(RefusalKind.PUBLISH) >= len(Channel))
    assert set(ours_link.topics()) == {topic("north", Channel.COMMAND)}
    assert set(site.accused(ACME)) == {"north"}
    assert site.accused(OTHERS) == {}
    for wrong in ({"client_id": "others.north.alarm"}, {"username": f"{theirs.username}.alarm"}):
        assert site.is_refused(site.connect(ours, "north", ACME, wait=False, **wrong).link)


def test_over_https_a_gateway_enrols_and_every_attack_on_that_is_refused_counted_and_told(site: Site) -> None:
    site.serve()
    code, claim = site.trade.code("north"), claim_number()
    with site.https() as client:
        enrolment = Enrolment.model_validate_json(_post(client, code, claim).content)
        credential = enrolment.credential
        assert enrolment.broker.port == site.broker.port
        assert site.connect(credential, "north").link.connected  # the broker knew it before the answer came

        assert _post(client, code, claim_number()).status_code == 403
        assert _keyring(client, credential).status_code == 200
        assert _post(client, "0000-0000-0000", claim).status_code == 403
        assert _post(client, code, claim).status_code == 403
        assert _keyring(client, credential.model_copy(update={"secret": "wrong"})).status_code == 401
        new = Credential.model_validate_json(client.post("/rotation", auth=_auth(credential)).content)
        assert _keyring(client, new).status_code == 200
        assert _keyring(client, credential).status_code == 401
        site.trade.revoke("north")
        assert _keyring(client, new).status_code == 401
    assert site.refused(RefusalKind.CODE_USED) == 2
    assert site.refused(RefusalKind.CODE_UNKNOWN) == 1
    assert site.refused(RefusalKind.CREDENTIAL_WRONG) == 1
    assert site.refused(RefusalKind.CREDENTIAL_ENDED) == 2
    assert set(site.accused()) >= {"north", "127.0.0.1"}
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://127.0.0.1:{site.port}/", verify=ssl.create_default_context())


def _post(client: httpx.Client, code: str, claim: str) -> httpx.Response:
    return client.post("/enrolment", json={"code": code, "claim": claim, "version": "1"})


def _keyring(client: httpx.Client, credential: Credential) -> httpx.Response:
    return client.get("/keyring", auth=_auth(credential))


def _auth(credential: Credential) -> tuple[str, str]:
    return credential.username, credential.secret
