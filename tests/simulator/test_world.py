from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocols.ids import Address
from simulator.radio import Reception
from simulator.whereabouts import Whereabouts
from simulator.world import UnknownNameError, World, load
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """
seed = 7

[air]
fading_db = 0
loss = 0

[[places]]
name = "desk"
at = [0, 0]

[[places]]
name = "yard"
at = [40, 0]

[[gateways]]
name = "hall"
place = "desk"

[[people]]
name = "alice"
place = "desk"
"""


def world(text: str, path: Path) -> World:
    file = path / "world.toml"
    file.write_text(text)
    return load(file)


def test_devices_follow_from_the_seed_and_the_name(tmp_path: Path) -> None:
    one = world(SMALL, tmp_path)
    same = world(SMALL, tmp_path)
    other = world(SMALL.replace("seed = 7", "seed = 8"), tmp_path)
    assert one.make("alice") == same.make("alice")
    assert one.make("alice").key != other.make("alice").key
    assert one.make("alice").address != one.make("bob").address
    assert Address(one.make("alice").address).octets[0] >> 6 == 0b11


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("seed = 7", "sede = 7"), "sede: Extra inputs are not permitted"),
        (("seed = 7", ""), "seed: Field required"),
        (("loss = 0", "loss = 2"), "air.loss: Input should be less than or equal to 1"),
        (('place = "desk"\n\n[[people]]', 'place = "dest"\n\n[[people]]'), "hall: no place 'dest'"),
        (('name = "alice"', 'name = "hall"'), "there are two of 'hall'"),
        (('name = "alice"', 'name = "Alice!"'), "people.0.name: String should match pattern"),
        (("[[people]]", '[[links]]\nbetween = ["hall", "bob"]\nloss = 0.5\n[[people]]'), "nobody is called 'bob'"),
        (('name = "alice"', 'name = "alice"\ndevice = { long_pres_ms = 1 }'), "long_pres_ms = 1: no such setting"),
        (("[[people]]", "[[people"), "is not TOML"),
    ],
)
def test_a_world_file_with_an_error_says_where_and_what(change: tuple[str, str], problem: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        world(SMALL.replace(*change), tmp_path)
    assert str(tmp_path / "world.toml") in str(refused.value)
    assert problem in str(refused.value)


def test_a_missing_world_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read: No such file"):
        load(tmp_path / "world.toml")


def test_nearer_is_stronger_and_far_away_is_nothing(tmp_path: Path) -> None:
    near = Whereabouts(world(SMALL.replace("[40, 0]", "[10, 0]"), tmp_path))
    far = Whereabouts(world(SMALL.replace("[40, 0]", "[4000, 0]"), tmp_path))
    assert near.between("alice", "hall") == Reception(-33)
    for where in (near, far):
        where.send("alice", "yard")
        where.step(0)
        where.step(10_000)
    assert near.between("alice", "hall") == Reception(-85)
    assert far.between("alice", "hall") is None


def test_a_wall_in_between_costs_its_decibels_and_one_beside_costs_nothing(tmp_path: Path) -> None:
    def strength(wall: str) -> int:
        where = Whereabouts(world(SMALL.replace("[40, 0]", "[10, 0]") + wall, tmp_path))
        where.send("alice", "yard")
        where.step(0)
        where.step(10_000)
        reception = where.between("alice", "hall")
        assert reception is not None
        return reception.rssi_dbm

    between = "[[walls]]\nstart = [5, -3]\nend = [5, 3]\nloss_db = 7\n"
    beside = "[[walls]]\nstart = [5, 1]\nend = [5, 3]\nloss_db = 7\n"
    assert strength("") - strength(between) == 7
    assert strength("") == strength(beside)


def test_the_loss_of_a_link_comes_on_top_of_the_loss_of_the_air(tmp_path: Path) -> None:
    lossy = SMALL.replace("loss = 0", "loss = 0.5") + '[[links]]\nbetween = ["alice", "hall"]\nloss = 0.5\n'
    reception = Whereabouts(world(lossy, tmp_path)).between("alice", "hall")
    assert reception is not None
    assert reception.loss == 0.75


def test_people_walk_their_route_at_their_pace_and_rest_in_between(tmp_path: Path) -> None:
    walking = SMALL.replace('name = "alice"', 'name = "alice"\nroute = ["yard", "desk"]\nspeed_m_s = 2\npause_s = 10')
    where = Whereabouts(world(walking, tmp_path))
    seen = {}
    for second in range(60):
        where.step(second)
        seen[second] = where.position("alice")[0]
    assert seen[5] == pytest.approx(10)
    assert seen[20] == 40
    assert seen[30] == 40
    assert seen[32] == pytest.approx(36)
    assert seen[51] == 0


def test_who_is_sent_somewhere_stays_there(tmp_path: Path) -> None:
    where = Whereabouts(world(SMALL, tmp_path))
    where.send("alice", "yard")
    for second in range(1000):
        where.step(second)
    assert where.position("alice") == (40, 0)
    with pytest.raises(UnknownNameError, match="no person 'bob'; there are alice"):
        where.send("bob", "yard")
    with pytest.raises(UnknownNameError, match="no place 'moon'"):
        where.send("alice", "moon")


def test_a_plan_lies_on_earth(tmp_path: Path) -> None:
    latitude, longitude = world(SMALL, tmp_path).on_earth((1000, 1000))
    assert latitude == pytest.approx(51.4545 + 0.008983, abs=1e-5)
    assert longitude == pytest.approx(-2.5879 + 0.014417, abs=1e-5)
