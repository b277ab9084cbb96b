"""Mosquitto's dynamic security plugin, spoken to over MQTT (https://mosquitto.org/documentation/dynamic-security/).

Commands go as JSON to ``$CONTROL/dynamic-security/v1``; several in one message are carried out in order. Each answer
comes back with the ``correlationData`` of its command, to the connection that asked and to nobody else.
"""

from __future__ import annotations

import itertools
import json
import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from tocsin.mqtt import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.broker.access_list import Command
    from tocsin.mqtt import Received
    from tocsin.settings import MqttSettings

log = structlog.get_logger()

TOPIC: Final = "$CONTROL/dynamic-security/v1"
BATCH: Final = 100
"""Commands in one message."""
_ALL: Final = {"verbose": True, "count": -1, "offset": 0}
_DONE: Final = {
    "createClient": "Client already exists",
    "createRole": "Role already exists",
    "deleteClient": "Client not found",
    "deleteRole": "Role not found",
}
"""What the plugin says when another replica of this hub was faster."""


class DynsecError(Exception):
    """The broker would not do something.

    Attributes:
        command: which.
        reason: what the plugin said.
    """

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"the broker refused {command}: {reason}")
        self.command = command
        self.reason = reason


class DynsecUnreachableError(Exception):
    """The broker's administration does not answer.

    Attributes:
        problem: in words.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"the broker's access list can't be looked after: {problem}")
        self.problem = problem


class Dynsec:
    """A connection as administrator of the plugin.

    Args:
        settings: where the broker is, and the account.
        client_id: unique at the broker.
        timeout_s: how long to wait for the answers to one message.
        on_connect: called on the connection's thread, each time it has come back.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        timeout_s: float = 10.0,
        on_connect: Callable[[], None] = lambda: None,
    ) -> None:
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._name = client_id
        self._arrived = threading.Condition()
        self._answers: dict[str, Command] = {}
        self._link = Connection(
            settings,
            client_id=client_id,
            subscriptions=[f"{TOPIC}/response"],
            on_message=self._take,
            on_connect=on_connect,
        )

    @property
    def connected(self) -> bool:
        return self._link.connected

    def start(self) -> None:
        self._link.start()

    def stop(self) -> None:
        self._link.stop()

    def wait_connected(self, timeout_s: float) -> bool:
        return self._link.wait_connected(timeout_s)

    def certificate_ends(self) -> datetime | None:
        """When the broker's certificate runs out; None without TLS or without a connection."""
        certificate = self._link.peer_certificate()
        ends = certificate.get("notAfter") if certificate else None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None

    def clients(self) -> list[Command]:
        return list(self._read("listClients", _ALL)["clients"])

    def roles(self) -> list[Command]:
        return list(self._read("listRoles", _ALL)["roles"])

    def defaults(self) -> list[Command]:
        return list(self._read("getDefaultACLAccess", {})["acls"])

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do all of this, in order. What is done already, or gone already, is as good as done.

        Raises:
            DynsecUnreachableError: no answer; some of it may have been done.
            DynsecError: something was refused; what follows it was tried all the same.
        """
        refused = [
            DynsecError(answer["command"], answer["error"])
            for start in range(0, len(commands), BATCH)
            for answer in self.ask(commands[start : start + BATCH])
            if "error" in answer and answer["error"] != _DONE.get(answer["command"])
        ]
        if refused:
            raise refused[0]

    def ask(self, commands: Sequence[Command]) -> list[Command]:
        """The answers to these commands, in their order; one message.

        Raises:
            DynsecUnreachableError: no connection, or no answer in time.
        """
        numbered = {f"{self._name}/{next(self._numbers)}": command for command in commands}
        message = {"commands": [{**command, "correlationData": number} for number, command in numbered.items()]}
        with self._arrived:
            self._answers.clear()
        if not self._link.publish(TOPIC, json.dumps(message).encode()):
            raise DynsecUnreachableError("no connection")
        with self._arrived:
            if not self._arrived.wait_for(lambda: numbered.keys() <= self._answers.keys(), self._timeout_s):
                raise DynsecUnreachableError(f"no answer in {self._timeout_s:g} s")
            return [self._answers[number] for number in numbered]

    def _read(self, command: str, arguments: Command) -> Command:
        answer = self.ask([{"command": command, **arguments}])[0]
        if "error" in answer:
            raise DynsecError(command, answer["error"])
        data: Command = answer["data"]
        return data

    def _take(self, message: Received) -> None:
        """On the connection's thread. What can't be read answers nothing."""
        message.acknowledge()
        try:
            answers: list[Any] = json.loads(message.payload)["responses"]
            read = {str(answer["correlationData"]): answer for answer in answers if "correlationData" in answer}
        except (ValueError, KeyError, TypeError) as wrong:
            log.warning("the broker's answer can't be read", error=str(wrong))
            return
        with self._arrived:
            self._answers.update(read)
            self._arrived.notify_all()
