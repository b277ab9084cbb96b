"""A machine that somebody sets up by following a page: a folder, a shell, and stand-ins for what a test must not do.

What is not as on the page is declared here, and nowhere else:

- Paths of the machine lie below its folder; its two ports are free ones; ``hub.example.org`` is 127.0.0.1.
- Packages are there already: ``apt-get`` and ``tools/install-locked`` do nothing, ``/opt/tocsin`` is this environment.
- There is no user ``tocsin``: ``runuser`` and ``install`` are told of none, ``systemd-sysusers`` does nothing.
- ``systemctl enable --now`` starts what the unit says, with its environment (``tests/deploy/systemctl.py``).
- ``nano`` makes the changes that the page asks for.
- ``doctor`` may say that something needs care (exit code 1), but not that something is broken.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.deploy.composefile import ROOT

HOST = "hub.example.org"
_STAND_INS = {
    "apt-get": "exit 0",
    "systemd-sysusers": "exit 0",
    "runuser": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "install": 'for word; do shift; case "$word" in -o|-g|tocsin) ;; *) set -- "$@" "$word";; esac; done\n'
    'exec /usr/bin/install "$@"',
    "systemctl": f'exec {sys.executable} {Path(__file__).with_name("systemctl.py")} "$@"',
}


class BlockError(Exception):
    """A block of the page that failed."""


class Machine:
    """One of the page's machines.

    Args:
        folder: of everything on it; others may pass through it, for the broker is nobody.
        ports: the page's ports -> those of this test.
        edits: what ``nano`` does: pairs of what stands in a settings file and what is to stand there.
        environment: further variables.
    """

    def __init__(
        self, folder: Path, ports: dict[str, str], edits: list[tuple[str, str]], environment: dict[str, str]
    ) -> None:
        self.folder = folder
        self._ports = ports
        self._source = folder / "usr/local/src/tocsin"
        self._stand_ins = folder / "stand-ins"
        self._environment = environment
        self._lay_out(edits)

    def here(self, text: str) -> str:
        """A text of the page, or of a file, as it reads on this machine."""
        text = text.replace("/opt/tocsin/bin/tocsin", str(Path(sys.executable).with_name("tocsin")))
        text = re.sub(
            r"(?<![\w.])/(?:etc|var/lib|var/backups|usr/local)(?=/)", lambda match: f"{self.folder}{match[0]}", text
        )
        for port, free in self._ports.items():
            text = re.sub(rf"(?<!\w){port}(?!\w)", free, text)
        text = re.sub(r"(?m)^(listener \d+)$", r"\1 127.0.0.1", text)
        return text.replace(HOST, "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - that's what it replaces

    def run(self, block: str, typed: str = "") -> str:
        """Have the shell run a block; what it printed.

        Raises:
            BlockError: a command of it failed.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _with_care(self.here(block))],
            env=self._variables(),
            cwd=self.folder,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
            start_new_session=True,
        )
        if done.returncode:
            raise BlockError(f"{block}\nended with {done.returncode}:\n{done.stdout}{done.stderr}{self.logs()}")
        return done.stdout

    def logs(self) -> str:
        """The end of what its services said."""
        return "".join(
            f"\n--- {path.stem}\n{path.read_text('utf-8', 'replace')[-1500:]}" for path in self.folder.glob("*.log")
        )

    def stop(self) -> None:
        """Everything that was started."""
        for path in self.folder.glob("*.pid"):
            _end(int(path.read_text("utf-8")))

    def _lay_out(self, edits: list[tuple[str, str]]) -> None:
        for file in (ROOT / "deploy").rglob("*"):
            if file.is_file() and file.parent.name != "secrets":
                to = self._source / file.relative_to(ROOT)
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text(self.here(file.read_text("utf-8")), "utf-8")
                to.chmod(file.stat().st_mode)
        _script(self._source / "tools" / "install-locked", "exit 0")
        for name, body in _STAND_INS.items():
            _script(self._stand_ins / name, body)
        lines = [f"s|{self.here(there)}|{wanted}|" for there, wanted in edits]
        _script(self._stand_ins / "nano", f'printf %s "$SMTP_PASSWORD" >"$2"\nsed -i \'{";".join(lines)}\' "$1"')

    def _variables(self) -> dict[str, str]:
        path = [self._stand_ins, self.folder / "usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        return {
            "PATH": os.pathsep.join(str(each) for each in path),
            "HOME": str(self.folder),
            "MACHINE": str(self.folder),
            "TOCSIN_STATE_DIR": self.here("/var/lib/x").removesuffix("/x"),
            "TOCSIN_GATEWAY_DATA_DIR": self.here("/var/lib/tocsin-gateway"),
            **self._environment,
        }


def _with_care(block: str) -> str:
    return re.sub(r"(?m)^(tocsin .*doctor.*)$", r"\1 || [ $? = 1 ]", block)


def _script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    path.chmod(0o755)


def _end(process: int) -> None:
    try:
        os.kill(process, signal.SIGTERM)
    except ProcessLookupError:
        return
