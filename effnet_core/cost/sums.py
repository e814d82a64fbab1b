"""What steps cost in all, for one network or as arrays for many. This module needs no torch.

`cost` states the units. Peaks count elements, the caller's input image aside: `cost` adds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import mul
from typing import Any, NamedTuple

from effnet_core.architecture.rounding import Count
from effnet_core.architecture.walk import Step


class Sums(NamedTuple):
    """What steps add up to, for one image; a named tuple, because a network makes dozens.

    `weights` are those of kernels, `biases` one for each output of a layer on a single vector;
    `normed` channels pass the batch-norms, `norms` of them, and `written` elements; `pooled`
    elements are averaged. `conv` and `linear` are multiply-adds, and `peak` the most elements alive
    at once.
    """

    weights: Count
    biases: Count
    normed: Count
    norms: Count
    written: Count
    pooled: Count
    conv: Count
    linear: Count
    peak: Count

    @property
    def params(self) -> Count:
        """A batch-norm has a scale and a shift for each channel."""
        return self.weights + self.biases + self.buffers

    @property
    def buffers(self) -> Count:
        """Elements of running means and variances."""
        return 2 * self.normed

    @property
    def mult_adds(self) -> Count:
        """Those of convolutions and of the linear layer."""
        return self.conv + self.linear

    @property
    def activations(self) -> Count:
        """Elements that convolutions and the linear layer put out."""
        return self.written + self.biases

    @property
    def batch_norm(self) -> Count:
        """Its operations, 2 an element."""
        return 2 * self.written


def sums(steps: Iterable[Step], larger: Callable[[Count, Count], Count] = max) -> Sums:
    """What steps add up to; of arrays, `larger` is `np.maximum`.

    No step outlives its turn: arrays are large.
    """
    weights = biases = normed = norms = written = pooled = conv = linear = peak = 0
    for step in steps:
        kind = step.kind
        weights += step.weights
        peak = larger(peak, step.alive)
        if kind == "convolution":
            conv += step.weights * (step.after * step.after)
            written += step.written
            normed += step.outputs
            norms += 1
        elif kind == "squeeze_excite":
            conv += step.weights
            pooled += step.read
            biases += step.squeezed + step.inputs
        elif kind == "pool":
            pooled += step.read
        else:
            linear += step.weights
            biases += step.outputs
    return Sums(weights, biases, normed, norms, written, pooled, conv, linear, peak)


@lru_cache(maxsize=8192)
def sums_of(walked: Callable[..., Iterable[Step]], *numbers: Any) -> Sums:
    """`sums(walked(*numbers))`, remembered: equal blocks share one result."""
    return sums(walked(*numbers))


def total(parts: Sequence[Sums], times: Sequence[int]) -> Sums:
    """Parts that occur as often as `times` says: their sums, and their largest peak."""
    *columns, peaks = zip(*parts, strict=True)
    added = (sum(map(mul, column, times)) for column in columns)
    return Sums._make((*added, max(peaks)))
