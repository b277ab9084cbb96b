"""A file that was renamed into its place is there after a power cut only if its folder was synced, too."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.enrolment.files import Files
from hub import authority
from hub.store import vault

if TYPE_CHECKING:
    from collections.abc import Callable


def _entries(folder: Path) -> dict[str, int]:
    return {entry.name: entry.inode() for entry in os.scandir(folder)}


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[str, int]]:
    """What was in each folder when it was synced last; both by inode."""
    known: dict[int, dict[str, int]] = {}
    really = os.fsync

    def sync(descriptor: int) -> None:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            known[about.st_ino] = _entries(Path(f"/proc/self/fd/{descriptor}").resolve())
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    return known


WRITERS: dict[str, Callable[[Path], object]] = {
    "the hub's keys": lambda folder: vault.write(folder / "hub.keys", [vault.new_key()]),
    "the hub's first key": lambda folder: vault.read_or_make(folder / "hub.keys"),
    "the hub's authority": lambda folder: authority.create(folder, ["hub.example"], datetime.now(UTC)),
    "a gateway's claim": lambda folder: Files(folder).claim("code"),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="a descriptor's folder is looked up in /proc")
@pytest.mark.parametrize("what", WRITERS)
def test_what_must_survive_a_power_cut_has_its_folder_synced(
    what: str, tmp_path: Path, synced: dict[int, dict[str, int]]
) -> None:
    WRITERS[what](tmp_path)
    assert _entries(tmp_path)
    assert synced.get(tmp_path.stat().st_ino) == _entries(tmp_path)
