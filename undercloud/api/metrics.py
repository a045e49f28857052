"""Counters and gauges for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from undercloud.deploy.engine import Engine, Status

CONTENT_TYPE = "text/plain"
_LAST = 200  # deployments that are counted by how they ended


class Metrics:
    """One registry a service, so that several may live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "undercloud_api_requests",
            "Requests by operation and status",
            ["operation", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "undercloud_api_request_seconds", "Time to answer", ["operation"], registry=self._registry
        )
        self.streams = Gauge(
            "undercloud_api_event_streams", "Open streams of events", registry=self._registry
        )
        self._stacks = Gauge("undercloud_stacks", "Stacks by status", ["status"], registry=self._registry)
        self._recent = Gauge(
            "undercloud_recent_deployments",
            f"The last {_LAST} deployments by operation and status",
            ["operation", "status"],
            registry=self._registry,
        )

    def text(self, engine: Engine) -> bytes:
        """All of them, what the database tells included."""
        self._stacks.clear()
        for stack in engine.stacks():
            self._stacks.labels(stack.status).inc()
        self._recent.clear()
        for each in engine.deployments(limit=_LAST):
            self._recent.labels(str(each.operation), str(Status(each.status))).inc()
        return generate_latest(self._registry)
