"""A machine whose power can be cut: QEMU with a disk image, killed hard, and its disk looked at afterwards.

What the guest's programs did not sync is in the guest's page cache when the power goes, and lost with it. What the
guest has written to its disk is in the image: the host is not the one that loses power. The disk has a write cache that
the guest flushes (``cache=writeback``); under ``unsafe`` QEMU would ignore that.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from benchmarks.places import found
from benchmarks.wearers import wearers
from tests.faults.guest.writer import WEARERS
from tests.services import eventually, program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPOSITORY: Final = Path(__file__).parents[2]
BOOT_S: Final = 600
"""Emulated, a guest needs 30 to 60 s of a core until it has loaded everything; and the core may be shared."""
DISK: Final = "64M"


class NoGuestError(Exception):
    """There is no kernel to boot.

    Attributes:
        folder: where it should be.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no kernel in {folder}: run tools/install-guest, as 'make test' and 'make power' do")
        self.folder = folder


def new_disk(folder: Path) -> Path:
    """An image whose file system holds a migrated hub with people in it, and an empty outbox."""
    files = folder / "disk"
    (files / "gateway").mkdir(parents=True)
    found(f"sqlite:///{files / 'hub.db'}", files, wearers(WEARERS))
    image = folder / "disk.img"
    make = [program("mke2fs", "/sbin"), "-q", "-t", "ext4", "-d", str(files), str(image), DISK]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    return image


class MachineEndedError(Exception):
    """The guest is not running any more, though nobody cut its power.

    Attributes:
        folder: with ``console`` and ``qemu.log``.
    """

    def __init__(self, folder: Path) -> None:
        said = [file.read_text("utf-8", "replace")[-2000:] for file in (folder / "qemu.log", folder / "console")]
        super().__init__("the guest ended:\n" + "\n".join(said))
        self.folder = folder


class Computer:
    """Boots once; after that every start is from the state in which everything was loaded and nothing was mounted.

    Args:
        folder: for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guest = Path(os.environ.get("TOCSIN_GUEST", REPOSITORY / ".guest"))
        if not (self._guest / "vmlinuz").exists():
            raise NoGuestError(self._guest)
        self._state = folder / "state"
        self._memory = folder / "initrd"

    def boot(self, disk: Path) -> None:
        """Until everything is loaded. Nothing is written to ``disk``, and nothing is read from it."""
        _pack(self._guest / "root", _needed(disk.parent / "disk"), self._folder / "root", self._memory)
        with self._running(disk) as first:
            first.until(lambda said: "loaded" in said)
            first.save(self._state)

    def start(self, disk: Path, order: str) -> Session:
        """On with this disk, and this order to :mod:`tests.faults.guest.writer`."""
        session = self._running(disk, "-incoming", f"exec:cat {self._state}")
        session.tell(order)
        return session

    def _running(self, disk: Path, *more: str) -> Session:
        line = f"console=ttyS0 quiet panic=-1 folder={REPOSITORY} -- {sys.executable} -m tests.faults.guest.writer"
        return Session(
            [
                *(program("qemu-system-x86_64"), "-accel", "tcg", "-m", "768", "-nodefaults", "-no-user-config"),
                *("-display", "none", "-no-reboot", "-kernel", str(self._guest / "vmlinuz")),
                *("-initrd", str(self._memory), "-append", line),
                *("-serial", f"file:{self._folder / 'console'}"),
                *("-drive", f"file={disk},format=raw,if=virtio,cache=writeback"),
                *("-device", "virtio-serial-pci", "-chardev", "stdio,id=promises,signal=off"),
                *("-device", "virtserialport,chardev=promises", "-qmp", f"unix:{self._folder / 'qmp'},server,wait=off"),
                *more,
            ],
            self._folder,
        )


class Session:
    """A running machine, from its start to the cut; a context that cuts at the end.

    Attributes:
        said: lines of the writer, so far.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self.said: list[str] = []
        with (folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self.said.extend(line.rstrip() for line in self._process.stdout if line.endswith("\n"))

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def until(self, is_enough: Callable[[list[str]], bool]) -> None:
        """Until it has said enough.

        Raises:
            MachineEndedError: it is not running any more.
        """

        def look() -> bool:
            if self._process.poll() is not None:
                raise MachineEndedError(self._folder)
            return is_enough(self.said)

        eventually(look, within_s=BOOT_S)

    def save(self, state: Path) -> None:
        """Memory and devices into a file; it does not run on."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._folder / "qmp"))
            with monitor.makefile("rw", encoding="utf-8") as talk:
                _ask(talk, "qmp_capabilities")
                _ask(talk, "migrate", uri=f"exec:cat > {state}")
                eventually(lambda: _ask(talk, "query-migrate")["status"] == "completed", within_s=120)

    def cut(self) -> list[str]:
        """The power is gone. What it had said."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                end.close()
        return self.said


def _ask(talk: TextIO, command: str, **arguments: str) -> Any:
    talk.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    talk.flush()
    while "return" not in (answer := json.loads(talk.readline())):
        assert "error" not in answer, answer
    return answer["return"]


def look_at(disk: Path, folder: Path) -> Path:
    """The files on a disk after a cut, as the next start would find them: its file system's own journal is replayed."""
    copy = folder / "copy.img"
    shutil.copy(disk, copy)
    mended = subprocess.run([program("e2fsck", "/sbin"), "-f", "-y", str(copy)], check=False, capture_output=True)
    assert mended.returncode in {0, 1}, mended.stdout
    files = Path(tempfile.mkdtemp(dir=folder))
    dump = [program("debugfs", "/sbin"), "-R", f"rdump / {files}", str(copy)]
    subprocess.run(dump, check=True, capture_output=True, timeout=60)
    copy.unlink()
    return files


def _needed(disk: Path) -> list[str]:
    """Files that the writer needs, by writing on a copy of what the disk holds."""
    copy = Path(shutil.copytree(disk, disk.with_name("rehearsal")))
    rehearsal = [sys.executable, "-m", "tests.faults.guest.rehearsal", str(copy)]
    done = subprocess.run(rehearsal, check=True, capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    return done.stdout.splitlines()


def _pack(base: Path, files: Sequence[str], root: Path, archive: Path) -> None:
    """The guest's first file system: ``base``, :mod:`tests.faults.guest`'s ``init``, and these files of the host."""
    shutil.copytree(base, root, symlinks=True)
    shutil.copy2(Path(__file__).parent / "guest" / "init", root / "init")
    for file in files:
        _add(Path(file), root)
    with archive.open("wb") as out:
        names = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True, timeout=60)
        cpio = [str(root / "bin" / "busybox"), "cpio", "-o", "-H", "newc", "-R", "0:0"]
        subprocess.run(
            cpio, cwd=root, input=names.stdout, stdout=out, check=True, stderr=subprocess.DEVNULL, timeout=60
        )


def _add(file: Path, root: Path) -> None:
    """A file under the same name. What is a link to its neighbour stays one."""
    target = root / str(file).lstrip("/")
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink() and file.readlink().name == str(file.readlink()):
        _add(file.parent / file.readlink(), root)
        target.symlink_to(file.readlink())
    else:
        shutil.copy2(file, target)
