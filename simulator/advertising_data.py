"""Advertising bytes to bleak's :class:`AdvertisementData`, put together over time as BlueZ does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bleak.assigned_numbers import AdvertisementDataType as Ad
from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_16, normalize_uuid_32, normalize_uuid_str

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UUID_LISTS: Final[dict[int, int]] = {
    Ad.INCOMPLETE_LIST_SERVICE_UUID16: 2,
    Ad.COMPLETE_LIST_SERVICE_UUID16: 2,
    Ad.INCOMPLETE_LIST_SERVICE_UUID32: 4,
    Ad.COMPLETE_LIST_SERVICE_UUID32: 4,
    Ad.INCOMPLETE_LIST_SERVICE_UUID128: 16,
    Ad.COMPLETE_LIST_SERVICE_UUID128: 16,
}
_SERVICE_DATA: Final[dict[int, int]] = {
    Ad.SERVICE_DATA_UUID16: 2,
    Ad.SERVICE_DATA_UUID32: 4,
    Ad.SERVICE_DATA_UUID128: 16,
}


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The AD structures as (type, value); stops where the bytes end before a structure does."""
    while len(data) > 1 and data[0] and len(data) > data[0]:
        yield data[1], data[2 : 1 + data[0]]
        data = data[1 + data[0] :]


def read(data: bytes, rssi_dbm: int, platform_data: tuple[Any, ...] = ()) -> AdvertisementData:
    """One report's bytes in bleak's words. Unknown structures are left out."""
    found = list(structures(data))
    return AdvertisementData(
        local_name=_name(found),
        manufacturer_data=dict(_manufacturer_data(found)),
        service_data=dict(_service_data(found)),
        service_uuids=list(_service_uuids(found)),
        tx_power=_tx_power(found),
        rssi=rssi_dbm,
        platform_data=platform_data,
    )


def merge(known: AdvertisementData, new: AdvertisementData) -> AdvertisementData:
    """What BlueZ shows after ``new``: whatever a report does not mention stays as last heard."""
    return new._replace(
        local_name=known.local_name if new.local_name is None else new.local_name,
        manufacturer_data=known.manufacturer_data | new.manufacturer_data,
        service_data=known.service_data | new.service_data,
        service_uuids=list(dict.fromkeys(known.service_uuids + new.service_uuids)),
        tx_power=known.tx_power if new.tx_power is None else new.tx_power,
    )


def says_the_same(left: AdvertisementData, right: AdvertisementData) -> bool:
    """Whether two reports differ in nothing BlueZ would signal."""
    return left._replace(platform_data=()) == right._replace(platform_data=())


def matches(data: bytes, patterns: Iterable[tuple[int, int, bytes]]) -> bool:
    """Whether a structure of the type has the content at the position, for any of BlueZ's ``or_patterns``."""
    found = list(structures(data))
    return any(
        kind == wanted and value[start : start + len(content)] == content
        for start, wanted, content in patterns
        for kind, value in found
    )


def _name(found: list[tuple[int, bytes]]) -> str | None:
    names = dict(found)
    name = names.get(Ad.COMPLETE_LOCAL_NAME, names.get(Ad.SHORTENED_LOCAL_NAME))
    return None if name is None else name.decode("utf-8", "replace")


def _manufacturer_data(found: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    for kind, value in found:
        if kind == Ad.MANUFACTURER_SPECIFIC_DATA and len(value) > 1:
            yield _number(value[:2]), value[2:]


def _service_data(found: list[tuple[int, bytes]]) -> Iterator[tuple[str, bytes]]:
    for kind, value in found:
        size = _SERVICE_DATA.get(kind)
        if size is not None and len(value) >= size:
            yield _uuid(value[:size]), value[size:]


def _service_uuids(found: list[tuple[int, bytes]]) -> Iterator[str]:
    for kind, value in found:
        size = _UUID_LISTS.get(kind)
        if size is not None:
            yield from (_uuid(value[at : at + size]) for at in range(0, len(value) - size + 1, size))


def _tx_power(found: list[tuple[int, bytes]]) -> int | None:
    value = dict(found).get(Ad.TX_POWER_LEVEL)
    return int.from_bytes(value, "little", signed=True) if value else None


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _uuid(octets: bytes) -> str:
    """A UUID as it is on the air, least significant byte first."""
    match len(octets):
        case 2:
            return normalize_uuid_16(_number(octets))
        case 4:
            return normalize_uuid_32(_number(octets))
        case _:
            digits = octets[::-1].hex()
            parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
            return normalize_uuid_str("-".join(parts))
