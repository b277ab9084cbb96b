"""A gateway and a hub that it does not know yet, over real TLS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from typer.testing import CliRunner

from gateway.cli import app
from gateway.enrolment import hub as hub_side
from gateway.enrolment.enrol import BrokerError, enrol
from gateway.enrolment.errors import (
    BusyError,
    ClockError,
    CodeRefusedError,
    EnrolmentError,
    FileError,
    FingerprintError,
    HostNameError,
    NotAHubError,
    NoTlsError,
    OtherGatewayError,
    PlainHttpError,
    UnreachableError,
    UntrustedError,
)
from gateway.enrolment.files import Files
from gateway.settings import GatewaySettings
from hub import authority
from protocols import codes
from protocols.codes import CodeError
from protocols.enrolment import DeviceKey
from tests.gateway.air import ADDRESS, KEY
from tests.gateway.office import Office
from tests.services import free_port
from tocsin.settings import SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICE = DeviceKey(address=ADDRESS, enrolment=1, generation=0, key=KEY)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path / "hub") as open_:
        yield open_


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "data")


def nothing(_line: str) -> None: ...


def claim(office: Office, files: Files, *, url: str | None = None, code: str | None = None) -> None:
    """Up to the broker, which is not there."""
    with pytest.raises(BrokerError):
        enrol(url or office.url, code or office.code, files, nothing, limit_s=0)


def refused(office: Office, files: Files, error: type[EnrolmentError], *, url: str = "", code: str = "") -> str:
    with pytest.raises(error) as refusal:
        enrol(url or office.url, code or office.code, files, nothing, limit_s=0)
    assert files.identity() is None
    return str(refusal.value)


def test_a_code_is_traded_for_all_that_a_gateway_needs(office: Office, files: Files) -> None:
    office.records.keys = (DEVICE,)
    claim(office, files)
    identity = files.identity()
    assert identity is not None
    assert (identity.enrolment.organisation, identity.enrolment.gateway) == ("charity", "porch")
    assert identity.credential.secret == "secret-1"
    assert files.authority.read_text() == office.authority
    keys = files.keys()
    assert keys is not None
    assert keys.keyring.keys == (DEVICE,)


def test_what_is_kept_is_for_its_owner_alone(office: Office, files: Files) -> None:
    claim(office, files)
    assert files.directory.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in files.directory.iterdir()}
    assert modes == dict.fromkeys(("claim.json", "identity.json", "authority.pem", "keyring.json"), 0o600)


def test_secrets_are_in_no_printout_of_what_holds_them(office: Office, files: Files) -> None:
    office.records.keys = (DEVICE,)
    claim(office, files)
    assert "secret-1" not in repr(files.identity())
    assert KEY.hex() not in repr(files.keys())


@pytest.mark.parametrize("lost", ["enrolment", "keyring"])
def test_when_an_answer_is_lost_the_same_command_again_succeeds(office: Office, files: Files, lost: str) -> None:
    office.lost = {lost}
    with pytest.raises(UnreachableError):
        enrol(office.url, office.code, files, nothing, limit_s=0)
    claim(office, files)
    claim(office, files)
    assert len(office.spent) == 1


def test_the_claim_is_on_the_disk_before_the_hub_is_asked(office: Office, files: Files) -> None:
    office.broken = {"authority": (500, "text/plain", "")}
    refused(office, files, NotAHubError)
    code = codes.read(office.code).digest
    kept = files.claim(code)
    assert (files.directory / "claim.json").exists()
    office.broken = {}
    claim(office, files)
    assert office.spent == {codes.read(office.code).secret: kept}


def test_the_code_may_be_typed_as_people_type(office: Office, files: Files) -> None:
    claim(office, files, code=f"  {office.code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} ")


def test_a_code_that_was_used_by_another_gateway_is_refused(office: Office, files: Files, tmp_path: Path) -> None:
    claim(office, Files(tmp_path / "thief"))
    told = refused(office, files, CodeRefusedError)
    assert "used or replaced" in told
    assert "tell your administrator" in told


def test_a_code_with_a_wrong_letter_in_its_secret_is_refused(office: Office, files: Files) -> None:
    told = refused(office, files, CodeRefusedError, code="9999" + office.code[4:])
    assert "letter by letter" in told


def test_a_hub_that_is_not_the_one_of_the_code_learns_nothing(office: Office, files: Files, tmp_path: Path) -> None:
    with Office(tmp_path / "stranger") as stranger:
        told = refused(office, files, FingerprintError, url=stranger.url)
        assert stranger.records.asked == ["authority"]
    assert "is not the hub that gave the code" in told


def test_a_stranger_who_shows_the_right_authority_but_has_no_certificate_from_it_learns_nothing(
    office: Office, files: Files, tmp_path: Path
) -> None:
    with Office(tmp_path / "stranger") as stranger:
        stranger.broken = {"authority": (200, "application/x-pem-file", office.authority)}
        refused(office, files, UntrustedError, url=stranger.url)
        assert stranger.records.asked == ["authority"]


def test_the_fingerprint_of_a_certificate_that_may_not_sign_others_is_no_way_in(office: Office, files: Files) -> None:
    leaf = x509.load_pem_x509_certificates((office.folder / "web.pem").read_bytes())[0]
    office.broken = {"authority": (200, "application/x-pem-file", authority.pem(leaf))}
    code = str(codes.make(1, ssl.PEM_cert_to_DER_cert(authority.pem(leaf))))
    assert "may not sign others" in refused(office, files, FingerprintError, code=code)


@pytest.mark.parametrize("body", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_nonsense_instead_of_an_authority_is_no_hub(office: Office, files: Files, body: str) -> None:
    office.broken = {"authority": (200, "text/html", body)}
    refused(office, files, FingerprintError)


def test_a_hub_under_another_name_is_refused(office: Office, files: Files, tmp_path: Path) -> None:
    authority_only = tmp_path / "elsewhere"
    authority.create(authority_only, ["hub.example.org"], datetime.now(UTC))
    _forget_loopback(authority_only)
    with Office(authority_only) as elsewhere:
        told = refused(elsewhere, files, HostNameError)
    assert "is for another name" in told


def _forget_loopback(folder: Path) -> None:
    """A web certificate for its one host, without this machine's names that every certificate has."""
    before = authority._ALWAYS
    authority._ALWAYS = ()  # type: ignore[misc,assignment]
    try:
        authority.renew(folder, datetime.now(UTC), ["hub.example.org"])
    finally:
        authority._ALWAYS = before  # type: ignore[misc]


