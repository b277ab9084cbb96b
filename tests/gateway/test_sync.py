"""Keys and credential, kept as the hub has them: on virtual time, with real files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateway.domain.keyring import Keyring
from gateway.domain.membership import State
from gateway.enrolment.errors import BusyError, FileError, NotAHubError, UnknownCredentialError, UnreachableError
from gateway.enrolment.files import Files, Identity
from gateway.enrolment.sync import ASK_EVERY_S, Sync
from protocols.enrolment import BrokerAddress, Credential, DeviceKey, Enrolment
from tests.gateway.air import ADDRESS, OTHER, START, Time
from tests.gateway.office import Records, credential

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protocols import enrolment

LATER = START + timedelta(days=60)


def key(generation: int, address: str = ADDRESS) -> DeviceKey:
    return DeviceKey(address=address, enrolment=1, generation=generation, key=bytes([generation]) * 16)


class KilledError(BaseException):
    """The power went."""


class Hub:
    """The hub, asked without a network between.

    Attributes:
        trouble: raised instead of an answer.
        named: which keys the gateway said that it has, each time it asked.
        unanswered: how many answers get lost after the hub did what it was asked.
    """

    def __init__(self) -> None:
        self.records = Records()
        self.records.proved = 1
        self.trouble: Exception | None = None
        self.cut: Callable[[], None] = lambda: None
        self.lost = 0
        self.refusals: list[int] = []
        self.named: list[str | None] = []

    def keyring(self, credential: Credential, *, known: str | None) -> enrolment.Keyring | None:
        self.named.append(known)
        self._let_in(credential)
        ring = self.records.keyring(credential.generation)
        self._answer()
        return None if ring.version == known and not ring.rotate else ring

    def rotate(self, credential: Credential) -> Credential:
        self._let_in(credential)
        self.records.keyring(credential.generation)
        new = self.records.next().model_copy(update={"rotate_after": LATER})
        self._answer()
        return new

    def _let_in(self, credential: Credential) -> None:
        self.cut()
        if self.trouble is not None:
            raise self.trouble
        if not self.records.is_good(credential.generation):
            self.refusals.append(credential.generation)
            raise UnknownCredentialError("not good")

    def _answer(self) -> None:
        self.cut()
        if self.lost:
            self.lost -= 1
            raise UnreachableError("hub", "the answer got lost")


class Line:
    """An MQTT connection: up a second after it was told to use a credential that the broker knows."""

    def __init__(self, site: Site, begin: Credential) -> None:
        self._site = site
        self.credential = begin
        self.since = float("-inf")

    @property
    def connected(self) -> bool:
        good = self._site.hub.records.is_good(self.credential.generation) and not self._site.broker_is_behind
        return good and self._site.time.ticks - self.since >= 1

    def use(self, credential: Credential) -> None:
        self._site.cut()
        self.credential, self.since = credential, self._site.time.ticks
        self._site.cut()


class CutFiles(Files):
    """Files that the power may fail around."""

    def __init__(self, directory: Path, site: Site) -> None:
        super().__init__(directory)
        self._site = site

    def save(self, identity: Identity) -> None:
        self._site.cut()
        if self._site.disk_is_full:
            raise FileError("identity.json", "can't be written: no space left")
        super().save(identity)
        self._site.cut()

    def save_keys(self, keys: Any) -> None:
        if self._site.disk_is_full:
            raise FileError("keyring.json", "can't be written: no space left")
        super().save_keys(keys)


class Site:
    """A gateway's enrolment, its hub, its broker, and a power switch."""

    def __init__(self, directory: Path, *, rotate_after: datetime = LATER) -> None:
        self.time = Time()
        self.hub = Hub()
        self.hub.cut = self.cut
        self.broker_is_behind = self.disk_is_full = False
        self.cut_at: int | None = None
        self.operations = 0
        self.without_alarm_s = 0.0
        self.longest_without_alarm_s = 0.0
        self._files = CutFiles(directory, self)
        enrolled = Enrolment(
            organisation="charity",
            gateway="porch",
            place=None,
            place_name=None,
            hub_url="https://hub",
            authority=None,
            broker=BrokerAddress(host="hub", port=8883, tls=True),
            credential=credential(1, rotate_after=rotate_after),
        )
        Files(directory).save(Identity(enrolment=enrolled))
        self.start()

    def cut(self) -> None:
        self.operations += 1
        if self.operations == self.cut_at:
            raise KilledError

    def start(self) -> None:
        """The program starts, with what is on the disk."""
        identity = self._files.identity()
        assert identity is not None
        self.keyring = Keyring()
        self.lines = {name: Line(self, identity.newest) for name in ("presence", "alarm")}
        self.sync = Sync(self._files, identity, self.keyring, self.hub, self.lines)

    @property
    def kept(self) -> Identity:
        identity = Files(self._files.directory).identity()
        assert identity is not None
        return identity

    def run(self, seconds: float, *, every_s: float = 0.25) -> None:
        """Let time pass; after a power cut the program starts again."""
        for _ in range(int(seconds / every_s)):
            now = self.time.pass_(every_s)
            try:
                self.sync.step(now)
            except KilledError:
                self.start()
            self._look(every_s)

    def _look(self, every_s: float) -> None:
        self.without_alarm_s = 0.0 if self.lines["alarm"].connected else self.without_alarm_s + every_s
        self.longest_without_alarm_s = max(self.longest_without_alarm_s, self.without_alarm_s)

    def generations(self) -> dict[str, int]:
        return {name: line.credential.generation for name, line in self.lines.items()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_keys_are_fetched_and_take_effect_without_a_restart(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    assert site.keyring.of(ADDRESS) == (key(1),)
    site.hub.records.keys = (key(2), key(1), key(1, OTHER))
    site.run(ASK_EVERY_S)
    assert site.keyring.of(ADDRESS) == (key(2), key(1))
    assert OTHER in site.keyring


def test_the_hub_is_told_within_seconds_which_keys_are_here_and_not_asked_more_often_for_it(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(0.5)
    assert site.hub.named == [None]
    site.run(2)
    first = site.hub.named[-1]
    assert site.hub.named == [None, first]
    assert first is not None
    site.run(ASK_EVERY_S)
    site.hub.records.keys = (key(2), key(1))
    site.run(ASK_EVERY_S + 2)
    assert site.hub.named[:4] == [None, first, first, first]
    assert len(site.hub.named) == 5
    assert site.hub.named[-1] not in {None, first}


def test_keys_that_did_not_change_are_not_written_again(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    before = site.keyring.keys
    path = site._files.directory / "keyring.json"
    path.unlink()
    site.run(10 * ASK_EVERY_S)
    assert site.keyring.keys is before
    assert not path.exists()


def test_after_a_start_without_network_it_hears_whom_it_heard_before(site: Site) -> None:
    site.hub.records.keys = (key(2),)
    site.run(1)
    site.hub.records.keys = (key(3),)
    site.run(ASK_EVERY_S)
    site.hub.trouble = UnreachableError("hub", "no route")
    site.start()
    assert site.keyring.of(ADDRESS) == (key(3),)
    assert site.keyring.former == {ADDRESS: (key(2),)}


def test_keys_that_can_t_be_written_count_all_the_same_and_are_written_later(site: Site) -> None:
    site.disk_is_full = True
    site.hub.records.keys = (key(1),)
    site.run(1)
    assert ADDRESS in site.keyring
    assert site.sync.failures == {"File": 1}
    site.disk_is_full = False
    site.run(ASK_EVERY_S)
    assert site._files.keys() is not None


def test_a_keyring_file_that_is_damaged_is_fetched_anew(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    (site._files.directory / "keyring.json").write_text("{")
    site.start()
    assert len(site.keyring) == 0
    site.run(1)
    assert ADDRESS in site.keyring


@pytest.mark.parametrize(
    "trouble",
    [UnreachableError("hub", "no route"), NotAHubError("hub", "<html>"), BusyError(503, "the database is away")],
)
def test_a_hub_that_is_down_or_talks_nonsense_never_makes_it_forget(site: Site, trouble: Exception) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    site.hub.trouble = trouble
    site.run(3600, every_s=5)
    assert site.keyring.of(ADDRESS) == (key(1),)
    assert (site.sync.revoked, site.sync.answered) == (False, False)


def test_a_revoked_gateway_forgets_the_keys_after_a_minute_for_good(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    site.hub.records.live = set()
    site.run(60)
    assert (site.sync.membership.state, len(site.keyring)) == (State.DOUBTED, 1)
    site.run(60)
    assert site.sync.revoked
    assert (len(site.keyring), site._files.keys()) == (0, None)
    assert site.kept.revoked_at is not None
    site.start()
    assert site.sync.revoked
    assert len(site.keyring) == 0


def test_one_refusal_among_answers_forgets_nothing(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    for _ in range(5):
        site.run(ASK_EVERY_S)
        site.hub.records.live = set()
        site.run(ASK_EVERY_S)
        site.hub.records.live = {1}
    assert not site.sync.revoked
    assert ADDRESS in site.keyring


def test_a_hub_that_knows_it_again_gives_it_its_keys_again(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    site.hub.records.live = set()
    site.run(120)
    assert site.sync.revoked
    site.hub.records.live = {1}
    site.run(301)
    assert not site.sync.revoked
    assert ADDRESS in site.keyring
    assert site.kept.revoked_at is None


def test_an_organisation_without_devices_is_believed(site: Site) -> None:
    site.hub.records.keys = (key(1),)
    site.run(1)
    site.hub.records.keys = ()
    site.run(ASK_EVERY_S)
    assert len(site.keyring) == 0
    assert not site.sync.revoked


# Rotation


def is_settled(site: Site, generation: int) -> bool:
    kept = site.kept
    return (
        site.generations() == {"presence": generation, "alarm": generation}
        and all(line.connected for line in site.lines.values())
        and (kept.credential.generation, kept.coming) == (generation, None)
        and site.hub.records.live == {generation}
    )


def test_when_it_is_time_a_new_credential_follows_and_alarms_lose_their_connection_for_a_moment(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, rotate_after=START + timedelta(seconds=100))
    site.run(99)
    assert site.generations() == {"presence": 1, "alarm": 1}
    site.run(30)
    assert is_settled(site, 2)
    assert site.longest_without_alarm_s <= 1
    assert site.hub.refusals == []


def test_when_the_hub_asks_for_it_it_rotates_whatever_the_date(site: Site) -> None:
    site.hub.records.rotate = True
    site.run(30)
    assert is_settled(site, 2)


def test_presence_tries_the_new_credential_before_alarms_do(site: Site) -> None:
    site.hub.records.rotate = True
    site.run(0.5)
    assert site.generations() == {"presence": 2, "alarm": 1}
    assert site.hub.records.live == {1, 2}


def test_a_broker_that_does_not_know_the_new_credential_costs_no_alarm(site: Site) -> None:
    site.hub.records.rotate = True
    site.run(0.25)
    site.hub.records.live = {1}
    site.run(60)
    assert site.generations() == {"presence": 1, "alarm": 1}
    assert site.longest_without_alarm_s <= 1
    site.run(120)
    assert is_settled(site, 2)


def test_a_clock_that_is_years_ahead_makes_no_circle_of_rotations(tmp_path: Path) -> None:
    site = Site(tmp_path, rotate_after=START)
    site.time.step_wall(86400 * 3650)
    site.run(590)
    assert site.generations() == {"presence": 2, "alarm": 2}


def test_a_disk_that_is_full_puts_the_rotation_off_and_nothing_else(site: Site) -> None:
    site.disk_is_full = True
    site.hub.records.rotate = True
    site.run(50)
    assert site.generations() == {"presence": 1, "alarm": 1}
    assert site.hub.records.proved == 1
    site.disk_is_full = False
    site.run(60)
    assert is_settled(site, 2)


@pytest.mark.parametrize("lost", range(1, 6))
def test_answers_that_get_lost_cost_no_more_than_time(site: Site, lost: int) -> None:
    site.run(1)
    site.hub.records.rotate = True
    site.run(ASK_EVERY_S - 1.25)
    site.hub.lost = lost
    site.run(900)
    assert is_settled(site, 2)


def test_killed_at_any_point_of_a_rotation_it_works_again(tmp_path: Path) -> None:
    whole = Site(tmp_path / "whole")
    whole.hub.records.rotate = True
    whole.run(20)
    assert is_settled(whole, 2)
    for point in range(1, whole.operations + 1):
        site = Site(tmp_path / str(point))
        site.cut_at = point
        site.hub.records.rotate = True
        site.run(40)
        assert site.operations > point
        assert is_settled(site, 2), point
        assert site.hub.refusals == [], point
        assert site.longest_without_alarm_s <= 1, point


def test_a_hub_restored_from_a_backup_that_knows_only_the_credential_before_gets_that_one(site: Site) -> None:
    site.hub.records.rotate = True
    site.run(30)
    assert is_settled(site, 2)
    site.hub.records.live, site.hub.records.proved = {1}, 1
    site.run(ASK_EVERY_S + 3)
    assert not site.sync.revoked
    assert site.generations() == {"presence": 1, "alarm": 1}
    assert all(line.connected for line in site.lines.values())
    assert site.kept.credential.generation == 1


def test_a_revoked_gateway_in_the_middle_of_a_rotation_is_revoked(site: Site) -> None:
    site.hub.records.rotate = True
    site.run(0.5)
    site.hub.records.live = set()
    site.run(200)
    assert site.sync.revoked
    assert len(site.keyring) == 0
