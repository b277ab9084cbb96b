"""The file: a tar of ``manifest.json``, ``heads.txt`` and ``database``, in that order.

It is written aside, synced and renamed: under its name there is either a whole backup or none.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from pydantic import ValidationError

from hub.backup.manifest import BackupError, Manifest
from tocsin.disk import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST: Final = "manifest.json"
HEADS: Final = "heads.txt"
DATABASE: Final = "database"
_MODE: Final = 0o600
_MANIFEST_MAX: Final = 1024 * 1024
_PIECE: Final = 1024 * 1024


def write(path: Path, manifest: Manifest, heads: bytes, database: Path) -> None:
    """Put a backup under ``path``; on the disk when this returns. What was there is replaced.

    Raises:
        BackupError: the disk refuses it.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _MODE)
        with os.fdopen(descriptor, "w+b") as file:
            _fill(file, manifest, heads, database)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as failure:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise BackupError(path, f"can't be written: {failure.strerror or failure}") from failure


def _fill(file: io.BufferedRandom, manifest: Manifest, heads: bytes, database: Path) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in ((MANIFEST, manifest.model_dump_json(indent=1).encode()), (HEADS, heads)):
            tar.addfile(_member(name, len(content), manifest), io.BytesIO(content))
        with database.open("rb") as source:
            tar.addfile(_member(DATABASE, manifest.size, manifest), source)


def _member(name: str, size: int, manifest: Manifest) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, _MODE, int(manifest.taken_at.timestamp())
    return member


def read(path: Path) -> Manifest:
    """What the backup says of itself.

    Raises:
        BackupError: it is no backup of ours, or of a newer format.
    """
    try:
        with tarfile.open(path) as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or first.size > _MANIFEST_MAX:
                raise BackupError(path, "is no backup of a hub")
            content = tar.extractfile(first)
            return Manifest.model_validate_json(b"" if content is None else content.read())
    except OSError as failure:
        raise BackupError(path, f"can't be read: {failure.strerror or failure}") from failure
    except (tarfile.TarError, EOFError) as damaged:
        raise BackupError(path, f"is damaged, or no backup: {damaged}") from damaged
    except ValidationError as wrong:
        raise BackupError(path, f"its manifest can't be read: {wrong.errors()[0]['msg']}") from wrong


def extract(path: Path, database: Path) -> Manifest:
    """Write the database of the backup to a file, each sum checked on the way.

    Raises:
        BackupError: it can't be read, or a sum is wrong: something was changed or cut off.
    """
    manifest = read(path)
    try:
        with tarfile.open(path) as tar:
            _check(path, HEADS, manifest.journal.heads, hashlib.sha256(_content(tar, HEADS).read()).hexdigest())
            _check(path, DATABASE, manifest.sha256, _copy(tar, DATABASE, database))
    except (tarfile.TarError, EOFError, KeyError) as damaged:
        raise BackupError(path, f"is damaged: {damaged}") from damaged
    except OSError as failure:
        raise BackupError(path, f"can't be unpacked: {failure.strerror or failure}") from failure
    return manifest


def heads(path: Path) -> bytes:
    """The end of each chain of the journal, one per line."""
    with tarfile.open(path) as tar:
        return _content(tar, HEADS).read()


def _check(path: Path, name: str, promised: str, found: str) -> None:
    if found != promised:
        raise BackupError(path, f"{name} is damaged: it is not what the manifest says")


def _content(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _copy(tar: tarfile.TarFile, name: str, target: Path) -> str:
    source, digest = _content(tar, name), hashlib.sha256()
    with target.open("wb") as out:
        target.chmod(_MODE)
        while piece := source.read(_PIECE):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