@pytest.mark.parametrize("off", [timedelta(days=-500), timedelta(days=30)])
def test_with_a_clock_that_is_wrong_the_clock_is_what_is_named(tmp_path: Path, files: Files, off: timedelta) -> None:
    with Office(tmp_path / "hub", now=datetime.now(UTC) + off) as office:
        told = refused(office, files, ClockError)
    assert "timedatectl" in told


def test_plain_http_is_refused_except_on_this_machine(office: Office, files: Files) -> None:
    refused(office, files, PlainHttpError, url="http://hub.example.org")
    refused(office, files, PlainHttpError, url="hub.example.org")
    refused(office, files, UnreachableError, url=f"http://127.0.0.1:{free_port()}")


def test_nobody_at_that_address_is_said_so(office: Office, files: Files) -> None:
    told = refused(office, files, UnreachableError, url=f"https://localhost:{free_port()}")
    assert "firewall" in told


def test_a_port_without_tls_is_said_to_be_one(office: Office, files: Files) -> None:
    class Plain(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        said = refused(office, files, NoTlsError, url=f"https://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert "speaks no TLS" in said
    assert "8443" in said


def test_a_short_code_means_a_certificate_that_the_system_trusts(office: Office, files: Files) -> None:
    told = refused(office, files, UntrustedError, code=office.code[:14])
    assert "all seven groups" in told
    assert office.records.asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, "application/problem+json", '{"detail": "the database is not available"}'), BusyError),
        ((502, "text/html", "<html>"), BusyError),
        ((200, "text/html", "<html>welcome</html>"), NotAHubError),
        ((200, "application/json", "{}"), NotAHubError),
        ((404, "text/html", ""), NotAHubError),
        ((302, "text/html", ""), NotAHubError),
    ],
)
def test_an_odd_answer_is_named_and_nothing_is_kept(
    office: Office, files: Files, answer: tuple[int, str, str], error: type[EnrolmentError]
) -> None:
    office.broken = {"enrolment": answer}
    refused(office, files, error)


