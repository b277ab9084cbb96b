"""docker-compose.yml without containers: the same commands, the same files, in one folder and on free loopback ports.

What an engine would do, and this does instead:

- A path that is mounted in a container stands below ``root``; commands, environment and settings files say so.
- A service is reached by its name inside the compose network: here that is 127.0.0.1, and each port a free one.
- What would listen everywhere listens on loopback.
- The image's own entry point: ``tocsin`` for ours; for PostgreSQL ``initdb``, as the official image does it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.deploy.composefile import FOLDER, Compose, Service
from tests.services import eventually, free_port, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES = "postgres"
LOOPBACK = "127.0.0.1"
PGDATA = "/var/lib/postgresql/data"
_TEXT = {".toml", ".conf", ".sh", ".json"}
_PORT = re.compile(r"(?<![\w.])(8443|8883|8090|2525)(?!\w)")


class FailedError(Exception):
    """A service that did not do what compose would wait for."""


class Started:
    """A service that runs."""

    def __init__(self, service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
        self.service = service
        self.process = process
        self._log = log

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def stop(self) -> int:
        """As ``docker compose stop``; the exit code, negative = the signal that ended it."""
        number = signal.Signals[self.service.raw.get("stop_signal", "SIGTERM")]
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=_seconds(self.service.raw.get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.kill()
            raise FailedError(f"{self.service.name} did not stop in its grace period:\n{self.said()[-2000:]}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Native:
    """The services of some profiles.

    Args:
        folder: of everything; others may pass through it, for PostgreSQL is nobody.
        variables: of the environment file.
        profiles: as with ``--profile``.
    """

    def __init__(self, folder: Path, variables: dict[str, str], *profiles: str) -> None:
        self.root = folder / "root"
        self.compose = Compose(variables)
        self.services = self.compose.of_profiles(*profiles)
        self.ports = {number: free_port() for number in (8443, 8883, 8090, 2525)}
        self.running: dict[str, Started] = {}
        self._postgres_port = free_port()
        self._logs = folder / "logs"
        mounted = {mount.target for each in self.services.values() for mount in each.mounts}
        targets = mounted | {"/run/secrets", "/var/lib"}
        names = "|".join(sorted(self.services, key=len, reverse=True))
        self._paths = re.compile(rf"(?<![\w.-])({'|'.join(sorted(targets, key=len, reverse=True))})(?![\w.-])")
        self._names = re.compile(rf'(?:(?<=["@])|(?<=//))(?:{names})(?=["/:])')
        self._lay_out()

    def path(self, target: str) -> Path:
        """Where a path of a container is."""
        return self.root / target.lstrip("/")

    def here(self, text: str) -> str:
        """A text of a container as it reads on this machine."""
        text = self._paths.sub(lambda match: str(self.path(match[1])), text)
        text = self._names.sub(LOOPBACK, text).replace("0.0.0.0", LOOPBACK)  # noqa: S104 - that's what it replaces
        text = _PORT.sub(lambda match: str(self.ports[int(match[1])]), text)
        return re.sub(r"(?m)^(listener \d+)$", rf"\1 {LOOPBACK}", text)

    def up(self) -> None:
        """As ``docker compose up --detach --wait``: whatever has all that it needs, at once.

        Raises:
            FailedError: a job fails, or a service is not healthy in time.
        """
        while ready := [name for name, each in self.services.items() if self._may_start(name, each)]:
            for name in ready:
                self._begin(self.services[name])
            for name in ready:
                self._wait_for(self.running[name])

    def _may_start(self, name: str, service: Service) -> bool:
        return name not in self.running and service.needs.keys() <= self.running.keys()

    def restart(self, name: str) -> int:
        """As ``docker compose restart``; the exit code."""
        code = self.running[name].stop()
        self._begin(self.services[name])
        self._wait_for(self.running[name])
        return code

    def stop(self) -> dict[str, int]:
        """Everything, in reverse; exit codes by name."""
        living = [each for each in reversed(self.running.values()) if each.process.poll() is None]
        return {each.service.name: each.stop() for each in living}

    def kill(self) -> None:
        for each in self.running.values():
            each.kill()

    def run(self, *command: str, service: str = "hub", stdin: str = "") -> str:
        """As ``docker compose exec``: what it prints.

        Raises:
            FailedError: it fails.
        """
        done = subprocess.run(
            command,
            env=self._environment(self.services[service]),
            cwd=self.root,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise FailedError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    # What an engine does

    def _lay_out(self) -> None:
        self._logs.mkdir(parents=True)
        for service in self.services.values():
            for mount in service.mounts:
                target = self.path(mount.target)
                if mount.is_named:
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    self._copy(mount.path, target)
        self._make_secrets()

    def _make_secrets(self) -> None:
        script = self._logs / "make-secrets"
        shutil.copy(FOLDER / script.name, script)
        subprocess.run([str(script)], check=True)
        secrets = self.path("/run/secrets")
        secrets.mkdir(parents=True)
        for name, each in self.compose.raw["secrets"].items():
            shutil.copy(script.parent / "secrets" / Path(each["file"]).name, secrets / name)

    def _copy(self, source: Path, target: Path) -> None:
        files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        for file in files:
            to = target if source.is_file() else target / file.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text("utf-8")
            to.write_text(self.here(text) if file.suffix in _TEXT else text, "utf-8")

    def _begin(self, service: Service) -> None:
        if not service.is_ours:
            self._give(service)
        if service.name == POSTGRES:
            self._init_postgres(service)
        log = self._logs / f"{service.name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                self._command(service),
                env=self._environment(service),
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                user=None if service.is_ours else _unprivileged(),
            )
        self.running[service.name] = Started(service, process, log)

    def _command(self, service: Service) -> list[str]:
        words = [self.here(word) for word in service.command]
        return ["tocsin", *words] if service.is_ours else words

    def _environment(self, service: Service) -> dict[str, str]:
        """What compose gives it, and nothing of ours."""
        given = service.environment
        own = {name: LOOPBACK if value in self.services else self.here(value) for name, value in given.items()}
        own["PGDATA"] = str(self.path(PGDATA))
        return {"PATH": _search_path(), "HOME": str(self.root), "PGPORT": str(self._postgres_port), **own}

    def _wait_for(self, started: Started) -> None:
        if started.service.is_job and started.process.wait(timeout=60):
            raise FailedError(f"{started.service.name} failed:\n{started.said()[-3000:]}")
        if not started.service.is_job and started.service.healthcheck:
            self._wait_for_health(started, started.service.healthcheck)

    def _wait_for_health(self, started: Started, test: list[str]) -> None:
        check = [self.here(word) for word in test]
        environment = self._environment(started.service)

        def is_well() -> bool:
            if started.process.poll() is not None:
                raise FailedError(f"{started.service.name} ended:\n{started.said()[-3000:]}")
            done = subprocess.run(check, env=environment, capture_output=True, check=False, timeout=30)
            return done.returncode == 0

        try:
            for _, port in started.service.ports:
                wait_for_port(self.ports[port], within_s=60)
            eventually(is_well, within_s=60, every_s=0.1)
        except AssertionError:
            raise FailedError(f"{started.service.name} is not healthy:\n{started.said()[-3000:]}") from None

    def _give(self, service: Service) -> None:
        """What is mounted belongs to the service's own user, as the image sees to it."""
        user = _unprivileged()
        for folder in [self.path(mount.target) for mount in service.mounts if mount.is_named and user is not None]:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user or -1, -1)

    def _init_postgres(self, service: Service) -> None:
        """What the official image's entry point does with an empty volume."""
        data, given = self.path(PGDATA), self._environment(service)
        if (data / "PG_VERSION").exists():
            return
        user = _unprivileged()
        words = ["initdb", f"--pgdata={data}", f"--username={given['POSTGRES_USER']}", "--no-sync", "--encoding=UTF8"]
        words += [f"--pwfile={given['POSTGRES_PASSWORD_FILE']}", *given["POSTGRES_INITDB_ARGS"].split()]
        subprocess.run(words, check=True, capture_output=True, env=given, user=user, cwd="/")
        with (data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write("unix_socket_directories = ''\n")
        create = f"CREATE DATABASE {given['POSTGRES_DB']};\n".encode()
        single = ["postgres", "--single", "-D", str(data), "postgres"]
        subprocess.run(single, input=create, check=True, capture_output=True, env=given, user=user, cwd="/")


def _unprivileged() -> int | None:
    """For programs that refuse to run as root, or become somebody else then."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _search_path() -> str:
    postgres = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
    postgres += ["/opt/homebrew/opt/postgresql/bin", "/usr/local/opt/postgresql/bin"]
    return os.pathsep.join([str(Path(sys.executable).parent), *postgres, os.environ["PATH"], "/usr/sbin"])


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@contextmanager
def running(folder: Path, variables: dict[str, str], *profiles: str) -> Iterator[Native]:
    """The services of some profiles; nothing of them is left afterwards."""
    native = Native(folder, variables, *profiles)
    try:
        native.up()
        yield native
    finally:
        native.kill()
