"""Time the curves of Scale: processor time, as milliseconds, of costs over φ computed as arrays.

Beside them stand the same costs counted from specs, one network after the other.
`python -m benchmarks.curves` prints the rows; each has a limit in place of a peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.scale.network import Load, Network
from app.scale.pricing import price_each
from benchmarks.limits import limited
from benchmarks.rows import Row
from benchmarks.table import text
from effnet_core.architecture.families import V1
from effnet_core.architecture.scaling import STRATEGIES, ScalingCoefficients
from effnet_core.architecture.spec import expand
from effnet_core.cost.arrays import free_costs
from effnet_core.cost.report import CostTotals, summarize
from effnet_core.cost.sums import sums_of
from effnet_core.limits import PHI_MAX, PHI_MIN

RUNS = 30
SPEC_RUNS = 3  # one takes seconds
RANDOM = 10_000
RANDOM_MS = 2000.0


@dataclass(frozen=True, eq=False)
class Free:
    """Depths, widths and resolutions of B0's stage table, each (n,): drawn freely, without φ."""

    depth: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]
    resolution: npt.NDArray[np.int64]


def rows() -> tuple[Row, ...]:
    """Every row, after a look at whether arrays and the count layer by layer agree."""
    require_equal()
    free = drawn(RANDOM)
    return (four_curves(), as_arrays(free), one_by_one(free))


def four_curves() -> Row:
    """Every strategy at 200 φ, from the rule to the networks on the chart."""
    phis = np.linspace(PHI_MIN, PHI_MAX, 200).tolist()

    def draw() -> None:
        for strategy in STRATEGIES:
            price_each(Network(strategy=strategy), phis, Load())

    return limited("four strategies × 200 φ, processor time", _times(draw), 20.0)


def drawn(count: int) -> Free:
    """Networks from a fifth to four times B0's depth and width, at 32 to 1,023 pixels."""
    chance = np.random.default_rng(0)
    depth, width = chance.uniform(0.2, 4, (2, count))
    return Free(depth, width, chance.integers(32, 1024, count))


def as_arrays(free: Free) -> Row:
    """All of them in one call, and no network spelt out."""
    times = _times(lambda: free_costs(free.depth, free.width, free.resolution))
    name = f"{len(free.depth):,} random (d, w, r) of B0 as arrays, processor time"
    return limited(name, times, RANDOM_MS)


def one_by_one(free: Free) -> Row:
    """The same networks as `ArchitectureSpec`s: the time of `summarize`, not that of `expand`.

    No block is remembered at the start. Raises RuntimeError where the arrays say something else.
    """
    found = free_costs(free.depth, free.width, free.resolution)
    expected = np.stack((found.params, found.mult_adds, found.peak_activation_bytes), axis=1)
    times = []
    for _ in range(SPEC_RUNS):
        sums_of.cache_clear()
        milliseconds = 0.0
        for place in range(len(free.depth)):
            counted, taken = _summarized(free, place)
            milliseconds += taken
            says = (counted.params, counted.mult_adds, counted.peak_activation_bytes)
            if says != tuple(expected[place]):
                raise RuntimeError(f"The arrays are wrong about random network {place}.")
        times.append(milliseconds)
    name = f"{len(free.depth):,} random specs one by one (cost.summarize), processor time"
    return limited(name, times, RANDOM_MS)


def _summarized(free: Free, place: int) -> tuple[CostTotals, float]:
    """What `summarize` says of one of them, and its milliseconds."""
    coefficients = ScalingCoefficients(
        depth=float(free.depth[place]),
        width=float(free.width[place]),
        resolution=int(free.resolution[place]),
        dropout=V1.dropout,
    )
    spec = expand(V1, coefficients, name="random")
    start = time.process_time()
    counted = summarize(spec)
    return counted, (time.process_time() - start) * 1e3


def require_equal() -> None:
    """Stop where the arrays do not say what `summarize` says."""
    for strategy in STRATEGIES:
        network = Network(strategy=strategy, phi=2.5)
        (found,) = price_each(network, [2.5], Load())
        if found is None or found.mult_adds != summarize(network.spec()).mult_adds:
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
