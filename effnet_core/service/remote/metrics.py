"""What an engine counts for Prometheus: answers, seconds, refusals, and memory of all processes."""

from __future__ import annotations

import contextlib
import os

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """One engine's counters; `method` is that of the service which was asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "effnet_answer_seconds",
            "From a question's last byte to its answer.",
            ["method"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "effnet_refusals",
            "Questions that got a sentence instead, by HTTP's number; 499: nobody waited any more.",
            ["method", "status"],
            registry=self._registry,
        )
        self.asked = Gauge("effnet_questions", "Worked on or waiting now.", registry=self._registry)
        memory = Gauge(
            "effnet_memory_bytes",
            "Resident memory of the engine's processes together.",
            registry=self._registry,
        )
        memory.set_function(_memory)

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count one question."""
        if status == 200:
            self._seconds.labels(method).observe(seconds)
        else:
            self._refusals.labels(method, str(status)).inc()

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)


def _memory() -> float:
    """Of this process, the one that started it, and all that that one has started."""
    total = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(os.getppid())
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total
