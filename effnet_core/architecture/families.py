"""The published stage tables, written as they stand in the papers. This module needs no torch.

Sources: EfficientNet, arXiv 1905.11946, table 1; EfficientNetV2, arXiv 2104.00298, table 4 (V2-S)
and its reference implementation (V2-M, V2-L, V2-base); EfficientNet-Lite, its reference
implementation (no squeeze-and-excitation, ReLU6, stem and head fixed).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["mbconv", "fused_mbconv"]
Activation = Literal["silu", "relu6"]
Padding = Literal["symmetric", "same"]
Family = Literal["v1", "lite", "v2-base", "v2-s", "v2-m", "v2-l"]

SQUEEZE_RATIO = 0.25


@dataclass(frozen=True)
class StageSpec:
    """One row of a stage table; `squeeze_ratio` is relative to the block's input channels."""

    operator: Operator
    expand_ratio: int
    kernel: int
    stride: int
    channels: int
    repeats: int
    squeeze_ratio: float = SQUEEZE_RATIO


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A network before scaling: its stage table and the conventions that came with it.

    `channel_keep` is the guard of channel rounding, `fixed_ends` says that the stem, the head and
    the first and last stage's repeats do not scale (Lite), `stochastic_depth` is the drop rate
    that the last block approaches; batch-norm momentum is the weight of the new batch (PyTorch's
    convention: the paper's decay 0.99 is momentum 0.01).
    """

    family: Family
    title: str
    source: str
    resolution: int
    stem_channels: int
    stages: tuple[StageSpec, ...]
    head_channels: int
    activation: Activation = "silu"
    channel_keep: float = 0.9
    fixed_ends: bool = False
    stochastic_depth: float = 0.2
    dropout: float = 0.2
    bn_eps: float = 1e-3
    bn_momentum: float = 0.01
    padding: Padding = "symmetric"


def _mb(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats)


def _lite(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats, 0.0)


def _fused(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("fused_mbconv", expand, kernel, stride, channels, repeats, 0.0)


# Every table below: expand ratio, kernel, stride, output channels, repeats.
V1 = Baseline(
    family="v1",
    title="EfficientNet",
    source="arXiv 1905.11946, table 1",
    resolution=224,
    stem_channels=32,
    stages=(
        _mb(1, 3, 1, 16, 1),
        _mb(6, 3, 2, 24, 2),
        _mb(6, 5, 2, 40, 2),
        _mb(6, 3, 2, 80, 3),
        _mb(6, 5, 1, 112, 3),
        _mb(6, 5, 2, 192, 4),
        _mb(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
    bn_eps=1e-5,
    bn_momentum=0.1,
)

LITE = Baseline(
    family="lite",
    title="EfficientNet-Lite",
    source="reference TensorFlow implementation of EfficientNet-Lite",
    resolution=224,
    stem_channels=32,
    stages=(
        _lite(1, 3, 1, 16, 1),
        _lite(6, 3, 2, 24, 2),
        _lite(6, 5, 2, 40, 2),
        _lite(6, 3, 2, 80, 3),
        _lite(6, 5, 1, 112, 3),
        _lite(6, 5, 2, 192, 4),
        _lite(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
    activation="relu6",
    fixed_ends=True,
    bn_eps=1e-5,
    bn_momentum=0.1,
)

V2_BASE = Baseline(
    family="v2-base",
    title="EfficientNetV2-B",
    source="EfficientNetV2's reference implementation (google/automl)",
    resolution=224,
    stem_channels=32,
    stages=(
        _fused(1, 3, 1, 16, 1),
        _fused(4, 3, 2, 32, 2),
        _fused(4, 3, 2, 48, 2),
        _mb(4, 3, 2, 96, 3),
        _mb(6, 3, 1, 112, 5),
        _mb(6, 3, 2, 192, 8),
    ),
    head_channels=1280,
    channel_keep=0.0,
    padding="same",
)

V2_S = Baseline(
    family="v2-s",
    title="EfficientNetV2-S",
    source="arXiv 2104.00298, table 4; torchvision",
    resolution=384,
    stem_channels=24,
    stages=(
        _fused(1, 3, 1, 24, 2),
        _fused(4, 3, 2, 48, 4),
        _fused(4, 3, 2, 64, 4),
        _mb(4, 3, 2, 128, 6),
        _mb(6, 3, 1, 160, 9),
        _mb(6, 3, 2, 256, 15),
    ),
    head_channels=1280,
    bn_momentum=0.1,
)

V2_M = Baseline(
    family="v2-m",
    title="EfficientNetV2-M",
    source="EfficientNetV2's reference implementation; torchvision",
    resolution=480,
    stem_channels=24,
    stages=(
        _fused(1, 3, 1, 24, 3),
        _fused(4, 3, 2, 48, 5),
        _fused(4, 3, 2, 80, 5),
        _mb(4, 3, 2, 160, 7),
        _mb(6, 3, 1, 176, 14),
        _mb(6, 3, 2, 304, 18),
        _mb(6, 3, 1, 512, 5),
    ),
    head_channels=1280,
    dropout=0.3,
    bn_momentum=0.1,
)

V2_L = Baseline(
    family="v2-l",
    title="EfficientNetV2-L",
    source="EfficientNetV2's reference implementation; torchvision",
    resolution=480,
    stem_channels=32,
    stages=(
        _fused(1, 3, 1, 32, 4),
        _fused(4, 3, 2, 64, 7),
        _fused(4, 3, 2, 96, 7),
        _mb(4, 3, 2, 192, 10),
        _mb(6, 3, 1, 224, 19),
        _mb(6, 3, 2, 384, 25),
        _mb(6, 3, 1, 640, 7),
    ),
    head_channels=1280,
    dropout=0.4,
    bn_momentum=0.1,
)

BASELINES: tuple[Baseline, ...] = (V1, LITE, V2_BASE, V2_S, V2_M, V2_L)
