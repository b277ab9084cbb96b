"""Keeps the broker's access list as the database wants it: looks, compares, mends.

The database is the master. A broker that lost its list gets it again; a step that was cut short is finished by the
next; what nobody may have any longer is removed, which disconnects whoever uses it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from hub.broker import access_list
from hub.broker.access_list import Holder
from hub.broker.dynsec import DynsecError, DynsecUnreachableError
from hub.store import credentials
from hub.store.vault import SealedError
from protocols.enrolment import CONNECTIONS, mqtt_username

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.broker.access_list import AccessList, Command, User
    from hub.broker.dynsec import Dynsec
    from hub.metrics import HubMetrics
    from hub.store.credentials import CredentialRecord
    from hub.store.store import Store

log = structlog.get_logger()

EVERY_S: Final = 15.0
"""How often the broker is looked at when nothing has changed in the database."""
_LOCK: Final = 0x70C52
"""One replica mends at a time: Mosquitto 2.0.11 does not survive the deletion of a role that another just gave away."""
ADMIT_S: Final = 3.0
"""How long a gateway's request waits at most for the broker to know of it."""


class Reconciler:
    """One replica's.

    Args:
        store: where credentials are.
        dynsec: connection to the broker's administration.
        admin: user name of that connection; never touched.
        hub: user name and password of the hub's own connections; None where the hub has no account.
        metrics: where changes are counted.
        monotonic: seconds that only rise.

    Attributes:
        trouble: why the list may not be as it should; None if all is well.
        let_in_at: when somebody was last let in who had not been there, by ``monotonic``.
    """

    def __init__(
        self,
        store: Store,
        dynsec: Dynsec,
        *,
        admin: str,
        hub: tuple[str, str] | None,
        metrics: HubMetrics,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._dynsec = dynsec
        self._admin = admin
        self._hub_password = hub[1] if hub is not None else None
        self._hub = None if hub is None else access_list.hub_user(*hub)
        self._metrics = metrics
        self._monotonic = monotonic
        self._stamp: object = None
        self._due = 0.0
        self._strangers: list[str] = []
        self._passes = threading.Condition()
        self._begun = self._finished = 0
        self.trouble: str | None = "the broker's access list was never looked at"
        self.let_in_at = -EVERY_S

    def step(self) -> bool:
        """Look at the broker if the database has changed, or it is time to; True if something was mended.

        What the broker does not do now is tried again with the next step; meanwhile :attr:`trouble` says so.

        Raises:
            StoreUnavailableError: nothing was done.
        """
        number = self._begin()
        try:
            mended = self._look()
        except (DynsecError, DynsecUnreachableError) as failure:
            self._fail(str(failure))
            return False
        self._finish(number)
        return mended

    def look_again(self) -> None:
        """The next step looks at the broker whatever it knows: there is a new connection, maybe to a new broker."""
        self._due = 0.0

    def admitted(self, wake: Callable[[], None]) -> bool:
        """Wait until a look that begins from now on has succeeded; False if that takes too long."""
        with self._passes:
            wanted = self._begun + 1
            wake()
            return self._passes.wait_for(lambda: self._finished >= wanted, ADMIT_S)

    def _begin(self) -> int:
        with self._passes:
            self._begun += 1
            return self._begun

    def _finish(self, number: int) -> None:
        with self._passes:
            self._finished = number
            self._passes.notify_all()

    def _fail(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("access list not looked after", error=trouble)
        self.trouble, self._due = trouble, 0.0

    def _look(self) -> bool:
        if not self._dynsec.connected:
            raise DynsecUnreachableError("no connection")
        stamp, due = self._store.read(credentials.stamp), self._due
        if stamp == self._stamp and self._monotonic() < due:
            return False
        self._due = self._monotonic() + EVERY_S
        with self._store.alone(_LOCK):
            todo = self._mend()
        self._stamp = stamp
        return todo

    def _mend(self) -> bool:
        live = self._store.read(credentials.live)
        want = access_list.wanted([_holder(record) for record in live], self._hub)
        there = access_list.found(self._dynsec.clients(), self._dynsec.roles(), self._dynsec.defaults())
        self._note_strangers(there)
        passwords = _Passwords(self._store, live, self._hub, self._hub_password)
        todo = access_list.commands(want, there, passwords.of, keep={self._admin})
        self._dynsec.carry_out(todo)
        self._note(todo)
        self.trouble = passwords.trouble
        return bool(todo)

    def _note(self, done: list[Command]) -> None:
        if any(command["command"] == "createClient" for command in done):
            self.let_in_at = self._monotonic()
        for command in done:
            self._metrics.broker_mended.labels(command["command"]).inc()
            log.info("access list mended", command=command["command"], name=_name(command))

    def _note_strangers(self, there: AccessList) -> None:
        hub = self._hub.username if self._hub is not None else None
        strangers = access_list.strangers(there, self._admin, hub)
        self._metrics.broker_strangers.set(len(strangers))
        if strangers != self._strangers:
            log.warning("users or roles at the broker that are not the hub's", names=strangers[:20])
        self._strangers = strangers


class _Passwords:
    """Passwords of users, opened when they are needed."""

    def __init__(self, store: Store, live: list[CredentialRecord], hub: User | None, hub_password: str | None) -> None:
        self._store = store
        self._records = {mqtt_username(one.username, each): one for one in live for each in CONNECTIONS}
        self._hub = hub
        self._hub_password = hub_password
        self.trouble: str | None = None

    def of(self, username: str) -> str | None:
        if self._hub is not None and username == self._hub.username:
            return self._hub_password
        record = self._records[username]
        try:
            return self._store.read(lambda tx: credentials.secret(tx, record))
        except SealedError as sealed:
            log.warning("can't be let in", organisation=record.organisation, gateway=record.gateway, error=str(sealed))
            self.trouble = "a gateway can't be let in at the broker: its secret can't be opened; the log says which"
            return None


def _holder(record: CredentialRecord) -> Holder:
    return Holder(record.organisation, record.gateway, record.username, record.secret_hash)


def _name(command: Command) -> str:
    return str(command.get("username") or command.get("rolename") or "defaults")
