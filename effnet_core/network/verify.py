"""The computed cost beside two independent counters: fvcore's and torch's own.

fvcore (`FlopCountAnalysis`, `ActivationCountAnalysis`) traces a real forward pass on the CPU and
counts one multiply-add once, as this project does. torch's `FlopCounterMode` counts a multiply and
an add separately, so its figures are halved here. Both run on networks made for the purpose:
fvcore hangs hooks on the network it traces and leaves them there when a trace fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
from fvcore.nn.jit_analysis import JitModelAnalysis
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.layers import KINDS
from effnet_core.cost.report import CostReport, analyze
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

CounterName = Literal["network", "fvcore", "torch"]

# torch's operators by the names that fvcore and this project use.
_TORCH_OPERATORS = {"aten.convolution": "conv", "aten.addmm": "linear"}


@dataclass(frozen=True, kw_only=True)
class CounterRow:
    """One figure counted twice: `computed` from the spec, `counted` on the built network.

    `counter` says who counted: "network" (the sizes of its tensors), "fvcore" or "torch";
    `quantity` is "parameters", "bytes", "operations" or "activations".
    """

    counter: CounterName
    quantity: str
    operator: str
    computed: int
    counted: int

    @property
    def difference(self) -> int:
        """Counted minus computed; 0 where they agree."""
        return self.counted - self.computed


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the counters say about `spec` at `resolution`, for one image in float32.

    `not_counted` lists the operators of the forward pass for which fvcore has no count, with how
    often each ran, most frequent first.
    """

    spec: ArchitectureSpec
    resolution: int
    rows: tuple[CounterRow, ...]
    not_counted: tuple[tuple[str, int], ...]

    @property
    def agrees(self) -> bool:
        """Whether every difference is exactly 0."""
        return all(row.difference == 0 for row in self.rows)


def verify(spec: ArchitectureSpec, *, resolution: int | None = None) -> Verification:
    """Build `spec` on the CPU and count it at `resolution` (default: its own).

    B7 takes about 5 s on two cores. Raises InvalidInput for an unusable resolution and DoesNotFit
    where the network and one forward pass do not fit in memory.
    """
    report = analyze(spec, resolution=resolution)
    network = build(spec).requires_grad_(False)
    side = report.resolution
    image = torch.zeros(1, spec.in_channels, side, side)
    operations, not_counted = _traced(FlopCountAnalysis(network, image))
    activations, _ = _traced(ActivationCountAnalysis(network, image))
    rows = (
        *_network_rows(report, network),
        *_rows(report, "fvcore", "operations", operations),
        *_rows(report, "fvcore", "activations", activations),
        *_rows(report, "torch", "operations", _torch_counts(spec, side)),
    )
    return Verification(
        spec=spec,
        resolution=side,
        rows=rows,
        not_counted=tuple(not_counted.most_common()),
    )


def _traced(analysis: JitModelAnalysis) -> tuple[Counter[str], Counter[str]]:
    """(count by operator, uncounted operators by how often they ran), without logging."""
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings(
        "none"
    )
    # With gradients enabled the network keeps to plain out-of-place operators, which fvcore knows.
    with torch.enable_grad():
        counted = analysis.by_operator()
    uncounted = analysis.unsupported_ops()
    return counted, Counter({name.removeprefix("aten::"): n for name, n in uncounted.items()})


def _torch_counts(spec: ArchitectureSpec, side: int) -> dict[str, int]:
    """Multiply-adds by operator, counted on the meta device (no memory, no arithmetic)."""
    with torch.device("meta"):
        network = EfficientNet(spec).eval().requires_grad_(False)
        image = torch.empty(1, spec.in_channels, side, side)
    with FlopCounterMode(display=False) as counter, torch.enable_grad():
        network(image)
    counts = counter.get_flop_counts()["Global"]
    return {_TORCH_OPERATORS.get(str(op), str(op)): flops // 2 for op, flops in counts.items()}


def _rows(
    report: CostReport, counter: CounterName, quantity: str, counted: Mapping[str, int]
) -> tuple[CounterRow, ...]:
    """A row for every operator that either side counts."""
    computed = _computed(report, quantity)
    if counter == "torch":  # it has no count for normalisation and pooling
        computed = {name: computed[name] for name in ("conv", "linear")}
    names = [name for name, count in computed.items() if count or name in counted]
    names += [name for name in counted if name not in computed]
    return tuple(
        CounterRow(
            counter=counter,
            quantity=quantity,
            operator=name,
            computed=computed.get(name, 0),
            counted=int(counted.get(name, 0)),
        )
        for name in names
    )


def _computed(report: CostReport, quantity: str) -> dict[str, int]:
    sums: dict[str, int] = dict.fromkeys(KINDS, 0)
    for layer in report.layers:
        operations = layer.mult_adds + layer.other_ops
        sums[layer.kind] += operations if quantity == "operations" else layer.activations
    return sums


def _network_rows(report: CostReport, network: nn.Module) -> tuple[CounterRow, ...]:
    def size(tensors: list[Tensor]) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    weights = list(network.parameters())
    return (
        CounterRow(
            counter="network",
            quantity="parameters",
            operator="all",
            computed=report.totals.params,
            counted=sum(weight.numel() for weight in weights),
        ),
        CounterRow(
            counter="network",
            quantity="bytes",
            operator="all",
            computed=report.totals.weight_bytes,
            counted=size([*weights, *network.buffers()]),
        ),
    )
