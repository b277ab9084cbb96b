from __future__ import annotations

import asyncio
import contextlib
import re
import smtplib
import tempfile
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from bleak import BleakScanner

from device import language
from protocols.ble import bthome, gatt
from protocols.events import Cause
from simulator import page, serving, site_file
from simulator.access import Access
from simulator.adapter import hci_adapter, local_adapter
from simulator.backstage import BackstageView
from simulator.bleak_backend import installed
from simulator.pacer import Pacer
from simulator.page.live import Live
from simulator.pattern_css import patterns, stylesheet
from simulator.radio import VirtualLink
from simulator.shared_time import SharedTime
from simulator.site import Site
from simulator.stage import Stage
from simulator.stranger import Stranger
from simulator.virtual_time import run
from simulator.whereabouts import Whereabouts
from simulator.world import World
from tests.simulator.air import beacon, service_data, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from bleak.backends.scanner import AdvertisementData

    from simulator.backstage import Backstage

    Trick = Callable[[Stranger, str], Coroutine[None, None, None]]


WORLD = World.model_validate(
    {
        "seed": 3,
        "air": {"loss": 0, "fading_db": 0},
        "places": [{"name": "desk", "at": (0, 0)}, {"name": "yard", "at": (40, 0)}],
        "gateways": [{"name": "front", "place": "desk"}, {"name": "back", "place": "yard"}],
        "people": [{"name": "alice", "place": "desk", "device": {"idle_interval_ms": 100}}],
        "strangers": [{"name": "shop", "place": "desk"}],
    }
)


def site() -> Site:
    return Site(WORLD, now=lambda: datetime(2026, 11, 22, 9, 30, tzinfo=UTC))


def _stage(world: Site) -> Stage:
    with tempfile.TemporaryDirectory() as folder:
        pacer = Pacer(SharedTime.create(Path(folder) / "time"))
    return Stage(Access(world, asyncio.get_running_loop()), pacer)


@contextlib.asynccontextmanager
async def standing() -> AsyncIterator[Stage]:
    world = site()
    await world.open()
    try:
        yield _stage(world)
    finally:
        await world.close()


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[httpx.AsyncClient, Site]]:
    world = site()
    await world.open()
    transport = httpx.ASGITransport(page.create(_stage(world)))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, world
    finally:
        await world.close()


def test_a_site_serves_its_page_and_says_where_its_ports_are(tmp_path: Path) -> None:
    with serving.opened(WORLD, tmp_path) as hosted:
        ports = site_file.find(tmp_path)
        assert httpx.get(ports.api).headers["content-type"].startswith("text/html")
        assert ports.hci == {name: port.where for name, port in hosted.site.ports.items()}
        assert ports.smtp_port == hosted.site.mailbox.port
    assert not (tmp_path / site_file.FILE).exists()


async def test_what_is_done_to_a_person_is_on_the_air_and_on_the_api() -> None:
    async with running() as (client, world):
        alice = (await client.get("/people/alice")).json()
        assert (alice["is_on"], alice["led"], alice["cause"]) == (True, "off", "heartbeat")
        heard: list[Cause] = []
        with installed({"hci0": hci_adapter(world.ports["front"].where)}):
            async with BleakScanner(lambda device, data: heard.extend(_cause(world, device.address, data))):
                assert (await client.post("/people/alice/remove", json={})).status_code == 202
                await until(lambda: Cause.REMOVED in heard)
        assert (await client.get("/people/alice")).json()["worn"] is False


def _cause(world: Site, address: str, data: AdvertisementData) -> Iterator[Cause]:
    alice = world.people["alice"].make
    if address == alice.address:
        yield bthome.decode(alice.address, alice.working_key(), data.service_data[gatt.BTHOME_SERVICE_DATA]).cause


async def test_the_api_says_who_is_there_and_where_the_ports_are() -> None:
    async with running() as (client, world):
        gateways = (await client.get("/gateways")).json()
        assert [(gateway["name"], gateway["hci"]) for gateway in gateways] == [
            (name, port.where) for name, port in world.ports.items()
        ]
        assert not gateways[0]["host_connected"]
        known = (await client.get("/world")).json()
        assert known["devices"] == [
            {
                "name": "alice",
                "address": world.people["alice"].make.address,
                "key": world.people["alice"].make.key.hex(),
            }
        ]
        assert [place["name"] for place in known["places"]] == ["desk", "yard"]


async def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    async with running() as (client, _):
        nobody = await client.post("/people/zoe/press", json={})
        assert nobody.status_code == 404
        assert nobody.json()["detail"] == "no person 'zoe'; there are alice"
        assert (await client.post("/people/alice/walk", json={"place": "moon"})).status_code == 404
        assert (await client.post("/people/alice/dance", json={})).status_code == 422
        assert (await client.post("/people/alice/battery", json={"percent": 101})).status_code == 422


