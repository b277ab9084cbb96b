"""Ids in words: what a fault or a chain of the journal is about, by the name that people know it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.store.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.store.faults import Fault
    from hub.store.sessions import SessionRecord
    from hub.web.reading import Names

_HEADS: Final = {
    FaultKind.ACCESS_REFUSED: "Somebody was refused",
    FaultKind.NOBODY_TO_TELL: "An alarm with nobody to tell",
}
"""Of kinds whose own name needs more words."""


def headline(fault: Fault) -> str:
    """What kind of fault it is."""
    return _HEADS.get(fault.kind, fault.kind.capitalize())


def subject(fault: Fault, names: Names, sessions: Sequence[SessionRecord]) -> str:
    """What a fault is about."""
    if fault.kind is FaultKind.DEVICE_SILENT:
        return _session(fault.subject, names, sessions) or fault.subject
    known = names.device(fault.subject)
    if fault.kind is FaultKind.ACCESS_REFUSED and known == fault.subject:
        return _caller(fault.subject)
    return known


def detail(fault: Fault, names: Names, sessions: Sequence[SessionRecord]) -> str:
    """What is known of a fault, with names for ids."""
    if fault.kind is FaultKind.DEVICE_SILENT:
        session = next((one for one in sessions if one.id == fault.subject), None)
        if session is not None:
            return "not heard in their session" + names.at(session.place)
    spoken = fault.detail
    for address, device in names.devices.items():
        spoken = spoken.replace(address, device.label)
    return spoken


def _session(number: str, names: Names, sessions: Sequence[SessionRecord]) -> str | None:
    session = next((one for one in sessions if one.id == number), None)
    return None if session is None else f"the device of {names.worker(session.worker)}"


def _caller(name: str) -> str:
    """By the id of a gateway, or an address on the network."""
    is_network = "." in name or ":" in name
    return f"at the network address {name}" if is_network else f"in the name of gateway {name}"


def chain(number: str, names: Names) -> tuple[str, str]:
    """What a chain of the journal is about: which kind of thing, and its name; of incidents and sessions the id."""
    kind, colon, own = number.partition(":")
    if not colon:
        return "", number
    known = {"worker": names.worker, "device": names.device, "account": names.account, "place": names.place}
    return kind, known.get(kind, str)(own)
