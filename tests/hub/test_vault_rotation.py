from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from hub.cli import keys as command
from hub.store import credentials, device_keys, devices, sealed, vault
from hub.store.devices import Device
from hub.store.store import Store, open_engine
from hub.store.vault import SealedError
from protocols.ids import GatewayId
from tests.hub.desk import ACME, ADDRESS, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.store import Tx


class PowerCutError(BaseException):
    pass


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "hub.keys"


@pytest.fixture
def filled(database_url: str, keys_path: Path) -> Iterator[Store]:
    """A database in which a device's root key and a gateway's secret are sealed."""
    store = Store(open_engine(database_url), vault.read_or_make(keys_path))
    store.write(_fill)
    yield store
    store.close()


def _fill(tx: Tx) -> None:
    devices.add(tx, Device(ACME, ADDRESS, "alarm 1"))
    device_keys.add(tx, ACME, ADDRESS, KEY)
    credentials.add(tx, ACME, GatewayId("north"), "the gateway's secret")


def read_back(store: Store) -> tuple[bytes, str]:
    def work(tx: Tx) -> tuple[bytes, str]:
        record = device_keys.newest(tx, ACME, ADDRESS)
        assert record is not None
        (credential,) = credentials.of_gateway(tx, ACME, "north")
        return device_keys.root(tx, record), credentials.secret(tx, credential)

    return store.read(work)


def test_everything_is_sealed_anew_and_the_old_key_is_dropped(filled: Store, keys_path: Path) -> None:
    old = vault.keys_in(keys_path)
    assert command.rotate_vault(filled, keys_path) == 2
    (new,) = vault.keys_in(keys_path)
    assert new not in old
    filled.vault = vault.read(keys_path)
    assert read_back(filled) == (KEY, "the gateway's secret")
    filled.vault = vault.Vault(old)
    with pytest.raises(SealedError):
        read_back(filled)


@pytest.mark.parametrize("writes", range(4))
def test_killed_at_any_write_everything_still_opens_and_the_next_run_finishes(
    filled: Store, keys_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left = iter(range(writes))

    def mortal(original, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
        if next(left, None) is None:
            raise PowerCutError
        return original(*arguments)

    monkeypatch.setattr(sealed, "AT_ONCE", 1)
    monkeypatch.setattr(vault, "write", partial(mortal, vault.write))
    monkeypatch.setattr(sealed, "reseal", partial(mortal, sealed.reseal))
    with suppress(PowerCutError):
        command.rotate_vault(filled, keys_path)
    monkeypatch.undo()
    filled.vault = vault.read(keys_path)
    assert read_back(filled) == (KEY, "the gateway's secret")
    command.rotate_vault(filled, keys_path)
    filled.vault = vault.read(keys_path)
    assert read_back(filled) == (KEY, "the gateway's secret")
    assert len(vault.keys_in(keys_path)) == 1


def test_a_hub_that_runs_beside_it_opens_the_new_and_seals_under_the_new(filled: Store, keys_path: Path) -> None:
    running = Store(filled.engine, vault.read(keys_path))
    command.rotate_vault(filled, keys_path)
    assert read_back(running) == (KEY, "the gateway's secret")
    value = running.vault.seal(b"later", "context")
    assert vault.read(keys_path).open(value, "context") == b"later"


def test_a_root_key_copied_to_another_device_does_not_open(filled: Store) -> None:
    from dataclasses import replace

    record = filled.read(lambda tx: device_keys.newest(tx, ACME, ADDRESS))
    assert record is not None
    other = replace(record, address=type(ADDRESS)("C0:FF:EE:00:00:99"))
    with pytest.raises(SealedError):
        filled.read(lambda tx: device_keys.working(tx, other, 0))


def test_no_root_key_and_no_working_key_is_readable_in_the_database(filled: Store, tmp_path: Path) -> None:
    rows = filled.read(lambda tx: tx.connection.exec_driver_sql("SELECT sealed_root FROM device_keys").all())
    assert all(KEY not in bytes(row[0]) for row in rows)
    assert all(KEY not in path.read_bytes() for path in tmp_path.glob("hub.db*"))
