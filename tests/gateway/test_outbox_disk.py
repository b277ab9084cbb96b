"""The outbox on a disk that is really full, and in a process that is really killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time as clock
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.domain.outgoing import Rank
from gateway.outbox import Outbox
from tests.gateway.air import Time, event

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes of their own; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Leave not a byte."""
    with (disk / "other program's file").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            while written(file.fileno(), size):
                pass


def written(descriptor: int, size: int) -> bool:
    try:
        return os.write(descriptor, b"x" * size) == size
    except OSError:
        return False


def ids(disk: Path, time: Time) -> set[str]:
    with closing(Outbox(disk, max_mb=1, now=time(), ballast=4096)) as box:
        return {each.id for each in box.pending()}


def test_an_alarm_is_written_to_a_full_disk(small_disk: Path) -> None:
    time = Time()
    with closing(Outbox(small_disk, max_mb=32, now=time())) as box:
        box.hold(event(1))
        box.flush(time())
        fill(small_disk)
        for number in range(2, 30):
            box.hold(event(number, size=500))
            box.flush(time())
            assert box.unstored == 0, number
    (small_disk / "other program's file").unlink()
    assert ids(small_disk, time) == {f"event-{number}" for number in range(1, 30)}


def test_when_even_the_ballast_is_used_up_alarms_stay_in_memory_until_there_is_room(small_disk: Path) -> None:
    time = Time()
    with closing(Outbox(small_disk, max_mb=32, now=time(), ballast=65536)) as box:
        fill(small_disk)
        for number in range(400):
            box.hold(event(number, size=2000))
            box.flush(time())
        assert box.depth == 400
        assert box.unstored > 0
        assert any("memory" in saying for saying in box.sayings())
        (small_disk / "other program's file").unlink()
        box.flush(time.pass_(61))
        assert box.unstored == 0
    assert len(ids(small_disk, time)) == 400


def test_notices_on_a_full_disk_give_way(small_disk: Path) -> None:
    time = Time()
    with closing(Outbox(small_disk, max_mb=32, now=time(), ballast=512 * 1024)) as box:
        for number in range(400):
            box.hold(event(number, Rank.NOTICE, size=2000))
            box.flush(time())
        fill(small_disk)
        for number in range(1000, 1300):
            box.hold(event(number, Rank.ALARM, size=2000))
            box.flush(time())
        assert (box.unstored, box.shed) == (0, 400)
        assert any("dropped to make room" in saying for saying in box.sayings())
    (small_disk / "other program's file").unlink()
    assert ids(small_disk, time) == {f"event-{number}" for number in range(1000, 1300)}


@pytest.mark.parametrize("after_s", [0.02, 0.05, 0.08, 0.13, 0.21, 0.34])
def test_a_kill_at_any_write_loses_no_event_that_was_flushed(tmp_path: Path, after_s: float) -> None:
    writer = subprocess.Popen([sys.executable, str(WRITER), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    flushed = [writer.stdout.readline().strip()]
    clock.sleep(after_s)  # the moment of the kill
    writer.kill()
    flushed += [line.strip() for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()
    assert set(flushed) <= ids(tmp_path, Time())
