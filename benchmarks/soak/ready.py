"""Whether what watches a server is told the truth, soon and cheaply: `/live` and `/ready`.

`python -m benchmarks.soak.ready` prints the rows.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.serving import Server, by_module, serving
from benchmarks.soak.rows import Row, at_most, printed

LOOKS, WAIT_S, CHEAP = 200, 60.0, 3.0
DAMAGE = "This file has changed since it was packaged."
_DAMAGED = f"""
from effnet_core.errors import CheckpointError
from effnet_core.weights.packaged import PackagedWeights

def read(_):
    raise CheckpointError({DAMAGE!r})

PackagedWeights.read = read
from app.server.__main__ import main
main()
"""


def rows(looks: int = LOOKS) -> tuple[Row, ...]:
    """Rows of a sound server and of one whose default model cannot be read."""
    with _asking(by_module) as ask:
        early = ask("/ready")[0] == 200
        ready = _seconds_until(lambda: ask("/ready")[0] == 200)
        usual = _milliseconds(ask, "/_stcore/health", looks)
        dear = max(_milliseconds(ask, path, looks) / usual for path in ("/live", "/ready"))
    with _asking(_with_a_damaged_model) as ask:
        told = _seconds_until(lambda: DAMAGE in str(ask("/ready")[1].get("reason")))
        believed = sum(ask("/ready")[0] == 200 for _ in range(looks))
        dead = sum(ask("/live")[0] != 200 for _ in range(looks))
    return (
        at_most("/ready before an answer has come: said yes", int(early), 0),
        at_most("/ready: seconds until a sound server says yes", ready, WAIT_S),
        at_most("/live and /ready: time, times Streamlit's health, dearer one", dear, CHEAP),
        at_most("/ready with a damaged model: seconds until it says why", told, WAIT_S),
        at_most(f"/ready with a damaged model: said yes, of {looks} looks", believed, 0),
        at_most(f"/live with a damaged model: said no, of {looks} looks", dead, 0),
    )


Ask = Callable[[str], tuple[int, dict[str, object]]]


@contextmanager
def _asking(command: Callable[[int], list[str]]) -> Iterator[Ask]:
    with serving(command) as server:
        server.wait_healthy()
        yield _asker(server)


def _asker(server: Server) -> Ask:
    def ask(path: str) -> tuple[int, dict[str, object]]:
        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            text = answer.read().decode()
        finally:
            line.close()
        return answer.status, json.loads(text) if text.startswith("{") else {}

    return ask


def _with_a_damaged_model(port: int) -> list[str]:
    return [sys.executable, "-c", _DAMAGED, "--port", str(port)]


def _milliseconds(ask: Ask, path: str, looks: int) -> float:
    spent = []
    for _ in range(looks):
        start = time.perf_counter()
        ask(path)
        spent.append((time.perf_counter() - start) * 1e3)
    return statistics.median(spent)


def _seconds_until(true: Callable[[], bool]) -> float:
    start = time.perf_counter()
    while not true() and time.perf_counter() - start < 2 * WAIT_S:
        time.sleep(0.05)
    return time.perf_counter() - start


if __name__ == "__main__":
    printed(rows())
