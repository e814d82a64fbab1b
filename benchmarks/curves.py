"""Time the curves of Scale: processor time, as milliseconds, of costs over φ computed as arrays.

`python -m benchmarks.curves` prints the rows; each has a limit in place of a peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from app.network import Network
from app.pricing import price_each
from benchmarks.limits import limited
from benchmarks.rows import Row
from benchmarks.table import text
from effnet_core.cost import summarize
from effnet_core.cost_curves import free_costs
from effnet_core.scaling import PHI_MAX, PHI_MIN, STRATEGIES

RUNS = 30


def rows() -> tuple[Row, ...]:
    """Both rows, after a look at whether arrays and the count layer by layer agree."""
    require_equal()
    return (four_curves(), random_specs())


def four_curves() -> Row:
    """Every strategy at 200 φ, from the rule to the networks on the chart."""
    phis = np.linspace(PHI_MIN, PHI_MAX, 200).tolist()

    def draw() -> None:
        for strategy in STRATEGIES:
            price_each(Network(), strategy, phis, batch=1, dtype="float32")

    return limited("four strategies × 200 φ, processor time", _times(draw), 20.0)


def random_specs() -> Row:
    """10,000 free depths, widths and resolutions."""
    chance = np.random.default_rng(0)
    depth, width = chance.uniform(0.2, 4, (2, 10_000))
    sides = chance.integers(32, 1024, 10_000)
    times = _times(lambda: free_costs(depth, width, sides))
    return limited("10,000 random networks, processor time", times, 2000.0)


def require_equal() -> None:
    """Stop where the arrays do not say what `cost.summarize` says."""
    for strategy in STRATEGIES:
        (found,) = price_each(Network(), strategy, [2.5], batch=1, dtype="float32")
        expected = summarize(Network().at(2.5, strategy))
        if found is None or found.totals.mult_adds != expected.mult_adds:
            raise RuntimeError(f"The arrays are wrong about {strategy} scaling.")


def _times(call: Callable[[], object]) -> list[float]:
    call()
    found = []
    for _ in range(RUNS):
        start = time.process_time()
        call()
        found.append((time.process_time() - start) * 1e3)
    return found


if __name__ == "__main__":
    print(text(rows()))
