"""Time the curves of Scale: costs over φ computed as arrays, in processor time.

Beside them stand the same costs counted from specs, one network after the other: layer by layer,
and summed up block by block. `python -m benchmarks.curves` prints the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from app.scale.network import Load, Network
from app.scale.pricing import price_each
from benchmarks.rows import Row, beside
from benchmarks.table import text
from effnet_core.architecture.families import V1
from effnet_core.architecture.scaling import STRATEGIES, ScalingCoefficients, Strategy
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.arrays import free_costs
from effnet_core.cost.report import CostTotals, analyze, summarize
from effnet_core.cost.sums import sums_of
from effnet_core.errors import InvalidInput
from effnet_core.limits import PHI_MAX, PHI_MIN

ROUNDS, RUNS = 3, 10
RANDOM = 10_000


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
    return (four_curves(), random_networks(free))


def four_curves(count: int = 200) -> Row:
    """Every strategy at `count` φ, from the rule to the networks on the chart."""
    phis = np.linspace(PHI_MIN, PHI_MAX, count).tolist()

    def draw() -> None:
        for strategy in STRATEGIES:
            price_each(Network(strategy=strategy), phis, Load())

    def layer_by_layer() -> None:
        for strategy in STRATEGIES:
            for phi in phis:
                if (spec := _existing(strategy, phi)) is not None:
                    analyze(spec)

    name = f"four strategies × {count} φ, processor time"
    rounds = [(_times(draw, RUNS), _times(layer_by_layer, 1)) for _ in range(ROUNDS)]
    return beside(name, [o for o, _ in rounds], "layer by layer", [t for _, t in rounds], 1 / 40)


def _existing(strategy: Strategy, phi: float) -> ArchitectureSpec | None:
    """The network on the curve, or None where it has too many blocks to be one."""
    try:
        return Network(strategy=strategy, phi=phi).spec()
    except InvalidInput:
        return None


def drawn(count: int) -> Free:
    """Networks from a fifth to four times B0's depth and width, at 32 to 1,023 pixels."""
    chance = np.random.default_rng(0)
    depth, width = chance.uniform(0.2, 4, (2, count))
    return Free(depth, width, chance.integers(32, 1024, count))


def random_networks(free: Free) -> Row:
    """All of them in one call, beside the same networks as specs, one by one."""
    name = f"{len(free.depth):,} random (d, w, r) of B0 as arrays, processor time"
    call = partial(free_costs, free.depth, free.width, free.resolution)
    rounds = [(_times(call, RUNS), [one_by_one(free)]) for _ in range(ROUNDS)]
    ours, theirs = [o for o, _ in rounds], [t for _, t in rounds]
    return beside(name, ours, "specs one by one (cost.summarize)", theirs)


def one_by_one(free: Free) -> float:
    """Milliseconds of `summarize` for the same networks as `ArchitectureSpec`s, without `expand`.

    No block is remembered at the start. Raises RuntimeError where the arrays say something else.
    """
    found = free_costs(free.depth, free.width, free.resolution)
    expected = np.stack((found.params, found.mult_adds, found.peak_activation_bytes), axis=1)
    sums_of.cache_clear()
    milliseconds = 0.0
    for place in range(len(free.depth)):
        counted, taken = _summarized(free, place)
        milliseconds += taken
        says = (counted.params, counted.mult_adds, counted.peak_activation_bytes)
        if says != tuple(expected[place]):
            raise RuntimeError(f"The arrays are wrong about random network {place}.")
    return milliseconds


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


def _times(call: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of processor time of each of `runs` calls."""
    found = []
    for _ in range(runs):
        start = time.process_time()
        call()
        found.append((time.process_time() - start) * 1e3)
    return found


if __name__ == "__main__":
    print(text(rows()))
