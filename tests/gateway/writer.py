"""Keeps events as fast as it can and says each that is safe, until it is killed."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from gateway.outbox import Outbox
from tests.gateway.air import Time, event


def main(directory: Path) -> None:
    time = Time()
    box = Outbox(directory, max_mb=1, now=time(), ballast=4096)
    for number in count():
        kept = event(number, size=300)
        box.hold(kept)
        box.flush(time())
        sys.stdout.write(f"{kept.id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
