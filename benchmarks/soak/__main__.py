"""``python -m benchmarks.soak [--seconds N] [--rate N] [--database sqlite|postgresql]``; 1 when the verdict is bad."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.soak.run import Plan, Result, run

RESULTS: Final = report.RESULTS / "soak"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    for setting in fields(Plan):
        kind = str if isinstance(setting.default, str) else float
        parser.add_argument(f"--{setting.name.replace('_', '-')}", type=kind, default=setting.default)
    plan = Plan(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started here ends with it
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="tocsin-soak-", ignore_cleanup_errors=True) as place:
        machine = report.machine(Path(place))
        result = run(Path(place), plan)
    print(f"{result}\n\n{_save(result, machine, began)}")
    sys.exit(0 if result.is_good else 1)


def _save(result: Result, machine: dict[str, object], began: datetime) -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{began:%Y-%m-%dT%H%M%SZ}-{report.commit()}.json"
    kept = {"began": began.isoformat(), "machine": machine, **result.as_json()}
    path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    main()
