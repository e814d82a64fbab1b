"""Measure what a pass really takes of memory on the CPU, and fit it by the tensors' bytes.

Usage: python scripts/measure_memory.py            measures all, fits, writes effnet_core/data
       python scripts/measure_memory.py fit        fits again what was measured
       python scripts/measure_memory.py ENGINE NETWORK PIXELS BATCH    one, as JSON

Each network is measured in a process of its own: the growth of its largest resident size, from
after a pass of a tiny network, which loads libraries and starts threads, to after three passes of
the network itself with random weights. Linux alone tells it.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from effnet_core.architecture.names import architecture, scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.data import tables
from effnet_core.weights.tensor_shapes import COUNTER, tensor_shapes

ENGINES = ("onnx", "torch")
NETWORKS = (
    ("b0", 224), ("b1", 240), ("b2", 260), ("b3", 300), ("lite0", 224), ("lite1", 240),
    ("lite2", 260), ("v2-b0", 192), ("-2", 168), ("-2", 256), ("1.5", 280), ("1.5", 192),
)  # fmt: skip
BATCHES = (1, 8)
PASSES = 3
COLUMNS = (
    "engine",
    "network",
    "resolution",
    "batch",
    "weights",
    "tensors",
    "built",
    "kept",
    "measured",
)
FITTED = ("engine", "activation", "building", "kept", "tensors", "worst", "left_out", "source")
SOURCE = "measured, `python scripts/measure_memory.py`"
_GRID = np.arange(0.5, 7.0, 0.02)


def spec_of(network: str, resolution: int) -> ArchitectureSpec:
    """The network of a name, or of a φ, at a resolution."""
    try:
        return scaled(float(network), resolution=resolution)
    except ValueError:
        return architecture(network, resolution=resolution)


def arrays(spec: ArchitectureSpec) -> dict[str, np.ndarray]:
    """Random tensors of a network that answers with finite numbers."""
    random = np.random.default_rng(0)
    return {
        name: np.zeros((), np.int64)
        if name.endswith(COUNTER)
        else np.abs(random.standard_normal(shape, np.float32)) / max(1, np.prod(shape[1:]))
        for name, shape in tensor_shapes(spec).items()
    }


def onnx(spec: ArchitectureSpec, batch: int) -> Callable[[], object]:
    """A pass as the engine for the CPU takes it, its graph written in memory."""
    from effnet_core.engines.onnx.graph import whole_graph
    from effnet_core.engines.onnx.session import OnnxSession

    tensors = arrays(spec)
    session = OnnxSession(whole_graph(spec, tensors))
    side = spec.resolution
    return lambda: (
        session.run(np.zeros((batch, spec.in_channels, side, side), np.float32)),
        tensors,
    )


def torch(spec: ArchitectureSpec, batch: int) -> Callable[[], object]:
    """A pass by torch's eager mode, in its contiguous layout."""

    from effnet_core.engines.torch import EagerEngine
    from effnet_core.network.build import build

    engine = EagerEngine(build(spec, seed=0).requires_grad_(False))
    side = spec.resolution
    return lambda: engine.forward(np.zeros((batch, spec.in_channels, side, side), np.float32))


def measured(engine: str, spec: ArchitectureSpec, batch: int) -> tuple[int, int, int]:
    """Bytes by which this process grew: at most before a pass, before it, and at most at all."""
    make = {"onnx": onnx, "torch": torch}[engine]
    make(scaled(-6, resolution=32), 1)()
    gc.collect()
    before = resident("VmRSS")
    run = make(spec, batch)
    built, kept = resident("VmHWM") - before, resident("VmRSS") - before
    for _ in range(PASSES):
        run()
    return built, kept, resident("VmHWM") - before


