"""Adverts decoded and verified per second of one core, against AES-CCM alone over the same bytes.

Heard by a whole gateway, connected to a broker, at the place where bleak calls it; only the radio is missing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from benchmarks.figures import Figure
from benchmarks.places import gateway_settings
from benchmarks.wearers import Wearer, wearers
from gateway.app import serve
from gateway.settings import GatewaySettings
from protocols.ble import bthome
from protocols.ble.gatt import BTHOME_SERVICE_DATA
from protocols.events import Told
from tests.gateway.bluetooth import Bluetooth
from tocsin import log, settings
from tocsin.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bleak.backends.scanner import AdvertisementDataCallback

WEARERS: Final = 50
ADVERTS: Final = 5_000
REPEATS: Final = 9
LIMIT_S: Final = 30.0
_AESCCM: Final = "cryptography AESCCM.decrypt alone, same bytes"
_UNIT: Final = "adverts/s"

Advert = tuple[Wearer, bytes]


def measure(folder: Path, broker_port: int) -> list[Figure]:
    log.configure(LogSettings(level="error"))
    people = wearers(WEARERS)
    path = gateway_settings(folder, people, broker_port)
    return asyncio.run(_measure(settings.load(GatewaySettings, path), people))


class _Radio(Bluetooth):
    """Bleak's place taken; who listens is known as soon as they do."""

    def __init__(self) -> None:
        super().__init__()
        self.listener: asyncio.Future[AdvertisementDataCallback] = asyncio.get_running_loop().create_future()

    def listen(self, listener: AdvertisementDataCallback) -> None:
        super().listen(listener)
        self.listener.set_result(listener)


async def _measure(gateway: GatewaySettings, people: Sequence[Wearer]) -> list[Figure]:
    radio, stop = _Radio(), asyncio.Event()
    radio.install()
    running = asyncio.create_task(serve(gateway, stop))
    detected = await asyncio.wait_for(radio.listener, LIMIT_S)
    try:
        return _contest(detected, people)
    finally:
        stop.set()
        await asyncio.wait_for(running, LIMIT_S)


def _contest(detected: AdvertisementDataCallback, people: Sequence[Wearer]) -> list[Figure]:
    _once(detected, people)  # warm
    in_air, the_same, decoded, bare = zip(*[_once(detected, people) for _ in range(REPEATS)], strict=True)
    return [
        Figure("gateway: advert to decoded, verified, deduplicated", _UNIT, in_air, _AESCCM, bare),
        Figure("gateway: the very same advert again", _UNIT, the_same, _AESCCM, bare),
        Figure("protocols.ble.bthome.decode", _UNIT, decoded, _AESCCM, bare),
    ]


def _once(detected: AdvertisementDataCallback, people: Sequence[Wearer]) -> tuple[float, float, float, float]:
    adverts = _alarms(people)
    return (
        _rate(_heard(detected, adverts)),
        _rate(_heard(detected, adverts[-1:] * ADVERTS)),
        _rate(_decoded(adverts)),
        _rate(_decrypted(adverts)),
    )


def _alarms(people: Sequence[Wearer]) -> list[Advert]:
    """Everybody's alarm, stored and still advertised: each advert has a counter of its own and must be opened."""
    return [
        (wearer, wearer.panic(told=Told.STORED, again=True)) for _ in range(ADVERTS // WEARERS) for wearer in people
    ]


def _heard(detected: AdvertisementDataCallback, adverts: Sequence[Advert]) -> Callable[[], None]:
    calls = [
        (
            BLEDevice(wearer.address, None, {}),
            AdvertisementData(None, {}, {BTHOME_SERVICE_DATA: data}, [], None, -60, ()),
        )
        for wearer, data in adverts
    ]

    def work() -> None:
        for device, advertisement in calls:
            detected(device, advertisement)

    return work


def _decoded(adverts: Sequence[Advert]) -> Callable[[], None]:
    def work() -> None:
        for wearer, data in adverts:
            bthome.decode(wearer.address, wearer.key, data)

    return work


def _decrypted(adverts: Sequence[Advert]) -> Callable[[], None]:
    ciphers = {wearer.address: AESCCM(wearer.key, tag_length=bthome.MIC_SIZE) for wearer, _ in adverts}
    sealed = [
        (
            ciphers[wearer.address],
            bthome.nonce(wearer.address, data[0], int.from_bytes(data[-8:-4], "little")),
            data[1:-8] + data[-4:],
        )
        for wearer, data in adverts
    ]

    def work() -> None:
        for cipher, nonce, body in sealed:
            cipher.decrypt(nonce, body, None)

    return work


def _rate(work: Callable[[], object]) -> float:
    """Adverts per second of this thread's processor time: what else runs on the machine does not count."""
    start = time.thread_time()
    work()
    return ADVERTS / (time.thread_time() - start)
