"""Presence digests of thousands of devices, at a steady pace: what gateways send all day long.

``python -m benchmarks.digests PORT FIRST``   devices from number FIRST on; begins when told a line, ends when killed
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from benchmarks.bare import connected
from benchmarks.wearers import ORGANISATION, SPEAKER, Message, wearers
from protocols.ids import GatewayId
from protocols.mqtt.envelope import PresenceData, PresenceEnvelope, TimeQuality
from protocols.mqtt.topics import Channel, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.wearers import Wearer

DEVICES: Final = 2_000
PER_GATEWAY: Final = 50
A_SECOND: Final = 20_000
"""Devices that digests tell of: each of them ten times a second."""
LONGEST_S: Final = 16
_EVERY_S: Final = PER_GATEWAY / A_SECOND
_TOLD_EACH: Final = 20
_HEARD_FOR: Final = timedelta(seconds=1)


def crowd(first: int) -> list[Wearer]:
    """Who is heard all the time, each by one of so many gateways."""
    return [_at_gateway(wearer, index // PER_GATEWAY) for index, wearer in enumerate(wearers(first + DEVICES)[first:])]


def _at_gateway(wearer: Wearer, number: int) -> Wearer:
    return replace(wearer, speaker=replace(SPEAKER, gateway=GatewayId(f"crowd-{number}")))


def digests(people: Sequence[Wearer], seconds: float) -> Iterator[Message]:
    """One gateway after the other, each frame of a device newer than the one before."""
    numbers, now = count(), datetime.now(UTC)
    for _ in range(int(seconds * A_SECOND / len(people))):
        for begin in range(0, len(people), PER_GATEWAY):
            yield _digest(people[begin : begin + PER_GATEWAY], next(numbers), now)


def _digest(people: Sequence[Wearer], number: int, now: datetime) -> Message:
    """The envelope is a gateway's own; its devices are put in as text, many thousands of them in a few seconds."""
    speaker = people[0].speaker
    envelope = PresenceEnvelope(
        id=f"{speaker.boot}-presence-{number}",
        source=speaker.source,
        time=now,
        timequality=TimeQuality.SYNCHRONISED,
        data=PresenceData(boot=speaker.boot, devices=[]),
    ).model_dump(mode="json", exclude_none=True)
    envelope["data"]["devices"] = [_heard(wearer, now - _HEARD_FOR) for wearer in people]
    return Message(str(Topic(ORGANISATION, speaker.gateway, Channel.PRESENCE)), json.dumps(envelope).encode())


def _heard(wearer: Wearer, at: datetime) -> dict[str, object]:
    return {"address": wearer.address, "frame": wearer.heartbeat().hex(), "heard_at": at.isoformat(), "rssi": -60}


def told_of(said: str) -> int:
    """Of how many devices digests have told so far, from what :func:`send` has said."""
    numbers = [int(line) for line in said.splitlines() if line.isdecimal()]
    return PER_GATEWAY * max(numbers, default=0)


def send(port: str, first: str) -> None:
    """All made beforehand, so that nothing but sending is done meanwhile."""
    made = list(digests(crowd(int(first)), LONGEST_S))
    client = connected(int(port), "bench/none", take=lambda _: None)
    client.loop_start()
    sys.stdin.readline()
    start = time.monotonic()
    for index, message in enumerate(made):
        time.sleep(max(0.0, start + index * _EVERY_S - time.monotonic()))
        client.publish(*message, qos=1)
        if not (index + 1) % _TOLD_EACH:
            print(index + 1, flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    send(*sys.argv[1:])