def resident(field: str) -> int:
    """Bytes of this process that are in memory now (VmRSS), or were at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def in_a_process(engine: str, network: str, resolution: int, batch: int) -> tables.Row:
    """One measurement by a process of its own."""
    asked = (engine, network, str(resolution), str(batch))
    found = subprocess.run(
        [sys.executable, __file__, *asked], check=True, capture_output=True, text=True
    )
    row: tables.Row = json.loads(found.stdout)
    return row


def one(engine: str, network: str, resolution: int, batch: int) -> tables.Row:
    """One measurement in this process, beside what the tensors take."""
    spec = spec_of(network, resolution)
    totals = summarize(spec, batch=batch)
    tensors = (totals.weight_bytes, totals.peak_activation_bytes)
    values = (*tensors, *measured(engine, spec, batch))
    return dict(zip(COLUMNS, map(str, (engine, network, resolution, batch, *values)), strict=True))


def fit(rows: Sequence[tables.Row]) -> dict[str, tuple[float, float, float]]:
    """Activation → (building, kept, tensors) of one engine's rows.

    A run takes max(building · weights, kept · weights + tensors · peak activations). Building is
    the middle of what was measured before the first pass; the others make the sum of the relative
    errors' fourth powers least, so that large errors count most and no single row decides.
    """
    columns = (np.array([float(row[name]) for row in rows]) for name in COLUMNS[4:])
    weights, tensors, built, _, whole = columns
    share = built / weights
    building = float(share.min() + share.max()) / 2
    kinds = np.array([spec_of(row["network"], 224).activation for row in rows])
    best: tuple[float, float, dict[str, float]] = (np.inf, 0.0, {})
    for kept in _GRID:
        chosen, error = {}, 0.0
        for kind in sorted(set(kinds.tolist())):
            at = kinds == kind
            by_tensors = kept * weights[at] + _GRID[:, None] * tensors[at]
            found = np.maximum(building * weights[at], by_tensors)
            errors = ((found / whole[at] - 1) ** 4).sum(1)
            chosen[kind] = float(_GRID[errors.argmin()])
            error += float(errors.min())
        best = min(best, (error, float(kept), chosen), key=lambda one: one[0])
    return {kind: (building, best[1], factor) for kind, factor in best[2].items()}


def worst(fitted: dict[str, tuple[float, float, float]], rows: Sequence[tables.Row]) -> float:
    """The largest relative error of what was fitted on these rows."""
    errors = []
    for row in rows:
        building, kept, factor = fitted[spec_of(row["network"], 224).activation]
        weights, tensors = float(row["weights"]), float(row["tensors"])
        found = max(building * weights, kept * weights + factor * tensors)
        errors.append(abs(found / float(row["measured"]) - 1))
    return max(errors)


def fitted_rows(rows: Sequence[tables.Row]) -> list[tables.Row]:
    """What is fitted for each engine, with its errors on networks seen and on each one left out."""
    found = []
    for engine in ENGINES:
        own = [row for row in rows if row["engine"] == engine]
        networks = sorted({row["network"] for row in own})
        left_out = max(
            worst(
                fit([row for row in own if row["network"] != name]),
                [row for row in own if row["network"] == name],
            )
            for name in networks
        )
        every = fit(own)
        for kind, values in every.items():
            cells = (engine, kind, *(f"{value:.3f}" for value in (*values, worst(every, own))))
            found.append(dict(zip(FITTED, (*cells, f"{left_out:.3f}", SOURCE), strict=True)))
    return found


def main(arguments: Sequence[str]) -> None:
    """Measure one, or all, or fit."""
    if len(arguments) == 4:
        engine, name, pixels, images = arguments
        print(json.dumps(one(engine, name, int(pixels), int(images))))
        return
    if arguments != ["fit"]:
        rows = []
        for engine in ENGINES:
            for network, resolution in NETWORKS:
                for batch in BATCHES:
                    rows.append(in_a_process(engine, network, resolution, batch))
                    print(rows[-1], flush=True)
        tables.write("memory_measured.csv", COLUMNS, rows)
    tables.write("memory_fitted.csv", FITTED, fitted_rows(tables.read("memory_measured.csv")))


if __name__ == "__main__":
    main(sys.argv[1:])
