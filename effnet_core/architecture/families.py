"""Every family of networks, each one record as it stands in its papers. This module needs no torch.

Sources: EfficientNet, arXiv 1905.11946, table 1; EfficientNetV2, arXiv 2104.00298, table 4 (V2-S)
and its reference implementation (V2-M, V2-L, V2-base); EfficientNet-Lite, its reference
implementation (no squeeze-and-excitation, ReLU6, stem and head fixed).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from effnet_core.architecture.family import Conventions, Family, PublishedCoefficients, StageSpec
from effnet_core.errors import InvalidInput

PYTORCH = Conventions(1e-5, 0.1, "symmetric")
TENSORFLOW = Conventions(1e-3, 0.01, "same")
# torchvision's constructors for B5-B7 pass the reference's own batch-norm settings.
_TORCHVISION_LARGE = Conventions(1e-3, 0.01, "symmetric")
_TORCHVISION_V2 = Conventions(1e-3, 0.1, "symmetric")

_V2 = "reference implementation of EfficientNetV2 (google/automl)"


def _mb(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats)


def _lite(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats, 0.0)


def _fused(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec("fused_mbconv", expand, kernel, stride, channels, repeats, 0.0)


def _rows(source: str, *rows: tuple[Any, ...]) -> tuple[PublishedCoefficients, ...]:
    """Each row is name, width, depth, train pixels, test pixels, dropout.

    Where its conventions are not the family's, they stand last.
    """
    names = ("name", "width", "depth", "train_resolution", "test_resolution", "dropout")
    fields = (*names, "conventions")
    return tuple(
        PublishedCoefficients(source=source, **dict(zip(fields, row, strict=False))) for row in rows
    )


# Every table below: expand ratio, kernel, stride, output channels, repeats.
V1 = Family(
    key="v1",
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
    published=_rows(
        "reference TensorFlow implementation of EfficientNet (tensorflow/tpu)",
        ("b0", 1.0, 1.0, 224, 224, 0.2),
        ("b1", 1.0, 1.1, 240, 240, 0.2),
        ("b2", 1.1, 1.2, 260, 260, 0.3),
        ("b3", 1.2, 1.4, 300, 300, 0.3),
        ("b4", 1.4, 1.8, 380, 380, 0.4),
        ("b5", 1.6, 2.2, 456, 456, 0.4, _TORCHVISION_LARGE),
        ("b6", 1.8, 2.6, 528, 528, 0.5, _TORCHVISION_LARGE),
        ("b7", 2.0, 3.1, 600, 600, 0.5, _TORCHVISION_LARGE),
        ("b8", 2.2, 3.6, 672, 672, 0.5, TENSORFLOW),
        ("l2", 4.3, 5.3, 800, 800, 0.5, TENSORFLOW),
    ),
    conventions=PYTORCH,
    prefix="b",
)

LITE = Family(
    key="lite",
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
    published=_rows(
        "reference TensorFlow implementation of EfficientNet-Lite (tensorflow/tpu)",
        ("lite0", 1.0, 1.0, 224, 224, 0.2),
        ("lite1", 1.0, 1.1, 240, 240, 0.2),
        ("lite2", 1.1, 1.2, 260, 260, 0.3),
        ("lite3", 1.2, 1.4, 280, 280, 0.3),
        ("lite4", 1.4, 1.8, 300, 300, 0.3),
    ),
    conventions=PYTORCH,
    prefix="lite",
    activation="relu6",
    fixed_ends=True,
)

V2_BASE = Family(
    key="v2-base",
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
    published=_rows(
        _V2,
        ("v2-b0", 1.0, 1.0, 192, 224, 0.2),
        ("v2-b1", 1.0, 1.1, 192, 240, 0.2),
        ("v2-b2", 1.1, 1.2, 208, 260, 0.3),
        ("v2-b3", 1.2, 1.4, 240, 300, 0.3),
    ),
    conventions=TENSORFLOW,
    alias="v2-b",
    prefix="v2-b",
    channel_keep=0.0,
)

V2_S = Family(
    key="v2-s",
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
    published=_rows(
        _V2,
        ("v2-s", 1.0, 1.0, 300, 384, 0.2),
    ),
    conventions=_TORCHVISION_V2,
    scales=False,
)

V2_M = Family(
    key="v2-m",
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
    published=_rows(
        _V2,
        ("v2-m", 1.0, 1.0, 384, 480, 0.3),
    ),
    conventions=_TORCHVISION_V2,
    scales=False,
    dropout=0.3,
)

V2_L = Family(
    key="v2-l",
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
    published=_rows(
        _V2,
        ("v2-l", 1.0, 1.0, 384, 480, 0.4),
    ),
    conventions=_TORCHVISION_V2,
    scales=False,
    dropout=0.4,
)

FAMILIES: tuple[Family, ...] = (V1, LITE, V2_BASE, V2_S, V2_M, V2_L)
"""Every family, in the order of their papers."""

SCALABLE: tuple[Family, ...] = tuple(family for family in FAMILIES if family.scales)
"""The families that φ scales."""

PUBLISHED: Mapping[str, PublishedCoefficients] = MappingProxyType(
    {row.name: row for family in SCALABLE for row in family.published}
)
"""Published coefficients by variant: what the reference implementations use, not the formula."""


def find_family(name: str) -> Family:
    """The family of that key or alias, in any case; raises InvalidInput for any other name."""
    wanted = name.strip().lower()
    for family in FAMILIES:
        if wanted in (family.key, family.alias):
            return family
    known = ", ".join(family.word for family in FAMILIES)
    raise InvalidInput(f"No family of networks is called {name!r:.40}; known: {known}.")
