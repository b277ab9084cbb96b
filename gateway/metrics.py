"""The gateway's state for Prometheus.

What the parts count for themselves is read when it is asked for, so that an advertisement costs no more than a counter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

_PREFIX: Final = "tocsin_gateway"
_LATENCY_BUCKETS: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300, 3600)


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading of everything.

    Attributes:
        gauges: by name.
        counters: by name.
        by_reason: counters with the label ``reason``, by name.
    """

    gauges: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    by_reason: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


HELP: Final = {
    "outbox_depth": "Events without a receipt from the hub.",
    "outbox_unstored": "Events that are in memory only, because the disk refuses them.",
    "oldest_unreceipted_seconds": "Since the event was heard that waits longest for its receipt.",
    "blind": "1 while nothing is heard although it should be.",
    "alarm_connection_up": "1 while the broker is reached.",
    "hub_online": "1 if the hub's status says online, 0 if offline, -1 if it said nothing yet.",
    "panel_faults": "What is wrong with the panel: its pins, a stuck button, a cut cable.",
    "devices_expected": "Devices whose keys are known.",
    "revoked": "1 when the hub says that it does not know this gateway any more.",
    "adverts_heard": "Advertisements of anybody.",
    "downlinks_written": "Downlinks written to devices, as far as the Bluetooth stack says.",
    "receipts_foreign": "Receipts that named a waiting event but did not belong to it.",
    "refusals": "Receipts and downlinks refused because the hub never sealed them.",
    "shed": "Kept events dropped for want of disk.",
    "digests_lost": "Presence digests that could not be sent.",
    "panel_failures": "How often the panel's pins could not be used.",
    "button_events": "Events of the wired button, by what it says.",
    "frames_refused": "Frames of expected devices that were not taken.",
    "tell_failures": "Downlinks that could not be written, by call.",
    "radio_failures": "Calls of the Bluetooth stack that failed.",
    "outbox_failures": "Writes to the outbox that failed, by SQLite's error.",
    "unreadable_messages": "Messages from the hub that can't be read, by channel.",
    "hub_failures": "Questions to the hub about keys and credentials that failed, by error.",
    "loop_faults": "Unexpected errors of the gateway itself, by loop.",
}


class Metrics(Collector):
    """A registry of its own around ``read``."""

    def __init__(self, read: Callable[[], Figures]) -> None:
        self._read = read
        self.registry = CollectorRegistry()
        self.receipt_latency = Histogram(
            f"{_PREFIX}_receipt_latency_seconds",
            "From hearing an event to the hub's receipt.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing is read at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        figures = self._read()
        for name, value in figures.gauges.items():
            yield GaugeMetricFamily(f"{_PREFIX}_{name}", HELP[name], value=value)
        for name, value in figures.counters.items():
            yield CounterMetricFamily(f"{_PREFIX}_{name}", HELP[name], value=value)
        for name, values in figures.by_reason.items():
            yield _labelled(name, values)

    def serve(self, port: int) -> Callable[[], None]:
        """Serve on loopback; returns what ends it.

        Raises:
            OSError: the port is taken.
        """
        server, thread = start_http_server(port, addr="127.0.0.1", registry=self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop


def _labelled(name: str, values: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", HELP[name], labels=["reason"])
    for reason, value in dict(values).items():
        family.add_metric([reason], value)
    return family
