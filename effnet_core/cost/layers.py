"""Costs of single layers, from the steps that they belong to. This module needs no torch.

`cost.report` states the units; `cost.sums` has the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from effnet_core.architecture.steps import Role, Step
from effnet_core.architecture.walk import Part

Kind = Literal["conv", "linear", "batch_norm", "adaptive_avg_pool2d"]

KINDS: tuple[Kind, ...] = ("conv", "linear", "batch_norm", "adaptive_avg_pool2d")


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """One layer's cost for one image; `name` is its module path in `model.EfficientNet`.

    `stage` counts as torchvision's `features` do (0 stem, then the stages, last the head with its
    pooling and classifier); `block` is None outside blocks; `out_shape` is (channels, height,
    width). `buffers` counts floating-point buffer elements (running mean and variance).
    """

    name: str
    stage: int
    block: int | None
    role: Role
    kind: Kind
    out_shape: tuple[int, int, int]
    params: int
    mult_adds: int = 0
    other_ops: int = 0
    activations: int = 0
    buffers: int = 0


def layers(part: Part) -> Iterator[LayerCost]:
    """Every layer of a part, in the order in which they run."""
    for step in part.steps:
        if step.kind == "convolution":
            yield from _convolution(part, step)
        elif step.kind == "squeeze_excite":
            yield _pooling(part, step, "squeeze_excite.pool")
            yield _of_vector(part, step, "conv", "reduce", step.inputs, step.squeezed)
            yield _of_vector(part, step, "conv", "expand", step.squeezed, step.inputs)
        elif step.kind == "pool":
            yield _pooling(part, step, "pool")
        else:
            yield _of_vector(part, step, "linear", "", step.inputs, step.outputs)


def _convolution(part: Part, step: Step) -> Iterator[LayerCost]:
    yield _layer(
        part,
        step,
        f"{step.role}.conv",
        "conv",
        (step.outputs, step.after),
        params=step.weights,
        mult_adds=step.weights * step.after * step.after,
        activations=step.written,
    )
    yield _layer(
        part,
        step,
        f"{step.role}.norm",
        "batch_norm",
        (step.outputs, step.after),
        params=2 * step.outputs,
        other_ops=2 * step.written,
        buffers=2 * step.outputs,
    )


def _pooling(part: Part, step: Step, name: str) -> LayerCost:
    return _layer(
        part, step, name, "adaptive_avg_pool2d", (step.outputs, 1), params=0, other_ops=step.read
    )


def _of_vector(
    part: Part, step: Step, kind: Kind, place: str, inputs: int, outputs: int
) -> LayerCost:
    """A layer with biases on one vector, which squeeze-and-excitation and the classifier have."""
    return _layer(
        part,
        step,
        f"{step.role}.{place}".rstrip("."),
        kind,
        (outputs, 1),
        params=inputs * outputs + outputs,
        mult_adds=inputs * outputs,
        activations=outputs,
    )


def _layer(
    part: Part, step: Step, name: str, kind: Kind, out: tuple[int, int], **counts: int
) -> LayerCost:
    """`out` is the output's channels and side."""
    channels, side = out
    return LayerCost(
        name=part.prefix + name,
        stage=part.stage,
        block=part.block,
        role=step.role,
        kind=kind,
        out_shape=(channels, side, side),
        **counts,
    )
