"""What a gateway keeps of its enrolment, in its data directory: each file whole or not at all, for its owner alone.

=================  ====================================================================================
claim.json         made before the hub is asked, so that a lost answer can be asked for again
identity.json      who it is, and its credentials
authority.pem      the certificate that it knows the hub and the broker by, for libraries that want a file
keyring.json       the devices' keys, so that it hears at once after a start without network
=================  ====================================================================================
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.enrolment.errors import FileError
from protocols.enrolment import (  # noqa: TC001 - pydantic reads them at run time
    Credential,
    DeviceKey,
    Enrolment,
    Keyring,
)
from tocsin.disk import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_CLAIM_BYTES: Final = 32


class _File(BaseModel):
    model_config = ConfigDict(frozen=True)


class KeptClaim(_File):
    """A claim, and the digest of the code that it is for."""

    code: str
    claim: Annotated[str, Field(repr=False)]


class Identity(_File):
    """Who a gateway is.

    Attributes:
        enrolment: as the hub gave it; its credential is the one in use.
        code: digest of the code that it was enrolled with.
        coming: the credential that follows, until it has proved itself.
        former: the one before. It is worth nothing to the hub, unless the hub is restored from a backup of its time.
        revoked_at: since when the hub knows this gateway no more.
    """

    enrolment: Enrolment
    code: str = ""
    coming: Credential | None = None
    former: Credential | None = None
    revoked_at: AwareDatetime | None = None

    @property
    def credential(self) -> Credential:
        return self.enrolment.credential

    @property
    def newest(self) -> Credential:
        return self.coming or self.credential

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """In the order in which they are tried."""
        return tuple(each for each in (self.credential, self.coming, self.former) if each is not None)

    def using(self, credential: Credential) -> Identity:
        """The same gateway with this credential in use."""
        enrolment = self.enrolment.model_copy(update={"credential": credential})
        coming = None if credential == self.coming else self.coming
        return self.model_copy(update={"enrolment": enrolment, "coming": coming, "former": self.credential})


class KeptKeys(_File):
    """A keyring, and the keys of before."""

    keyring: Keyring
    former: tuple[DeviceKey, ...] = ()


Kept = TypeVar("Kept", bound=_File)


class Files:
    """The files in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._claim = directory / "claim.json"
        self._identity = directory / "identity.json"
        self._keys = directory / "keyring.json"
        self.authority = directory / "authority.pem"

    def claim(self, code: str) -> str:
        """The claim for the code with this digest; made, and on the disk, if there is none yet.

        Raises:
            FileError: it can't be kept.
        """
        kept = _read(self._claim, KeptClaim)
        if kept is None or kept.code != code:
            kept = KeptClaim(code=code, claim=secrets.token_hex(_CLAIM_BYTES))
            _write(self._claim, kept.model_dump_json())
        return kept.claim

    def identity(self) -> Identity | None:
        """None when it is not enrolled.

        Raises:
            FileError: it can't be read, or is damaged.
        """
        return _read(self._identity, Identity)

    def save(self, identity: Identity) -> None:
        """Raises :class:`FileError`."""
        self.save_authority(identity)
        _write(self._identity, identity.model_dump_json())

    def save_authority(self, identity: Identity) -> None:
        """Raises :class:`FileError`."""
        wanted = identity.enrolment.authority
        if wanted is not None and _text(self.authority) != wanted:
            _write(self.authority, wanted)

    def keys(self) -> KeptKeys | None:
        """None when there are none. Raises :class:`FileError`."""
        return _read(self._keys, KeptKeys)

    def save_keys(self, keys: KeptKeys) -> None:
        """Raises :class:`FileError`."""
        _write(self._keys, keys.model_dump_json())

    def forget_keys(self) -> None:
        """Raises :class:`FileError`."""
        try:
            self._keys.unlink(missing_ok=True)
            sync_folder(self.directory)
        except OSError as failure:
            raise FileError(str(self._keys), f"can't be removed: {failure.strerror}") from failure


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as failure:
        raise FileError(str(path), f"can't be read: {failure}") from failure


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    text = _text(path)
    try:
        return None if text is None else kind.model_validate_json(text)
    except ValidationError as damaged:
        raise FileError(str(path), f"is damaged in {damaged.error_count()} places") from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, text.encode())
        sync_folder(path.parent)
    except OSError as failure:
        raise FileError(str(path), f"can't be written: {failure.strerror}") from failure


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):  # left by somebody who was interrupted; it may be another user's
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        _give_away(descriptor, path.parent)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _give_away(descriptor: int, directory: Path) -> None:
    """What root writes for the service belongs to the service."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
