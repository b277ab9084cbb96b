"""What keeps strangers out, put together: the broker's access list, what was refused, certificates that run out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hub import addresses, authority
from hub.broker.dynsec import Dynsec
from hub.broker.reconciler import Reconciler
from hub.broker.refusals import RefusalWatch
from hub.cases import access, backups, gateways, way_in
from hub.cases.desk import Desk
from hub.loops import Loop
from hub.refused import Refusals
from hub.store.store import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.cases.desk import Routes
    from hub.metrics import HubMetrics
    from hub.settings import HubSettings
    from hub.store.store import Store, Tx
    from tocsin.settings import MqttSettings

IDLE_S: Final = 1.0
"""How long what another process changed in the database, or the broker wrote into its log, may lie unseen."""
FIRST_LOOK_S: Final = 10.0
"""How long a hub that starts waits for the broker to know its own account."""
_LOOK_EVERY_S: Final = 60.0


class Keeper:
    """One replica's.

    Args:
        settings: all there is to know.
        store: where credentials are and faults go.
        routes: ways to reach administrators.
        metrics: where things are counted.
        wake: called when there is something to tell.
        boot: makes this replica's client ids unique.
    """

    def __init__(
        self,
        settings: HubSettings,
        store: Store,
        routes: Routes,
        metrics: HubMetrics,
        wake: Callable[[], None],
        boot: str,
    ) -> None:
        self._settings = settings
        self._store = store
        self._routes = routes
        self.refusals = Refusals(store, routes, metrics, wake, time.monotonic)
        self._dynsec, self._reconciler = self._administration(metrics, boot)
        self._watch = self._log_watch()
        self._look_at = 0.0
        self.loop = Loop("access", self._step, metrics)

    def start(self) -> None:
        """Begin, and give the broker time to learn the hub's own account."""
        way = addresses.way_in(self._settings)
        self._store.write(lambda tx: way_in.note(tx, way), rank=Rank.ROUTINE)
        if self._dynsec is not None:
            self._dynsec.start()
            self._dynsec.wait_connected(FIRST_LOOK_S)
        self.loop.start()
        self.admit()

    def stop(self) -> None:
        self.loop.stop()
        if self._dynsec is not None:
            self._dynsec.stop()
        if self._watch is not None:
            self._watch.close()

    def admit(self) -> None:
        """Return when the broker lets in everything that has a credential now, or after a few seconds."""
        if self._reconciler is not None:
            self._reconciler.admitted(self.loop.wake)

    def troubles(self) -> Iterator[str]:
        """What an administrator has to look after, in words."""
        for watched in (self._reconciler, self._watch):
            if watched is not None and watched.trouble is not None:
                yield watched.trouble
        yield from self._certificates(datetime.now(UTC))

    def _certificates(self, now: datetime) -> Iterator[str]:
        own = self._settings.web.tls_cert_file
        told = None if own is None else authority.runs_out(own, now)
        if told is not None:
            yield told
        ends = None if self._dynsec is None else self._dynsec.certificate_ends()
        told = None if ends is None else authority.told("of the MQTT broker", ends, now)
        if told is not None:
            yield told

    def _administration(self, metrics: HubMetrics, boot: str) -> tuple[Dynsec | None, Reconciler | None]:
        mqtt, admin = self._settings.mqtt, self._settings.mqtt_admin
        if admin is None or admin.username is None:
            return None, None
        dynsec = Dynsec(admin, client_id=f"hub.{boot}.access", on_connect=self._look_again)
        return dynsec, Reconciler(
            self._store,
            dynsec,
            admin=admin.username,
            hub=_account(mqtt),
            metrics=metrics,
            monotonic=time.monotonic,
        )

    def _look_again(self) -> None:
        if self._reconciler is not None:
            self._reconciler.look_again()
        self.loop.wake()

    def _log_watch(self) -> RefusalWatch | None:
        path = self._settings.broker_log
        if path is None:
            return None
        return RefusalWatch(
            path,
            count=self.refusals.count,
            tell=self.refusals.tell,
            let_in_at=lambda: self._reconciler.let_in_at if self._reconciler is not None else float("-inf"),
            monotonic=time.monotonic,
        )

    def _step(self) -> float:
        if self._reconciler is not None:
            self._reconciler.step()
        more = self._watch is not None and self._watch.step()
        if time.monotonic() >= self._look_at:
            self._store.write(self._look_round, rank=Rank.ROUTINE)
            self._look_at = time.monotonic() + _LOOK_EVERY_S
        return 0.0 if more else IDLE_S

    def _look_round(self, tx: Tx) -> None:
        """What nothing else brings to light."""
        desk = Desk(tx, self._routes)
        access.forget_old(desk)
        gateways.look_for_overdue(desk)
        backups.look(desk)


def _account(mqtt: MqttSettings) -> tuple[str, str] | None:
    password = mqtt.password()
    return None if mqtt.username is None or password is None else (mqtt.username, password)
