"""What a running program takes, as Linux tells in ``/proc``."""

from __future__ import annotations

from pathlib import Path


def resident_mb(pid: int) -> float:
    """Memory it has in use, shared libraries included: MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


def handles(pid: int) -> int:
    """Files and sockets it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
