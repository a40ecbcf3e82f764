"""The metrics of the server, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counts of requests, steps and streams, and times."""

    registry: CollectorRegistry
    open: Gauge

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("path", "method", "status")
        self._requests = Counter("gatewise_requests", "Requests.", names, registry=self.registry)
        self._seconds = Histogram(
            "gatewise_request_seconds", "Time to answer a request.", ("path",), registry=self.registry,
            buckets=SECONDS,
        )  # fmt: skip
        self._batches = Histogram(
            "gatewise_batch_steps", "Steps that are computed in one batch.", ("model",), buckets=STEPS,
            registry=self.registry,
        )  # fmt: skip
        self.open = Gauge("gatewise_streams", "Open streams.", registry=self.registry)

    def observe(self, path: str, method: str, status: int, seconds: float) -> None:
        """Counts a request. path: of its route"""
        self._requests.labels(path, method, status).inc()
        self._seconds.labels(path).observe(seconds)

    def observe_batch(self, model: str, steps: int) -> None:
        """Counts a batch of steps."""
        self._batches.labels(model).observe(steps)

    def text(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self.registry)
