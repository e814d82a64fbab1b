"""A cell of a feature map worked out from what its block read, in float64. No torch here.

The block diagram is `architecture.walk`'s; the values are the network's own (`engines.onnx.parts`).
Sources: MBConv from MobileNetV2 (arXiv 1801.04381), squeeze-and-excitation (arXiv 1709.01507, eq. 2
to 4), FusedMBConv from EfficientNetV2 (arXiv 2104.00298). Sums go through `einsum`, never numpy's
BLAS, for the reason that `cam` gives.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.steps import Step
from effnet_core.architecture.walk import Part, features, walk, window
from effnet_core.attribution.cell import (
    ACTIVATIONS,
    Array,
    Cell,
    CellArithmetic,
    Sum,
    SumActivation,
    SumRole,
)
from effnet_core.engines.onnx.parts import PartMaps
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.errors import InvalidInput


def cell_arithmetic(
    spec: ArchitectureSpec, tensors: Tensors, maps: PartMaps, cell: Cell
) -> CellArithmetic:
    """The sums that made one cell of one picture; `maps` are `part_maps` of the same network.

    Raises InvalidInput for a cell that the network does not have.
    """
    number, part = find_part(spec, cell.stage, cell.block)
    read, put_out = maps.maps[number], maps.maps[number + 1]
    _require_inside(cell, put_out.shape)
    worked = _Worked(spec, tensors, part, cell, read, maps.means[number])
    sums = tuple(worked.sums())
    if part.block is not None and spec.blocks[number - 1].skip:
        shortcut = float(read[cell.channel, cell.row, cell.column])
        sums = *sums, _vector("shortcut", cell.channel, [sums[-1].output, shortcut], [1, 1])
    place = (cell.channel, cell.row, cell.column)
    return CellArithmetic(
        cell=cell, sums=sums, network=float(put_out[place]), plane=put_out[cell.channel].copy()
    )


def find_part(spec: ArchitectureSpec, stage: int, block: int | None = None) -> tuple[int, Part]:
    """The part that puts out a stage's feature map, or one block's, and its number in the walk.

    Raises InvalidInput where the network has none such.
    """
    every = list(enumerate(walk(spec, spec.resolution)))
    inside = [pair for pair in every if pair[1].stage == stage]
    if not inside:
        raise InvalidInput(
            f"The stage must be a whole number from 0 (stem) to {spec.stage_count + 1} (head "
            f"convolution); got {stage!r:.40}."
        )
    if block is None:
        return inside[-1]
    found = [pair for pair in inside if pair[1].block == block]
    if not found:
        last = inside[-1][1].block
        has = "no blocks" if last is None else f"blocks 0 to {last}"
        raise InvalidInput(f"Stage {stage} has {has}; got {block!r:.40}.")
    return found[0]


def contributions(features: npt.NDArray[np.floating], gradient: npt.NDArray[np.floating]) -> Array:
    """What each channel gives a logit: Σ gradient · value over its places, (C,).

    From feature maps and the logit's gradient by them, each (C, h, w). It is gradient × input
    (arXiv 1605.01713, §2), and at the last feature map, which pooling and a linear layer follow, it
    is exact: with the bias the channels add up to the logit.
    """
    found: Array = np.einsum("chw,chw->c", features.astype(np.float64), gradient.astype(np.float64))
    return found


class _Worked:
    """The convolutions of a part, and its gates, at the places that one cell needs."""

    def __init__(
        self,
        spec: ArchitectureSpec,
        tensors: Tensors,
        part: Part,
        cell: Cell,
        read: npt.NDArray[np.float32],
        means: npt.NDArray[np.float32] | None,
    ) -> None:
        self.spec, self.tensors, self.part, self.cell, self.means = spec, tensors, part, cell, means
        last = part.steps.index(features(part.steps))
        self.steps = part.steps[: last + 1]
        looks = window(self.steps)
        self.side = looks.before
        before = padding_before(spec, looks)
        self.corner = (
            cell.row * looks.stride - before,
            cell.column * looks.stride - before,
        )
        self.inside, self.patch = _patch(read, self.corner, looks.kernel)

    def sums(self) -> Iterator[Sum]:
        """Those of the cell in order; what a sum reads is that of its strongest term's."""
        reads = [self.patch]  # (C, k, k) of the window, then (C, 1, 1)
        for step in self.steps[:-1]:
            gates = step.kind == "squeeze_excite"
            reads.append(self._gated(reads[-1]) if gates else self._all(step, reads[-1]))
        channel, at = self.cell.channel, (0, 0)
        found: list[Sum] = []  # the last first
        for step, x in zip(self.steps[::-1], reads[::-1], strict=True):
            if step.kind == "squeeze_excite":
                found += [*self._gate(channel, float(x[channel, 0, 0]))][::-1]
                continue
            one = self._sum(step, x, channel, at)
            found.append(one)
            ((term, *_), _) = one.strongest(1)
            channel = term.channel
            if one.role != "project" and term.row is not None and term.column is not None:
                at = (term.row - self.corner[0], term.column - self.corner[1])
        return reversed(found)

    def _all(self, step: Step, x: Array) -> Array:
        """Every channel of a convolution that is not the part's last, at the places needed."""
        weights = self._tensor(f"{step.role}.conv.weight")
        if step.depthwise:
            sums = np.einsum("ckl,ckl->c", x, weights[:, 0])[:, None, None]
        elif step.kernel > 1:
            sums = np.einsum("ockl,ckl->o", weights, x)[:, None, None]
        else:
            flat = np.ascontiguousarray(x.reshape(len(x), -1).T)  # (places, C)
            sums = np.einsum("oc,pc->op", weights[:, :, 0, 0], flat).reshape(-1, *x.shape[1:])
        scale, shift = self._norm(step)
        found = ACTIVATIONS[self.spec.activation](
            sums * scale[:, None, None] + shift[:, None, None]
        )
        # What pads the next convolution is 0, not what this one would make of zeros.
        pads = found.shape[1:] == self.inside.shape
        return np.where(self.inside, found, 0) if pads else found

    def _sum(self, step: Step, x: Array, channel: int, at: tuple[int, int]) -> Sum:
        """One channel of a convolution; an expansion is taken at the place `at` of the window."""
        weights = self._tensor(f"{step.role}.conv.weight", channel)
        scale, shift = (float(each[channel]) for each in self._norm(step))
        corner = self.corner
        if step.role == "expand":
            x = x[:, at[0] : at[0] + 1, at[1] : at[1] + 1]
            corner = (corner[0] + at[0], corner[1] + at[1])
        elif step.role == "project":
            corner = (self.cell.row, self.cell.column)
        return Sum(
            role=step.role,
            channel=channel,
            values=x[channel : channel + 1] if step.depthwise else x,
            weights=weights,
            first_channel=channel if step.depthwise else 0,
            corner=corner,
            side=step.after if step.role == "project" else step.before,
            scale=scale,
            shift=shift,
            activation=self.spec.activation if step.activated else "none",
        )

    def _gated(self, x: Array) -> Array:
        """x (C, 1, 1) times the gates of all channels."""
        hidden = self._reduced()
        weights, bias = self._tensor(_EXPAND + "weight"), self._tensor(_EXPAND + "bias")
        inner = np.einsum("oc,c->o", weights[:, :, 0, 0], hidden) + bias
        return x * ACTIVATIONS["sigmoid"](inner)[:, None, None]

    def _reduced(self) -> Array:
        """What the hidden units of squeeze-and-excitation put out, (squeezed,)."""
        assert self.means is not None
        weights, bias = self._tensor(_REDUCE + "weight"), self._tensor(_REDUCE + "bias")
        means = self.means.astype(np.float64)
        sums = np.einsum("oc,c->o", weights[:, :, 0, 0], means) + bias
        return ACTIVATIONS[self.spec.activation](sums)

    def _gate(self, channel: int, x: float) -> Iterator[Sum]:
        """The sums of one channel's gate, by its strongest hidden unit, and the product with it."""
        assert self.means is not None
        excite = self._biased("excite", _EXPAND, channel, self._reduced(), "sigmoid")
        ((strongest,), _) = excite.strongest(1)
        activation = self.spec.activation
        yield self._biased("reduce", _REDUCE, strongest.channel, self.means, activation)
        yield excite
        yield _vector("gate", channel, [x], [excite.output])

    def _biased(
        self,
        role: SumRole,
        place: str,
        channel: int,
        values: npt.NDArray[np.floating],
        activation: SumActivation,
    ) -> Sum:
        """One unit of squeeze-and-excitation."""
        return Sum(
            role=role,
            channel=channel,
            values=values.astype(np.float64)[:, None, None],
            weights=self._tensor(place + "weight", channel),
            shift=float(self._tensor(place + "bias")[channel]),
            activation=activation,
        )

    def _norm(self, step: Step) -> tuple[Array, Array]:
        """Batch-norm as scale and shift, each (C,)."""
        gamma, beta, mean, variance = (
            self._tensor(f"{step.role}.norm.{name}")
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + self.spec.bn_eps)
        return scale, beta - mean * scale

    def _tensor(self, name: str, channel: int | None = None) -> Array:
        found = self.tensors[self.part.prefix + name]
        return (found if channel is None else found[channel]).astype(np.float64)


