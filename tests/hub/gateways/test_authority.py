"""The hub's own authority: whom it speaks for, how long, and who can read its keys."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from hub import authority
from hub.authority import AuthorityError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOSTS = ["hub.example", "192.0.2.1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority.create(tmp_path, HOSTS, NOW)
    return tmp_path


def _verify(folder: Path, leaf: str, host: str, at: datetime = NOW) -> None:
    chain = x509.load_pem_x509_certificates((folder / f"{leaf}.pem").read_bytes())
    roots = Store([authority.read(folder / "authority.pem")])
    try:
        name: x509.IPAddress | x509.DNSName = x509.IPAddress(ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    PolicyBuilder().store(roots).time(at).build_server_verifier(name).verify(chain[0], chain[1:])


@pytest.mark.parametrize("leaf", ["web", "broker"])
@pytest.mark.parametrize("host", [*HOSTS, "localhost", "127.0.0.1"])
def test_who_pins_the_authority_believes_web_server_and_broker(folder: Path, leaf: str, host: str) -> None:
    _verify(folder, leaf, host)


def test_nobody_else_is_believed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationError):
        _verify(folder, "web", "other.example")
    other = tmp_path / "other"
    authority.create(other, HOSTS, NOW)
    (folder / "authority.pem").write_bytes((other / "authority.pem").read_bytes())
    with pytest.raises(VerificationError):
        _verify(folder, "web", "hub.example")


def test_a_leaf_signs_no_other_certificate(folder: Path) -> None:
    leaf = authority.read(folder / "web.pem")
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    root = authority.read(folder / "authority.pem").extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (root.ca, root.path_length) == (True, 0)


def test_keys_are_for_their_owner_alone(folder: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert {name: mode for name, mode in modes.items() if name.endswith(".key")} == {
        "authority.key": 0o600,
        "web.key": 0o600,
        "broker.key": 0o600,
    }
    assert not any(name.startswith(".") for name in modes)


def test_a_certificate_file_holds_the_chain_and_fits_its_key(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "web.pem", folder / "web.key")
    chain = x509.load_pem_x509_certificates((folder / "web.pem").read_bytes())
    assert chain[1] == authority.read(folder / "authority.pem")


def test_certificates_live_as_long_as_browsers_and_gateways_want(folder: Path) -> None:
    leaf, root = authority.read(folder / "web.pem"), authority.read(folder / "authority.pem")
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=397)
    assert root.not_valid_after_utc - NOW > timedelta(days=19 * 365)
    _verify(folder, "web", "hub.example", NOW - timedelta(hours=20))


def test_renewed_certificates_have_the_same_names_and_new_keys_and_are_believed_by_who_pinned_before(
    folder: Path,
) -> None:
    pinned, before = (folder / "authority.pem").read_bytes(), (folder / "web.key").read_bytes()
    later = NOW + timedelta(days=390)
    authority.renew(folder, later)
    assert (folder / "authority.pem").read_bytes() == pinned
    assert load_pem_private_key((folder / "web.key").read_bytes(), None)
    assert (folder / "web.key").read_bytes() != before
    for host in HOSTS:
        _verify(folder, "web", host, later + timedelta(days=300))


def test_an_authority_is_not_made_over_another(folder: Path) -> None:
    with pytest.raises(AuthorityError, match="already"):
        authority.create(folder, HOSTS, NOW)


def test_a_key_of_another_authority_is_noticed(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    authority.create(other, HOSTS, NOW)
    (folder / "authority.key").write_bytes((other / "authority.key").read_bytes())
    with pytest.raises(AuthorityError, match="does not belong"):
        authority.renew(folder, NOW)


def test_the_hub_says_so_three_weeks_before_a_certificate_runs_out(folder: Path) -> None:
    path = folder / "web.pem"
    ends = authority.read(path).not_valid_after_utc
    assert authority.runs_out(path, ends - timedelta(days=22)) is None
    assert "runs out" in str(authority.runs_out(path, ends - timedelta(days=20)))
    assert "ran out" in str(authority.runs_out(path, ends + timedelta(days=1)))
    assert "no certificate" in str(authority.runs_out(folder / "gone.pem", NOW))
