"""Keeps keys and credential as the hub has them, on a thread of its own: nothing here holds up an alarm.

Every 30 s the hub is asked for the keyring. Whatever goes wrong, the gateway goes on with what it has; only a hub that
is known by its certificate, and that says twice, a minute apart, that it does not know this gateway, ends that.

A credential is on the disk before it is used, and whenever the one in use is refused, the others there are tried. So it
does not matter at which point a rotation is interrupted, nor that a hub was restored from a backup that knows only the
one before. A start begins with the newest: the hub lets it in whether it was used before or not.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from gateway.domain import membership, rotation
from gateway.domain.membership import Membership, State
from gateway.domain.rotation import Do, Phase, Rotation
from gateway.enrolment.errors import EnrolmentError, FileError, UnknownCredentialError
from gateway.enrolment.files import KeptKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.domain.keyring import Keyring
    from gateway.domain.moment import Moment
    from gateway.enrolment.files import Files, Identity
    from protocols import enrolment
    from protocols.enrolment import Credential

log = structlog.get_logger()

ASK_EVERY_S: Final = 30.0
CONFIRM_S: Final = 1.0
"""So soon after other keys came, the hub is asked again: that names them, and only then it knows that they are here."""
LOOK_EVERY_S: Final = 0.25
REVOKED_EVERY_S: Final = 300.0
"""A gateway that was revoked goes on asking, seldom: somebody may have restored the hub."""


class Line(Protocol):
    """An MQTT connection that takes another credential."""

    @property
    def connected(self) -> bool: ...

    def use(self, credential: Credential) -> None:
        """Leave, and come back with this one; not connected until then."""


class Hub(Protocol):
    """What is needed of :class:`gateway.enrolment.hub.Hub`."""

    def keyring(self, credential: Credential, *, known: str | None) -> enrolment.Keyring | None: ...

    def rotate(self, credential: Credential) -> Credential: ...


class Sync:
    """Used by one thread; its attributes may be read by any.

    Args:
        files: where it is kept.
        identity: who we are.
        keyring: gets the keys.
        hub: is asked.
        lines: ``presence`` and ``alarm``; they begin with the newest credential.

    Attributes:
        membership: whether the hub still knows us.
        failures: what failed, by error.
        answered: the hub answered the last time it was asked; None = not asked yet.
    """

    def __init__(self, files: Files, identity: Identity, keyring: Keyring, hub: Hub, lines: Mapping[str, Line]) -> None:
        self._files = files
        self._identity = identity
        self._keyring = keyring
        self._hub = hub
        self._lines = lines
        self._used = identity.newest
        self._version: str | None = None
        self._unkept: KeptKeys | None = None
        self._wanted = False
        self._ask_at = float("-inf")
        self._rotation = Rotation()
        self.membership = Membership(State.MEMBER if identity.revoked_at is None else State.REVOKED)
        self.failures: Counter[str] = Counter()
        self.answered: bool | None = None
        self._load()

    @property
    def revoked(self) -> bool:
        return self.membership.state is State.REVOKED

    def step(self, now: Moment) -> float:
        """A bounded piece of work; returns when the next is due, in ticks."""
        if now.ticks >= self._ask_at:
            self._ask(now)
        if self.revoked:
            return self._ask_at
        self._rotate(now)
        return self._ask_at if self._rotation.phase is Phase.STEADY else now.ticks + LOOK_EVERY_S

    # Keys

    def _load(self) -> None:
        """What was kept, so that the gateway hears before it has reached anybody."""
        try:
            kept = self._files.keys()
        except FileError as damaged:
            self._note(damaged)
            return
        if kept is not None:
            self._keyring.replace(kept.former)
            self._keyring.replace(kept.keyring.keys)
            self._version = kept.keyring.version

    def _ask(self, now: Moment) -> None:
        self._ask_at, before = now.ticks + ASK_EVERY_S, self._version
        try:
            self._take(self._asked(now))
        except UnknownCredentialError as refusal:
            self._doubt(refusal, now)
        except EnrolmentError as failure:
            self._note(failure)
            self.answered = False
        self._keep()
        if self._version not in {before, None}:
            self._ask_at = now.ticks + CONFIRM_S

    def _asked(self, now: Moment) -> enrolment.Keyring | None:
        """Asked with the credential in use, and with every other there is until one is taken.

        Raises:
            UnknownCredentialError: none of them is.
            EnrolmentError: there was no answer.
        """
        *before, last = self._tried()
        for credential in before:
            try:
                return self._asked_as(credential, now)
            except UnknownCredentialError:
                continue
        return self._asked_as(last, now)

    def _tried(self) -> tuple[Credential, ...]:
        return tuple(dict.fromkeys((self._used, *self._identity.credentials)))

    def _asked_as(self, credential: Credential, now: Moment) -> enrolment.Keyring | None:
        answer = self._hub.keyring(credential, known=self._version)
        if credential != self._identity.credential:
            self._settle_on(credential, now)
        elif credential != self._used:
            self._return(now)
        return answer

    def _take(self, keyring: enrolment.Keyring | None) -> None:
        self.membership, self.answered = membership.known(), True
        if self._identity.revoked_at is not None:
            log.warning("the hub knows this gateway again")
            self._save(self._identity.model_copy(update={"revoked_at": None}))
        if keyring is None:
            return
        self._wanted = keyring.rotate
        if keyring.version != self._version:
            self._keyring.replace(keyring.keys)
            self._version = keyring.version
            self._unkept = KeptKeys(keyring=keyring, former=tuple(chain.from_iterable(self._keyring.former.values())))
            log.info("keys of devices changed", devices=len(self._keyring))

    def _keep(self) -> None:
        if self._unkept is None:
            return
        try:
            self._files.save_keys(self._unkept)
        except FileError as failure:  # in force all the same; tried again with the next question
            self._note(failure)
        else:
            self._unkept = None

    # Revocation

    def _doubt(self, refusal: UnknownCredentialError, now: Moment) -> None:
        was_revoked, self.answered = self.revoked, True
        self._note(refusal)
        self.membership = membership.unknown(self.membership, now=now.ticks)
        if self.revoked:
            self._ask_at = now.ticks + REVOKED_EVERY_S
        if self.revoked and not was_revoked:
            self._forget(now)

    def _forget(self, now: Moment) -> None:
        log.error("this gateway was revoked: it forgets the devices' keys, and hears none of them any more")
        self._keyring.forget()
        self._version = self._unkept = None
        try:
            self._files.forget_keys()
        except FileError as failure:
            self._note(failure)
        self._save(self._identity.model_copy(update={"revoked_at": now.wall}))

    # Rotation

    def _rotate(self, now: Moment) -> None:
        line = self._lines.get(self._rotation.phase.value)
        self._rotation, do = rotation.decide(
            self._rotation, wanted=self._is_time(now), connected=line is not None and line.connected, now=now.ticks
        )
        match do:
            case Do.ASK:
                self._begin(now)
            case Do.USE_ALARM:
                self._lines["alarm"].use(self._coming)
            case Do.PROVE:
                self._used = self._coming
                self._ask(now)
            case Do.RETURN:
                self._return(now)

    @property
    def _coming(self) -> Credential:
        return self._identity.coming or self._identity.credential

    def _is_time(self, now: Moment) -> bool:
        return self._wanted or now.wall >= self._identity.credential.rotate_after

    def _begin(self, now: Moment) -> None:
        try:
            coming = self._hub.rotate(self._identity.credential)
            self._files.save(self._identity.model_copy(update={"coming": coming}))
        except EnrolmentError as failure:
            self._note(failure)
            self._rotation = rotation.failed(self._rotation, now=now.ticks)
        else:
            self._identity = self._identity.model_copy(update={"coming": coming})
            self._rotation = rotation.begun(self._rotation, now=now.ticks)
            self._lines["presence"].use(coming)

    def _return(self, now: Moment) -> None:
        """The new one does not work, or not yet."""
        log.warning("the credential from before goes on", generation=self._identity.credential.generation)
        self._rotation = rotation.failed(self._rotation, now=now.ticks)
        self._use(self._identity.credential)

    def _settle_on(self, credential: Credential, now: Moment) -> None:
        """This is the one that the hub knows."""
        log.info("credential changed", generation=credential.generation)
        self._rotation, self._wanted = rotation.done(now=now.ticks), False
        self._save(self._identity.using(credential))
        if credential != self._used:
            self._use(credential)

    def _use(self, credential: Credential) -> None:
        self._used = credential
        for line in self._lines.values():
            line.use(credential)

    def _save(self, identity: Identity) -> None:
        """What can't be written is true all the same; after a start, what is on the disk leads there again."""
        self._identity = identity
        try:
            self._files.save(identity)
        except FileError as failure:
            self._note(failure)

    def _note(self, failure: EnrolmentError) -> None:
        kind = type(failure).__name__.removesuffix("Error")
        self.failures[kind] += 1
        log.warning("the hub and this gateway", trouble=kind, detail=failure.args[0])