async def test_a_foreign_page_can_change_nothing() -> None:
    async with running() as (client, world):
        form = await client.post("/people/alice/smash", data={"a": "b"})
        rebound = await client.post("/people/alice/smash", json={}, headers={"Host": "evil.example"})
        said = [
            await client.post("/people/alice/smash", json={}, headers=headers)
            for headers in ({"Origin": "http://127.0.0.1:9"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"})
        ]
        assert (form.status_code, rebound.status_code) == (415, 400)
        assert [answer.status_code for answer in said] == [403, 403, 403]
        assert world.people["alice"].is_on


async def test_faults_are_changed_one_by_one() -> None:
    async with running() as (client, world):
        await client.post("/faults", json={"loss": 0.65, "muted": ["alice"]})
        await client.post("/faults", json={"jammed": True})
        assert (await client.get("/faults")).json() == {
            "jammed": True,
            "jammer": "",
            "muted": ["alice"],
            "loss": 0.65,
            "loss_at": {},
            "repeats": 0.0,
            "mail_refused": False,
        }
        assert world.link.faults.cuts("alice", "front")
        assert (await client.post("/faults", json={"lost": 1})).status_code == 422


async def test_a_flat_battery_and_a_smash_switch_the_alarm_off_and_it_can_be_switched_on_again() -> None:
    async with running() as (client, world):
        alarm = world.people["alice"]
        flat = (await client.post("/people/alice/battery", json={"percent": 0})).json()
        assert (flat["is_on"], flat["led"]) == (False, "off")
        alarm.battery_percent = 90
        await client.post("/people/alice/switch-on", json={})
        await until(lambda: alarm.is_on)
        await client.post("/people/alice/smash", json={})
        await until(lambda: not alarm.is_on)


async def test_mail_is_kept_and_can_be_read() -> None:
    async with running() as (client, world):
        await asyncio.to_thread(send, world.mailbox.port, "RED ALERT: panic", "Alice needs help: £5 § ü")
        await asyncio.to_thread(send, world.mailbox.port, "second", "x")
        mails = (await client.get("/mail")).json()
        assert [mail["subject"] for mail in mails] == ["second", "RED ALERT: panic"]
        mail = (await client.get("/mail/1")).json()
        assert mail["recipients"] == ["supervisor@example.org"]
        assert mail["text"].strip() == "Alice needs help: £5 § ü"
        assert mail["at"] == "2026-11-22T09:30:00.000+00:00"
        assert [mail["number"] for mail in (await client.get("/mail?since=1")).json()] == [2]
        assert (await client.get("/mail/9")).status_code == 404
        await client.request("DELETE", "/mail", json={})
        assert (await client.get("/mail")).json() == []


async def test_a_mailbox_that_refuses_says_so_and_keeps_nothing() -> None:
    async with running() as (client, world):
        await client.post("/faults", json={"mail_refused": True})
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            await asyncio.to_thread(send, world.mailbox.port, "lost", "x")
        assert (await client.get("/mail")).json() == []
        assert world.mailbox.refused == 1


def send(port: int, subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "hub@example.org"
    message["To"] = "supervisor@example.org"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(message)


async def test_the_page_runs_under_a_policy_without_anything_inline() -> None:
    async with running() as (client, _):
        shown = await client.get("/")
        assert "unsafe" not in shown.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|https?://", shown.text)
        for asset in re.findall(r'(?:src|href)="([^"]+)"', shown.text):
            assert (await client.get(asset)).status_code == 200


def test_every_light_and_sound_of_the_device_has_its_animation() -> None:
    css = stylesheet()
    for kind, known in (("led", language.LED), ("buzzer", language.BUZZER), ("vibration", language.VIBRATION)):
        for name, pattern in known.items():
            assert (f".{kind}-{name} " in css) == bool(pattern.steps)
    assert "--lit: var(--green); animation: led-stored 1000ms step-end infinite;" in css
    assert "@keyframes led-stored { 0.000% { opacity: 1; } 10.000% { opacity: 0; } }" in css


def test_every_pattern_of_the_buzzer_can_be_heard() -> None:
    assert set(patterns()) == {name for name, pattern in language.BUZZER.items() if pattern.steps}
    assert patterns()[language.STORED] == {"steps": ((80, 0),), "repeats": 1}


def test_a_stranger_is_heard_and_is_nobody_of_ours() -> None:
    async def main() -> None:
        world = site()
        await world.open()
        heard = []
        with installed({"hci0": local_adapter(world.link, "ear", "F0:00:00:00:00:01")}):
            world.where._fixed["ear"] = (1.0, 0.0)
            async with BleakScanner(lambda device, data: heard.append((device.address, data))):
                world.do(world.stranger("shop").press())
                await asyncio.sleep(5)
        pressed = [data for address, data in heard if address == WORLD.make("shop").address]
        frames = {data.service_data[gatt.BTHOME_SERVICE_DATA][-2:] for data in pressed}
        assert frames == {b"\x3a\x00", b"\x3a\x01"}
        await world.close()

    run(main())


@pytest.mark.parametrize("trick", [Stranger.replay, Stranger.forge])
def test_what_a_stranger_says_for_somebody_is_old_or_not_authentic(trick: Trick) -> None:
    async def main() -> tuple[list[bytes], list[bytes]]:
        world = site()
        await world.open()
        await asyncio.sleep(60)
        before = [frame.data for frame in world.link.said("alice")]
        await trick(world.stranger("shop"), "alice")
        address = world.link.said("alice")[-1].address
        said = [frame.data for frame in world.link.said("shop") if frame.address == address]
        await world.close()
        return before, said

    before, said = run(main())
    assert len(said) > 3
    if trick is Stranger.replay:
        assert max(map(_counter, said)) < max(map(_counter, before))
        assert all(map(_is_authentic, said))
    else:
        assert not any(map(_is_authentic, said))


def _counter(data: bytes) -> int:
    return int.from_bytes(data[-8:-4], "little")


def _is_authentic(data: bytes) -> bool:
    make = WORLD.make("alice")
    try:
        bthome.decode(make.address, make.working_key(), data[7:])
    except bthome.AuthenticationError:
        return False
    return True


def test_a_jammer_deafens_who_stands_near_it_and_nobody_else() -> None:
    where = Whereabouts(WORLD)
    where.jammer = "desk"
    assert where.between("front", "alice") is None
    where.put("alice", (20.0, 0.0))
    assert where.between("front", "alice") is not None
    assert where.between("alice", "front") is None


def test_who_was_moved_can_be_sent_home_and_goes_on_along_their_route() -> None:
    walking = World.model_validate(
        WORLD.model_dump() | {"people": [{"name": "alice", "place": "desk", "route": ["yard", "desk"], "pause_s": 0}]}
    )
    where = Whereabouts(walking)
    where.put("alice", (7.0, 7.0))
    for second in range(20):
        where.step(second)
    assert where.position("alice") == (7.0, 7.0)
    where.send_home("alice")
    assert where.position("alice") == (0.0, 0.0)
    for second in range(20, 25):
        where.step(second)
    assert where.position("alice")[0] > 0


async def test_everything_as_it_was_mends_the_world() -> None:
    async with running() as (client, world):
        await client.post("/faults", json={"jammed": True, "jammer": "desk", "mail_refused": True})
        await client.post("/people/alice/smash", json={})
        await client.post("/people/alice/put", json={"at": [9, 9]})
        assert (await client.post("/mend", json={})).status_code == 200
        faults = (await client.get("/faults")).json()
        assert (faults["jammed"], faults["jammer"], faults["mail_refused"]) == (False, "", False)
        assert world.people["alice"].is_on
        assert world.where.position("alice") == (0.0, 0.0)


async def test_a_button_is_down_as_long_as_a_finger_is_on_it() -> None:
    async with running() as (client, world):
        await client.post("/people/alice/button", json={"pressed": True})
        await until(lambda: world.people["alice"].core.output.led == language.SENDING, within_s=10)
        assert (await client.post("/people/alice/button", json={"pressed": False})).status_code == 200


class Slow:
    """Programs that take their time to say how they are."""

    def __init__(self) -> None:
        self.answered = threading.Event()

    def look(self) -> None:
        self.answered.wait(30)

    def view(self) -> BackstageView:
        return BackstageView(parts={}, gateways={}, alarms=[], faults=[])


async def test_a_page_that_comes_while_a_slow_look_for_the_last_one_goes_on_is_shown_everything() -> None:
    async with standing() as stage:
        slow = Slow()
        stage.around = cast("Backstage", slow)
        live = Live(stage)
        for rate in (2, 10):
            stage.pacer.wish(rate)
            await _shown(live, f'"wished":{rate}')
            await until(lambda: any(task.done() for task in live._tasks.values()))
        slow.answered.set()


async def _shown(live: Live, words: str) -> None:
    stream = live.stream()
    async with asyncio.timeout(10):
        async for event in stream:
            if words in str(event.raw_data):
                break
    await stream.aclose()


async def test_an_unknown_jammer_or_rate_changes_nothing() -> None:
    async with running() as (client, _):
        assert (await client.post("/faults", json={"jammer": "moon"})).status_code == 404
        assert (await client.post("/time", json={"rate": 61})).status_code == 422
        assert (await client.post("/parts/hub/kill", json={})).status_code == 404


def test_who_walks_is_handed_from_one_gateway_to_the_other() -> None:
    async def main() -> None:
        where = Whereabouts(WORLD)
        link = VirtualLink(where, seed=1)
        station = await beacon(link, "alice")
        await station.say(service_data(b"x"))
        ears = {name: local_adapter(link, name, f"F0:00:00:00:00:0{n}") for n, name in enumerate(("front", "back"))}
        strength: dict[str, list[int]] = {"front": [], "back": []}
        with installed(ears):
            where.send("alice", "yard")
            async with _ear(strength, "front"), _ear(strength, "back"):
                for second in range(40):
                    where.step(second)
                    await asyncio.sleep(1)
        assert strength["front"] == sorted(strength["front"], reverse=True)
        assert strength["back"] == sorted(strength["back"])
        assert strength["front"][0] > strength["back"][0]

    run(main())


def _ear(strength: dict[str, list[int]], name: str) -> BleakScanner:
    return BleakScanner(lambda _, data: strength[name].append(data.rssi), bluez={"adapter": name})