def test_an_answer_without_end_is_not_read(office: Office, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_side, "ANSWER_MAX", 1000)
    office.broken = {"authority": (200, "text/plain", "x" * 5000)}
    assert "more than 1000 bytes" in refused(office, files, NotAHubError)


def test_a_text_that_can_t_be_a_code_is_not_even_sent(office: Office, files: Files) -> None:
    with pytest.raises(CodeError):
        enrol(office.url, "ABCD", files, nothing)
    assert office.records.asked == []


def test_a_revoked_gateway_enrols_anew_in_the_same_place(office: Office, files: Files) -> None:
    claim(office, files)
    identity = files.identity()
    assert identity is not None
    files.save(identity.model_copy(update={"revoked_at": datetime.now(UTC), "code": "another"}))
    office.records.proved, office.spent = 0, {}
    claim(office, files)
    renewed = files.identity()
    assert renewed is not None
    assert renewed.revoked_at is None


def test_what_waits_for_one_organisation_never_goes_to_another(office: Office, files: Files) -> None:
    claim(office, files)
    before = files.identity()
    assert before is not None
    other = before.enrolment.model_copy(update={"organisation": "other"})
    files.save(before.model_copy(update={"enrolment": other, "code": "another"}))
    office.records.proved = 0
    with pytest.raises(OtherGatewayError, match="belongs to other/porch"):
        enrol(office.url, office.code, files, nothing)


def test_a_damaged_identity_is_named(office: Office, files: Files) -> None:
    claim(office, files)
    (files.directory / "identity.json").write_text("{}")
    with pytest.raises(FileError, match=r"identity\.json: is damaged"):
        files.identity()


def test_a_disk_that_takes_nothing_is_named(office: Office, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="can't be"):
        enrol(office.url, office.code, Files(tmp_path / "file" / "data"), nothing)
    assert office.records.asked == []


def test_an_enrolled_gateway_needs_no_settings(office: Office, files: Files) -> None:
    claim(office, files)
    settings = load(GatewaySettings, None, data_dir=files.directory)
    assert (settings.organisation, settings.gateway) == ("charity", "porch")


def test_a_settings_file_may_add_to_an_enrolment_and_contradict_it_in_nothing(
    office: Office, files: Files, tmp_path: Path
) -> None:
    claim(office, files)
    path = tmp_path / "gateway.toml"
    path.write_text(f'data_dir = "{files.directory}"\n[radio]\nadapter = "hci1"\n')
    settings = load(GatewaySettings, path)
    assert (settings.gateway, settings.radio.adapter) == ("porch", "hci1")
    path.write_text(f'data_dir = "{files.directory}"\ngateway = "attic"\n')
    with pytest.raises(SettingsError, match="this gateway is enrolled as 'porch'"):
        load(GatewaySettings, path)
    path.write_text(f'data_dir = "{files.directory}"\n[[devices]]\naddress = "{ADDRESS}"\nkey_file = "k"\n')
    with pytest.raises(SettingsError, match="has its keys from the hub"):
        load(GatewaySettings, path)


def test_the_command_says_what_is_wrong_and_what_to_do(office: Office, tmp_path: Path) -> None:
    arguments = ["enroll", "http://hub.example.org", "--code", office.code, "--data-dir", str(tmp_path / "data")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "begins with https://" in done.output
    assert "Traceback" not in done.output
