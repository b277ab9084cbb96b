"""What hub and gateway have in common when they are looked over."""

from __future__ import annotations

import json
import smtplib
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from tocsin import checks, doctor_cli
from tocsin.cli import build
from tocsin.doctor import Check, Verdict, examine, fail, ok, report, warn, worst

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.doctor import Finding


def broken() -> None:
    raise ConnectionRefusedError("nobody there")


def check(name: str, look: object) -> Check:
    return Check(name, look, f"mend {name}")  # type: ignore[arg-type]


def test_each_check_stands_alone_and_one_that_breaks_or_hangs_says_what_to_do() -> None:
    never = threading.Event()
    found = examine(
        [check("a", lambda: ok("fine")), check("b", broken), check("c", never.wait), check("d", lambda: ok("fine"))],
        limit_s=0.5,
    )
    never.set()
    assert [(one.name, one.verdict) for one in found] == [("a", "ok"), ("b", "fail"), ("c", "fail"), ("d", "ok")]
    assert (found[1].measured, found[1].advice) == ("the machine is there, but nothing listens at that port", "mend b")
    assert found[2].measured == "no answer within 0.5 s"


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [([], 0), ([ok("")], 0), ([ok(""), warn("", "")], 1), ([warn("", ""), fail("", ""), ok("")], 2)],
)
def test_the_worst_finding_is_the_exit_code(findings: list[object], verdict: int) -> None:
    looks = [check(str(number), lambda found=found: found) for number, found in enumerate(findings)]
    assert worst(examine(looks)) is Verdict(verdict)
    with pytest.raises(typer.Exit) as ended:
        report(looks, json_=False)
    assert ended.value.exit_code == verdict


def test_monitoring_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        report([check("disk", lambda: warn("12 MB free", "make room"))], json_=True)
    assert json.loads(capsys.readouterr().out) == {
        "verdict": "warn",
        "checks": [{"name": "disk", "verdict": "warn", "measured": "12 MB free", "advice": "make room"}],
    }


def test_a_person_reads_what_was_measured_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        report([check("disk", lambda: warn("12 MB free", "make room"))], json_=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["warn", "disk", "12", "MB", "free"],
        ["->", "make", "room"],
    ]


def test_a_disk_is_measured_by_its_room_and_by_writes_that_are_safe(tmp_path: Path) -> None:
    found = checks.disk(tmp_path)
    assert "MB free" in found.measured
    assert "a synced write takes up to" in found.measured
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10 * 1024 * 1024}))
    assert checks.disk(tmp_path).verdict is Verdict.FAIL


def test_a_secret_that_others_may_read_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "hub.keys"
    path.write_text("secret")
    path.chmod(0o640)
    found = checks.secret_file(path)
    assert (found.verdict, found.advice) == (Verdict.FAIL, f"chmod 600 {path}")
    path.chmod(0o600)
    assert checks.secret_file(path).verdict is Verdict.OK


def certificate(folder: Path, *, days: int, name: str = "hub.example") -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a hub")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "web.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("days", "name", "host", "verdict"),
    [
        (90, "hub.example", "hub.example", Verdict.OK),
        (90, "*.example", "hub.example", Verdict.OK),
        (10, "hub.example", "HUB.example", Verdict.WARN),
        (1, "hub.example", "hub.example", Verdict.FAIL),
        (-5, "hub.example", "hub.example", Verdict.FAIL),
        (90, "old.example", "hub.example", Verdict.FAIL),
        (90, "*.example", "a.hub.example", Verdict.FAIL),
    ],
)
def test_a_certificate_is_judged_by_its_days_and_its_name(
    tmp_path: Path, days: int, name: str, host: str, verdict: Verdict
) -> None:
    assert checks.certificate_file(certificate(tmp_path, days=days, name=name), host).verdict is verdict


def _raise(failure: Exception) -> Finding:
    between = OSError("from deeper down")
    between.__cause__ = failure
    raise RuntimeError("[Errno -2] Name or service not known") from between


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no machine of that name is found"),
        (ConnectionRefusedError(111, "Connection refused"), "nothing listens at that port"),
        (TimeoutError("timed out"), "no answer in time"),
        (FileNotFoundError(2, "No such file", "/etc/x.pem"), "there is no /etc/x.pem"),
        (PermissionError(13, "Permission denied", "/etc/x.key"), "/etc/x.key may not be read"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "neither this name nor this password"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_common_failures_are_said_in_plain_words_however_deep_they_lie(failure: Exception, said: str) -> None:
    (found,) = examine([Check("x", lambda: _raise(failure), "do this")])
    assert said in found.measured
    assert "Error" not in found.measured


def test_a_machine_with_nothing_on_it_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_cli, "_programs", lambda: iter(()))
    done = CliRunner().invoke(build(), ["doctor"])
    assert done.exit_code == Verdict.WARN
    assert "nothing of Tocsin is set up" in done.output
