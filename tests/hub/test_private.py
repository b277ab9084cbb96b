"""What only the hub itself is to read, and whom it believes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hub.app import behind
from hub.settings import WebSettings
from hub.store.store import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lax_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_the_files_of_a_new_database_are_for_their_owner_only(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE x (y)")
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    engine.dispose()

    assert modes == dict.fromkeys(("hub.db", "hub.db-wal", "hub.db-shm"), "0o600")


def test_no_proxy_is_believed_unless_it_is_named() -> None:
    assert behind(WebSettings())["proxy_headers"] is False
    named = behind(WebSettings(trusted_proxies=["10.0.0.5", "fd00::/8"]))
    assert named == {"proxy_headers": True, "forwarded_allow_ips": ["10.0.0.5/32", "fd00::/8"]}
