#!/usr/bin/env python3
"""Print the part of requirements.lock that some requirements need, hashes and all.

    tools/lock_for.py 'tocsin[hub]' > hub.lock && pip install --no-deps --require-hashes -r hub.lock

A requirement is a package of the lock, or `tocsin` with the extras that are wanted. Who needs what stands in the lock
itself (its "via" comments), so that nothing is asked of an index. Python's standard library is all this takes.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_VIA = re.compile(r"^ +# (?:via +|  +)([A-Za-z0-9._-]+)", re.MULTILINE)


class NotLockedError(Exception):
    """A package that is wanted and does not stand in the lock.

    Attributes:
        name: the package's.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not in requirements.lock: run 'make lock'")
        self.name = name


def part(lock: str, project: dict[str, Any], wanted: Iterable[str]) -> str:
    """The part of a lock.

    Args:
        lock: text of the whole lock, with its "via" comments.
        project: the table ``project`` of pyproject.toml.
        wanted: requirements.

    Raises:
        NotLockedError: one of them, or what it needs, is not in the lock.
    """
    entries = _entries(lock)
    names = _closed({name for each in wanted for name in _roots(each, project)}, _needs(entries))
    for name in sorted(names - entries.keys()):
        raise NotLockedError(name)
    return "".join(entry for name, entry in entries.items() if name in names)


def _entries(lock: str) -> dict[str, str]:
    """Name -> its lines, in the lock's order."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return {_name(entry): entry for entry in parts if not entry.startswith("#")}


def _name(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    if match is None:
        raise NotLockedError(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower()


def _roots(requirement: str, project: dict[str, Any]) -> Iterator[str]:
    """What a requirement names: itself, or what our own package asks for with the extras."""
    if _name(requirement) != project["name"]:
        yield _name(requirement)
        return
    match = _REQUIREMENT.match(requirement)
    extras = [extra.strip() for extra in ((match and match[2]) or "").split(",") if extra.strip()]
    needs = [*project["dependencies"]] + [need for extra in extras for need in project["optional-dependencies"][extra]]
    for need in needs:
        yield from _roots(need, project) if need != requirement else ()


def _needs(entries: dict[str, str]) -> dict[str, set[str]]:
    """Name -> the packages that it needs: the "via" comments, turned round."""
    needs: dict[str, set[str]] = {}
    for name, entry in entries.items():
        for parent in _VIA.findall(entry):
            needs.setdefault(_name(parent), set()).add(name)
    if not needs:
        raise NotLockedError("who needs what")
    return needs


def _closed(names: set[str], needs: dict[str, set[str]]) -> set[str]:
    """The names, and whatever they need."""
    while more := {need for name in names for need in needs.get(name, ())} - names:
        names = names | more
    return names


def main() -> int:
    if len(sys.argv) == 1:
        sys.stderr.write(str(__doc__))
        return 2
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    try:
        sys.stdout.write(part((ROOT / "requirements.lock").read_text("utf-8"), project, sys.argv[1:]))
    except NotLockedError as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
