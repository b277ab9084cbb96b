"""docs/getting-started.md is followed, command by command, from an empty machine to a tested alarm."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from protocols import labels
from simulator import site_file
from tests.deploy.commands import parses
from tests.deploy.composefile import ROOT
from tests.deploy.machine import HOST, Machine
from tests.services import Process, eventually, free_port, tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "getting-started.md").read_text("utf-8")
BLOCK = re.compile(r"^```sh (server|gateway)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = "SSSS-SSSS-SSSS-FFFF-FFFF-FFFF-FFFF"
GATEWAY = "hall-pi"
WORLD = """seed = 1
[air]
loss = 0.2
[[places]]
name = "hall"
at = [0, 0]
[[gateways]]
name = "{gateway}"
place = "hall"
[[people]]
name = "alice"
place = "hall"
label = "{label}"
"""


class Afternoon:
    """The two machines of the page, a building with a radio in it, and somebody who types what the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.label = self._new_label()
        self._site = self._open_site()
        self.site = site_file.find(folder / "site")
        ports = {"8443": str(free_port()), "8883": str(free_port())}
        radio = {"RADIO": str(folder / "site"), "GATEWAY": GATEWAY}
        mail = [
            ('"smtp.example.org"', '"127.0.0.1"'),
            ("port = 587$", f"port = {self.site.smtp_port}"),
            ('"starttls"', '"none"'),
            ('username = "tocsin@example.org"', ""),
        ]
        self.machines = {
            "server": Machine(folder / "server", ports, mail, {"SMTP_PASSWORD": "unused"}),
            "gateway": Machine(folder / "gateway", ports, [], radio),
        }
        self._code = ""

    def follow(self, part: str) -> str:
        """Type the blocks of one part of the page; what the server printed."""
        said = ""
        for machine, block in BLOCK.findall(_part(part)):
            typed = self.label + "\n" if "device add" in block else ""
            printed = self.machines[machine].run(block.replace(CODE, self._code), typed)
            self._code = (re.findall(r"--code (\S+)", printed) or [self._code])[-1]
            said += printed if machine == "server" else ""
        return said

    def simulate(self, *words: str) -> str:
        command = tocsin("simulate", *words, "--state", str(self.folder / "site"))
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def mails(self) -> list[dict[str, str]]:
        return list(httpx.get(f"{self.site.api}/mail").raise_for_status().json())

    def close(self) -> None:
        for machine in self.machines.values():
            machine.stop()
        self._site.stop()

    def _new_label(self) -> str:
        """As section 7 of the page has it."""
        made = subprocess.run(tocsin("hub", "device", "new", "--text"), check=True, capture_output=True, text=True)
        return made.stdout.split("\t")[1]

    def _open_site(self) -> Process:
        world = self.folder / "world.toml"
        world.write_text(WORLD.format(gateway=GATEWAY, label=self.label), "utf-8")
        command = tocsin("simulate", "site", str(world), "--state", str(self.folder / "site"))
        site = Process(command, log=self.folder / "site.log")
        site.start()
        eventually((self.folder / "site" / site_file.FILE).exists, within_s=60)
        return site


def _part(number: str) -> str:
    """From a heading to the next."""
    return re.split(r"(?m)^## ", PAGE.partition(f"\n## {number}")[2])[0]


@pytest.fixture(scope="module")
def afternoon() -> Iterator[Afternoon]:
    with tempfile.TemporaryDirectory(prefix="tocsin-page-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        one = Afternoon(Path(folder))
        try:
            yield one
        finally:
            one.close()


def test_the_server_is_installed_and_starts(afternoon: Afternoon) -> None:
    for part in ("1.", "2.", "3."):
        afternoon.follow(part)
    assert "The hub is well." in afternoon.follow("4.")
    eventually(lambda: [mail for mail in afternoon.mails() if mail["recipients"] == ["ann@example.org"]])


def test_people_and_a_gateway_are_made_known(afternoon: Afternoon) -> None:
    assert afternoon.follow("5.").count("Password of") == 2
    assert re.search(rf"{GATEWAY} +enrolled", afternoon.follow("6."))


def test_an_alarm_is_enrolled_and_a_session_logged(afternoon: Afternoon) -> None:
    label = labels.read(afternoon.label)
    assert str(label.address) in afternoon.follow("7.")
    afternoon.follow("8.")


def test_pressed_it_sends_an_email_and_its_light_says_so(afternoon: Afternoon) -> None:
    afternoon.simulate("hold", "alice")
    mail = eventually(
        lambda: next((mail for mail in afternoon.mails() if "Alice" in mail["subject"]), None), within_s=60
    )
    assert mail["recipients"] == ["sam@example.org"]
    eventually(lambda: "LED stored" in afternoon.simulate("people"), within_s=60)
    eventually(lambda: re.search(r"alice +Alarm 1 +heard", afternoon.follow("9.")), within_s=60, every_s=1)
    assert "at hall until" in afternoon.follow("9.")


def test_what_comes_afterwards_works_too(afternoon: Afternoon) -> None:
    afternoon.follow("Afterwards")
    server = afternoon.machines["server"].folder
    assert list((server / "var/backups/tocsin").iterdir())
    assert (server / "var/lib/tocsin-hub/hub.db").exists()


def test_every_block_of_the_page_has_been_followed() -> None:
    followed = [
        block
        for part in ("1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "9.", "Aft")
        for block in BLOCK.findall(_part(part))
    ]
    assert followed == BLOCK.findall(PAGE)
    assert PAGE.count("```") == 2 * len(followed)


@pytest.mark.parametrize("page", ["getting-started", "deployment"])
def test_every_command_in_the_text_is_one_that_tocsin_has(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    named = set(re.findall(r"`tocsin ([^`]+)`|docker compose exec hub tocsin (.+)", text))
    assert len(named) > 3
    for words in named:
        assert parses(shlex.split("".join(words)))


def test_there_is_one_name_to_be_replaced() -> None:
    assert set(re.findall(r"https://([^:/`\s]+)|--host (\S+)", PAGE.replace("`", " "))) == {(HOST, ""), ("", HOST)}