_REDUCE, _EXPAND = "squeeze_excite.reduce.", "squeeze_excite.expand."


def padding_before(spec: ArchitectureSpec, step: Step) -> int:
    """Rows of zeros above a convolution's input, as many as columns to the left of it."""
    if spec.padding == "symmetric" or step.stride == 1:
        return (step.kernel - 1) // 2
    needed: int = (step.after - 1) * step.stride + step.kernel - step.before
    return max(needed, 0) // 2


def _patch(
    read: npt.NDArray[np.float32], corner: tuple[int, int], kernel: int
) -> tuple[npt.NDArray[np.bool_], Array]:
    """Which places of a window are in the map (k, k), and the window of it (C, k, k)."""
    sides = read.shape[1:]
    places = [start + np.arange(kernel) for start in corner]
    rows, columns = (((p >= 0) & (p < n)) for p, n in zip(places, sides, strict=True))
    inside = rows[:, None] & columns
    clipped = [np.clip(p, 0, n - 1) for p, n in zip(places, sides, strict=True)]
    values = read[:, clipped[0][:, None], clipped[1]].astype(np.float64)
    return inside, np.where(inside, values, 0)


def _vector(role: SumRole, channel: int, values: list[float], weights: list[float]) -> Sum:
    """A sum over few numbers that stand in no map."""
    shaped = (np.array(each, np.float64)[:, None, None] for each in (values, weights))
    return Sum(
        role=role,
        channel=channel,
        values=next(shaped),
        weights=next(shaped),
        first_channel=channel,
    )


def _require_inside(cell: Cell, shape: tuple[int, ...]) -> None:
    given = (cell.channel, cell.row, cell.column)
    names = ("channel", "row", "column")
    for name, value, count in zip(names, given, shape, strict=True):
        if not 0 <= value < count:
            raise InvalidInput(
                f"The {name} of stage {cell.stage}'s feature map must be a whole number from 0 to "
                f"{count - 1}; got {value}."
            )
