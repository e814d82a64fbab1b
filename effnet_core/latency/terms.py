"""What a network's time is a sum of: amounts of work by kind of layer. This module needs no torch.

The same arithmetic prices one network, block by block, and many at once, as arrays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import mul
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.families import V1
from effnet_core.architecture.family import Family
from effnet_core.architecture.rounding import Count as Amount
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.walk import Step, runs, walk, walk_family
from effnet_core.cost.arrays import CostArrays
from effnet_core.cost.shares import Group, group_of

TERMS = (
    "pointwise_mult_adds",
    "filled_mult_adds",
    "depthwise_mult_adds",
    "dense_mult_adds",
    "activated",
    "excited",
    "feature_bytes",
    "weight_bytes",
    "vector_bytes",
    "layers",
    "excitations",
    "runs",
)
"""Amounts in one float32 picture's pass, batch-norm folded into the convolutions.

Multiply-adds of 1×1 convolutions, and the same with channels filled up to `LANES`; of depthwise and
of dense k×k convolutions; elements that pass SiLU; elements that squeeze-and-excitation pools
and rescales; bytes of feature maps read and written by convolutions; bytes of their weights; bytes
of the weights that multiply one vector, in squeeze-and-excitation and the classifier; the number of
convolutions over pictures, of squeeze-and-excitations, and 1 for the run itself. None falls when a
network grows, so with coefficients that are not negative no larger network is predicted faster.
"""

LANES = 16
"""Channels that a processor with AVX-512 computes together; a fit decides whether this one does."""

ELEMENT_BYTES = 4

Amounts: TypeAlias = tuple[Amount, ...]
"""One for each of TERMS, a number or an array of one number a network."""


def terms(spec: ArchitectureSpec) -> tuple[int, ...]:
    """What `TERMS` count in one pass of `spec` over one picture."""
    silu, parts = spec.activation == "silu", tuple(runs(spec, spec.resolution))
    amounts = [_remembered(part.walked, part.numbers, silu) for part in parts]
    return _sum(amounts, [part.times for part in parts])


def terms_by_group(spec: ArchitectureSpec) -> Mapping[Group, Amounts]:
    """The same, apart for each group of `cost.shares`: together they are `terms(spec)`."""
    silu, steps = spec.activation == "silu", defaultdict[Group, list[Step]](list)
    for part in walk(spec, spec.resolution):
        for step in part.steps:
            steps[group_of(step.role)].append(step)
    return {group: _of_steps(held, silu) for group, held in steps.items()}


def terms_of_each(
    costs: CostArrays, *, num_classes: int, family: Family = V1
) -> npt.NDArray[np.float64]:
    """The same for n networks of the formula, (n, terms); `costs` holds them by part.

    Networks that do not exist have amounts that mean nothing.
    """
    channels = [first.channels for first in (costs.parts[0], *costs.parts[1::2])]
    parts = walk_family(family, channels, costs.resolution, num_classes)
    silu = family.activation == "silu"
    amounts = [_of_steps(steps, silu) for _, steps in parts]
    columns = _sum(amounts, [part.times for part in costs.parts])
    rows = [np.broadcast_to(column, costs.exists.shape) for column in columns]
    return np.stack(rows, axis=1).astype(np.float64)


def _of_steps(steps: Iterable[Step], silu: bool) -> Amounts:
    """What the steps of one part add up to; `silu` says that activations are SiLU."""
    found = dict.fromkeys(TERMS, 0)
    for step in steps:
        for term, amount in _of_step(step, silu):
            found[term] += amount
    return tuple(found.values())


def _of_step(step: Step, silu: bool) -> Iterator[tuple[str, Amount]]:
    if step.kind == "convolution":
        mult_adds = step.weights * (step.after * step.after)
        if step.depthwise:
            yield "depthwise_mult_adds", mult_adds
        elif step.role in ("stem", "fused"):
            yield "dense_mult_adds", mult_adds
        else:
            yield "pointwise_mult_adds", mult_adds
            filled = _filled(step.inputs) * _filled(step.outputs)
            yield "filled_mult_adds", filled * (step.after * step.after)
        if silu and step.activated:
            yield "activated", step.written
        yield "feature_bytes", ELEMENT_BYTES * (step.read + step.written)
        yield "weight_bytes", ELEMENT_BYTES * (step.weights + step.outputs)
        yield "layers", 1
    elif step.kind == "squeeze_excite":
        yield "excited", step.read
        biases = step.squeezed + step.inputs
        yield "vector_bytes", ELEMENT_BYTES * (step.weights + biases)
        yield "excitations", 1
    elif step.kind == "linear":
        yield "vector_bytes", ELEMENT_BYTES * (step.weights + step.outputs)
        yield "runs", 1


@lru_cache(maxsize=16384)
def _remembered(
    walked: Callable[..., Iterator[Step]], numbers: tuple[Any, ...], silu: bool
) -> Amounts:
    return _of_steps(walked(*numbers), silu)


def _filled(channels: Amount) -> Amount:
    return -(-channels // LANES) * LANES


def _sum(parts: Sequence[Amounts], times: Sequence[Amount]) -> Amounts:
    return tuple(sum(map(mul, column, times)) for column in zip(*parts, strict=True))
