"""What a family of networks is: a stage table and everything that came with it. It needs no torch.

`families` has the families themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effnet_core.architecture.rounding import (
    Count,
    Exact,
    Rounding,
    larger,
    round_channels,
    round_repeats,
    whole,
)
from effnet_core.architecture.scaling import ScalingCoefficients
from effnet_core.errors import InvalidInput

Operator = Literal["mbconv", "fused_mbconv"]
Activation = Literal["silu", "relu6", "relu"]
Padding = Literal["symmetric", "same"]
FamilyKey = Literal[
    "v1", "lite", "v2-base", "v2-s", "v2-m", "v2-l",
    "edge", "v2-xl", "v2-rw-t", "v2-rw-s", "v2-rw-m",
]  # fmt: skip

SQUEEZE_RATIO = 0.25


@dataclass(frozen=True)
class StageSpec:
    """One row of a stage table; `squeeze_ratio` is relative to the block's input channels.

    What sets a few stages apart: `widens_outputs` says that the expand ratio is of the block's
    outputs instead of its inputs, `shortcut` False that no block adds its input, and
    `always_projects` that a fused block has its 1×1 projection even where it does not widen.
    """

    operator: Operator
    expand_ratio: int
    kernel: int
    stride: int
    channels: int
    repeats: int
    squeeze_ratio: float = SQUEEZE_RATIO
    widens_outputs: bool = False
    shortcut: bool = True
    always_projects: bool = False

    def expanded(self, inputs: Count, outputs: Count) -> Count:
        """Channels inside a block, in multiples of 8 as its `inputs` and `outputs` are."""
        return (outputs if self.widens_outputs else inputs) * self.expand_ratio

    def squeezed(self, inputs: Count) -> Count:
        """Channels inside squeeze-and-excitation; 0 where a block has none."""
        return larger(whole(inputs * self.squeeze_ratio), 1) if self.squeeze_ratio else 0


@dataclass(frozen=True)
class Conventions:
    """How a framework computes batch-norm and pads a strided convolution.

    Momentum is the weight of the new batch, PyTorch's convention: the paper's decay 0.99 is
    momentum 0.01.
    """

    bn_eps: float
    bn_momentum: float
    padding: Padding


@dataclass(frozen=True, kw_only=True)
class PublishedCoefficients:
    """One row of a reference implementation's table; resolutions in pixels.

    Resolutions are the ones the variant was trained and tested at; they differ for EfficientNetV2.
    `conventions` is None where they are the family's.
    """

    name: str
    width: float
    depth: float
    train_resolution: int
    test_resolution: int
    dropout: float
    source: str
    conventions: Conventions | None = None

    @property
    def coefficients(self) -> ScalingCoefficients:
        """The row as scaling coefficients, at its test resolution."""
        return ScalingCoefficients(self.depth, self.width, self.test_resolution, self.dropout)


@dataclass(frozen=True, kw_only=True)
class Family:
    """A network before scaling, the conventions that came with it, and what was published of it.

    `scales` is False for a table of its own, which no φ grows. `alias` is a shorter name than `key`
    and `prefix` stands before the number in a variant's name. `channel_keep` is the guard of
    channel rounding, `fixed_ends` says that the stem, the head and the first and last stage's
    repeats do not scale (Lite), `stochastic_depth` is the drop rate that the last block approaches.
    """

    key: FamilyKey
    title: str
    source: str
    resolution: int
    stem_channels: int
    stages: tuple[StageSpec, ...]
    head_channels: int
    published: tuple[PublishedCoefficients, ...]
    conventions: Conventions
    alias: str = ""
    prefix: str = ""
    scales: bool = True
    activation: Activation = "silu"
    channel_keep: float = 0.9
    fixed_ends: bool = False
    stochastic_depth: float = 0.2
    dropout: float = 0.2

    @property
    def word(self) -> str:
        """What people call it on the command line."""
        return self.alias or self.key

    def channels(self, width: Exact) -> tuple[Count, ...]:
        """Channels at a width ratio: the stem's, every stage's and the head's, each rounded alone.

        They round separately, as the reference implementations do it.
        """
        table = (self.stem_channels, *(row.channels for row in self.stages), self.head_channels)
        fixed = (0, len(table) - 1) if self.fixed_ends else ()
        return tuple(
            whole(0 * width + count)
            if place in fixed
            else round_channels(count * width, keep=self.channel_keep)
            for place, count in enumerate(table)
        )

    def repeats(self, depth: Exact, rounding: Rounding) -> tuple[Count, ...]:
        """Blocks of every stage at a depth ratio."""
        fixed = (0, len(self.stages) - 1) if self.fixed_ends else ()
        return tuple(
            whole(0 * depth + stage.repeats)
            if place in fixed
            else round_repeats(stage.repeats * depth, rounding)
            for place, stage in enumerate(self.stages)
        )

    def nominal_phi(self, name: str) -> float | None:
        """The number in a variant's name, such as 4 in "b4"; None where the name holds none."""
        number = name.removeprefix(self.prefix)
        return float(number) if self.prefix and number.isdecimal() else None

    def require_scales(self) -> Family:
        """This family; raises InvalidInput if it is a table of its own."""
        if not self.scales:
            raise InvalidInput(
                f"{self.title} is a stage table of its own, not a scaled baseline: no φ grows it."
            )
        return self
