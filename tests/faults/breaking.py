"""What faults are made of: processes with all their children, small disks, and clocks that can be set."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.part import Part
from tests.services import MissingProgramError, Postgres, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def family(pid: int) -> list[int]:
    """A process and all that it started, parents first."""
    found = [pid]
    for parent in found:
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return found


class Database:
    """A PostgreSQL server that can be killed, hung and started again.

    Args:
        folder: of its own.
        clock: environment with which its clock can be set; see :class:`FakeClock`.
    """

    def __init__(self, folder: Path, clock: Mapping[str, str] | None = None) -> None:
        self.server = Postgres(folder)
        if clock is not None:
            self.server.process.command[:0] = ["env", *(f"{name}={value}" for name, value in clock.items())]
        self.server.start()
        self.url = self.server.new_database()

    @property
    def pid(self) -> int:
        process = self.server.process._process
        assert process is not None
        return process.pid

    def kill(self) -> None:
        """SIGKILL for the postmaster; its children see that it is gone, and end."""
        children = family(self.pid)[1:]
        self.server.process.kill()
        eventually(lambda: not any(map(_lives, children)), within_s=20)

    def stop(self) -> None:
        """As an administrator does who upgrades it: a fast shutdown."""
        self.server.process.send(signal.SIGINT)
        eventually(lambda: not self.server.process.is_alive(), within_s=20)

    def hang(self) -> None:
        """It is there and answers nothing."""
        for pid in family(self.pid):
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in reversed(family(self.pid)):
            os.kill(pid, signal.SIGCONT)

    def start(self) -> None:
        """What it had committed is there again. Shared memory of children that still end may be in the way at first."""
        eventually(self._try_to_start, within_s=30, every_s=0.2)

    def _try_to_start(self) -> bool:
        process = self.server.process
        if not process.is_alive():
            process.start(wait=False)
        return process.is_alive() and self.server._answers()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.go_on()
        self.server.process.kill()


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def database(clock: Mapping[str, str] | None = None) -> Iterator[Database]:
    """One of one's own, where a user without privileges may look."""
    with tempfile.TemporaryDirectory(prefix="tocsin-faults-", ignore_cleanup_errors=True) as folder:
        server = Database(Path(folder), clock)
        try:
            yield server
        finally:
            server.close()


class SmallDisk:
    """A file system of a few hundred kilobytes, mounted at ``path``.

    Attributes:
        path: where.
    """

    def __init__(self, path: Path, kilobytes: int) -> None:
        self.path = path
        self._filler = path / "another-programs-file"
        path.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "tmpfs", str(path)]
        made = subprocess.run(mount, check=False, capture_output=True, text=True)
        if made.returncode != 0:
            raise MayNotMountError(path, made.stderr.strip())

    def fill(self) -> None:
        """Leave not a byte."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                while _written(file.fileno(), size):
                    pass

    def free(self) -> None:
        self._filler.unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


class MayNotMountError(Exception):
    """This test can't run here, and what it would show is not shown: run it as root.

    Attributes:
        path: of the disk that was wanted.
    """

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"no file system can be mounted at {path} ({said}): run the tests as root")
        self.path = path


@contextmanager
def small_disk(path: Path, kilobytes: int) -> Iterator[SmallDisk]:
    disk = SmallDisk(path, kilobytes)
    try:
        yield disk
    finally:
        disk.unmount()


def _written(descriptor: int, size: int) -> bool:
    try:
        return os.write(descriptor, b"x" * size) == size
    except OSError:
        return False


class FakeClock:
    """The wall clock of one host, which can be set while its programs run. Its monotonic clock goes on.

    Args:
        file: which the programs read.

    Attributes:
        environment: with which to start them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float) -> None:
        """From now on it is ahead by so much; negative = behind."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.chmod(0o644)
        new.replace(self._file)  # never half written: it may be read at any moment


def _faketime() -> Path:
    places = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
    found = [path for place in places for path in Path("/").glob(f"{place[1:]}/libfaketimeMT.so.1")]
    if not found:
        raise MissingProgramError("faketime")
    return found[0]


class ClockedPart(Part):
    """A program of a deployment whose clock can be set."""

    def with_clock(self, clock: FakeClock) -> ClockedPart:
        self._command = ["env", *(f"{name}={value}" for name, value in clock.environment.items()), *self._command]
        return self


def monotonic() -> float:
    return time.monotonic()
