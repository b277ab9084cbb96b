"""Stands in for systemctl on a test's machine: starts what units say, with their environment and state directory.

``$MACHINE`` is the machine's folder; ``$RADIO`` that of a simulated site, on whose virtual radio a gateway is put.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from pathlib import Path

MACHINE = Path(os.environ["MACHINE"])
BROKER = "tocsin-broker"


def main(words: list[str]) -> None:
    names = [word for word in words[1:] if not word.startswith("-")]
    if words[0] == "enable" and "--now" in words:
        for name in names:
            if (MACHINE / "etc/systemd/system" / name).suffix != ".timer":
                start(name)
    elif words[0] not in {"disable", "daemon-reload"}:
        sys.exit(f"systemctl {words[0]}: not on this machine")


def start(name: str) -> None:
    unit = (MACHINE / "etc/systemd/system" / f"{name}.service").read_text("utf-8")
    pairs = [line.partition("=")[::2] for line in unit.splitlines() if "=" in line and not line.startswith("#")]
    settings = dict(pairs)
    state = MACHINE / "var/lib" / settings["StateDirectory"]
    state.mkdir(parents=True, exist_ok=True)
    user = give(state) if name == BROKER else None
    environment = dict(value.split("=", 1) for key, value in pairs if key == "Environment")
    with (MACHINE / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command(settings["ExecStart"]),
            env={"PATH": os.environ["PATH"], **environment},
            cwd=state,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=user,
            start_new_session=True,
        )
    (MACHINE / f"{name}.pid").write_text(str(process.pid), "utf-8")


def command(line: str) -> list[str]:
    words = shlex.split(line)
    if words[1:3] != ["gateway", "run"]:
        return words
    name, radio = os.environ["GATEWAY"], Path(os.environ["RADIO"])
    (radio / name).symlink_to(MACHINE / "var/lib/tocsin-gateway")
    return [words[0], "simulate", "resident", name, "--state", str(radio)]


def give(folder: Path) -> int | None:
    """Mosquitto started as root becomes somebody who can't read what is root's: let it be nobody from the start."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody, -1)
    return nobody


if __name__ == "__main__":
    main(sys.argv[1:])
