"""What the hub measures of itself, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 300, 3600)


class HubMetrics:
    """One registry per hub, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.alarm_age = Gauge(
            "tocsin_alarm_age_seconds", "Age of the oldest red alert that nobody has taken", registry=registry
        )
        self.press_to_recorded = Histogram(
            "tocsin_press_to_recorded_seconds",
            "From the observed time of an alarm to its commit",
            buckets=_SECONDS,
            registry=registry,
        )
        self.press_to_first_attempt = Histogram(
            "tocsin_press_to_first_attempt_seconds",
            "From the observed time of an alarm to its first notification attempt",
            buckets=_SECONDS,
            registry=registry,
        )
        self.receipt_latency = Histogram(
            "tocsin_receipt_latency_seconds",
            "From taking a batch of events in hand to its last receipt",
            buckets=_SECONDS,
            registry=registry,
        )
        self.outbox_depth = Gauge("tocsin_outbox_depth", "Rows still to be sent", registry=registry)
        self.gateways_blind = Gauge("tocsin_gateways_blind", "Gateways that hear nothing", registry=registry)
        self.events = Counter("tocsin_events_total", "Messages on the event topic", ["outcome"], registry=registry)
        self.unmatched = Counter(
            "tocsin_unmatched_total", "Alarms without exactly one session", ["verdict"], registry=registry
        )
        self.refused = Counter("tocsin_refused_total", "Messages refused", ["channel", "reason"], registry=registry)
        self.access_refused = Counter(
            "tocsin_access_refused_total", "Attempts refused at the hub or the broker", ["kind"], registry=registry
        )
        self.broker_mended = Counter(
            "tocsin_broker_mended_total", "Changes to the broker's access list", ["command"], registry=registry
        )
        self.broker_strangers = Gauge(
            "tocsin_broker_strangers", "Users and roles at the broker that are not the hub's", registry=registry
        )
        self.sends = Counter("tocsin_sends_total", "Notifications tried", ["channel", "outcome"], registry=registry)
        self.loop_errors = Counter("tocsin_loop_errors_total", "Steps that failed", ["loop"], registry=registry)
        self.deadline_lateness = Histogram(
            "tocsin_deadline_lateness_seconds", "How late deadlines are handled", buckets=_SECONDS, registry=registry
        )

    def render(self) -> bytes:
        return generate_latest(self.registry)
