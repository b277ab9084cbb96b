"""Run on the host: writes for a while as the guest will, and says which files that took, one a line.

These are what the guest has in its memory instead of a file system of its own.
"""

from __future__ import annotations

import io
import re
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

opened: set[str] = {sys.executable, str(Path(sys.prefix, "pyvenv.cfg"))}
sys.addaudithook(lambda event, about: opened.add(str(about[0])) if event == "open" else None)

from tests.faults.guest import writer  # noqa: E402 - what it opens is looked at
from tests.services import eventually  # noqa: E402

EVENTS = 8 * writer.BATCH


def main(disk: Path) -> None:
    said = io.StringIO()
    writer.Writers(disk, (), said).run(islice(writer.messages(0), EVENTS))
    eventually(lambda: said.getvalue().count("receipted") >= EVENTS, within_s=60)
    for path in sorted(opened | set(_loaded())):
        if path.startswith("/") and not path.startswith(("/proc", "/dev", f"{disk}")) and Path(path).is_file():
            sys.stdout.write(f"{path}\n")


def _loaded() -> Iterator[str]:
    """Modules, and shared libraries by every name that they go by, with what loads them."""
    for module in list(sys.modules.values()):
        yield str(getattr(module, "__file__", None))
        yield str(getattr(module, "__cached__", None))
    for path in map(Path, re.findall(r"(/\S+)$", Path("/proc/self/maps").read_text("utf-8"), re.MULTILINE)):
        yield str(path)
        stem = path.name.partition(".so")[0]
        yield from (str(name) for name in path.parent.glob(f"{stem}.so*") if name.resolve() == path)
    yield from ("/lib64/ld-linux-x86-64.so.2", "/etc/ld.so.cache")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
