"""Hosts with a network of their own on this machine, and the wires between them, which can be cut.

A host is a network namespace; the wires all end at the host in the middle. What arrives over a cut wire is thrown away
where it arrives, so nobody is told: TCP goes on believing in the connection, as with a dead switch on the way.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from tests.services import Process, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Result = TypeVar("Result")
MIDDLE: Final = "middle"
_CLONE_NEWNET: Final = 0x40000000
_COUNT: Final = itertools.count()


class HostsNotPermittedError(Exception):
    """This process may not make network namespaces.

    Attributes:
        cause: what ``ip`` said.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"network namespaces can't be made here ({cause.strip()}): the network tests need Linux and root, or a"
            " container with CAP_NET_ADMIN and CAP_SYS_ADMIN"
        )
        self.cause = cause


def _run(*command: str) -> None:
    subprocess.run([program(command[0], "/sbin"), *command[1:]], check=True, capture_output=True, text=True, timeout=20)


class Host:
    """A network namespace with processes in it.

    Args:
        name: what it is to people.

    Attributes:
        namespace: what it is to ``ip netns``.
        wire: to the middle; the middle itself has none of its own.
    """

    wire: Wire

    def __init__(self, name: str) -> None:
        self.namespace = f"tocsin-{os.getpid()}-{next(_COUNT)}-{name}"
        self._inside = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=self._enter)
        try:
            _run("ip", "netns", "add", self.namespace)
        except subprocess.CalledProcessError as refused:
            raise HostsNotPermittedError(refused.stderr) from refused
        self.run("ip", "link", "set", "lo", "up")

    def _enter(self) -> None:
        """This thread, and every one it starts, is in the namespace from now on."""
        with Path("/run/netns", self.namespace).open("rb") as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise HostsNotPermittedError(os.strerror(ctypes.get_errno()))

    def run(self, *command: str) -> None:
        _run(*self._within(command))

    def process(self, command: Sequence[str], log: Path) -> Process:
        return Process(self._within(command), log=log)

    def _within(self, command: Sequence[str]) -> list[str]:
        return [program("ip", "/sbin"), "netns", "exec", self.namespace, *command]

    def do(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns when it is called in this host's network; one call after the other."""
        return self._inside.submit(work).result(timeout=60)

    def close(self) -> None:
        self._inside.shutdown()
        _run("ip", "netns", "delete", self.namespace)


class Wire:
    """Between a host and the middle, which goes by ``gate`` there.

    Attributes:
        middle: address of the middle on it.
    """

    def __init__(self, host: Host, middle: Host, number: int) -> None:
        self._host, self._middle = host, middle
        self._gate, self._port = f"gate{number}", "wire"
        self._cuts: list[tuple[Host, str]] = []
        self.middle = f"10.77.{number}.1"
        ends = (self._gate, "netns", middle.namespace), (self._port, "netns", host.namespace)
        _run("ip", "link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        for end, port, address in ((middle, self._gate, self.middle), (host, self._port, f"10.77.{number}.2")):
            end.run("ip", "address", "add", f"{address}/24", "dev", port)
            end.run("ip", "link", "set", port, "up")

    def cut(self) -> None:
        """Nothing arrives any more, at either end."""
        self.mute()
        self.deafen()

    def mute(self) -> None:
        """What the host sends does not arrive; what is sent to it does."""
        self._drop(self._middle, self._gate)

    def deafen(self) -> None:
        """What is sent to the host does not arrive; what it sends does."""
        self._drop(self._host, self._port)

    def _drop(self, end: Host, port: str) -> None:
        end.run("iptables", "-A", *_dropping(port))
        self._cuts.append((end, port))

    def mend(self) -> None:
        """What was cut is whole again."""
        while self._cuts:
            end, port = self._cuts.pop()
            end.run("iptables", "-D", *_dropping(port))

    def slow(self, bytes_s: int) -> None:
        """So many bytes a second each way; more waits in a queue, and what does not fit in there is lost."""
        for end, port in ((self._middle, self._gate), (self._host, self._port)):
            rate = ("rate", f"{bytes_s * 8}bit", "burst", "1600", "limit", str(bytes_s * 4))
            end.run("tc", "qdisc", "replace", "dev", port, "root", "tbf", *rate)


def _dropping(port: str) -> tuple[str, ...]:
    return "INPUT", "-i", port, "-j", "DROP"


@contextmanager
def star(*names: str) -> Iterator[tuple[Host, list[Host]]]:
    """The host in the middle, and one of each name with a wire to it.

    Raises:
        HostsNotPermittedError: this process may not make them.
    """
    with ExitStack() as ending:
        middle, *hosts = [ending.enter_context(closing(Host(name))) for name in (MIDDLE, *names)]
        for number, host in enumerate(hosts):
            host.wire = Wire(host, middle, number)
        yield middle, hosts
