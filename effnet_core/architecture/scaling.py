"""Compound scaling: from φ to depth, width, resolution and dropout; published rows; rounding.

Source: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
arXiv 1905.11946, equations 2 and 3 and section 3.3. This module needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from types import MappingProxyType
from typing import Literal

from effnet_core.errors import InvalidInput
from effnet_core.limits import (
    FACTOR_MAX,
    FACTOR_MIN,
    PHI_MAX,
    PHI_MIN,
    RESOLUTION_MAX,
    RESOLUTION_MIN,
)

Strategy = Literal["compound", "depth", "width", "resolution"]
Rounding = Literal["ceil", "nearest"]

STRATEGIES: tuple[Strategy, ...] = ("compound", "depth", "width", "resolution")
ROUNDINGS: tuple[Rounding, ...] = ("ceil", "nearest")

COST_FACTOR_TOLERANCE = 0.2
"""How far from 2 α·β²·γ² may be before a rule is warned of; the paper's is 1.92."""


CHANNEL_DIVISOR = 8
PIXEL_DIVISOR = 8
BASE_RESOLUTION = 224


@dataclass(frozen=True)
class ScalingCoefficients:
    """What a rule, a single-dimension strategy or a published row gives.

    `depth` multiplies each stage's repeats and `width` its channels (both ratios to the baseline);
    `resolution` is the input's side in pixels; `dropout` the rate before the classifier.
    """

    depth: float
    width: float
    resolution: int
    dropout: float


@dataclass(frozen=True)
class ScalingRule:
    """The compound rule d = α^φ, w = β^φ, r = γ^φ (equation 3); the defaults are the paper's.

    Raises InvalidInput if α, β or γ is not a number in [0.5, 3].
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        for symbol, value in (("α", self.alpha), ("β", self.beta), ("γ", self.gamma)):
            _require_number(symbol, value, FACTOR_MIN, FACTOR_MAX)

    @property
    def cost_factor(self) -> float:
        """α·β²·γ²: how much one step of φ multiplies the multiply-adds (about 2 by design)."""
        return self.alpha * self.beta**2 * self.gamma**2

    @property
    def warning(self) -> str | None:
        """A sentence where α·β²·γ² is far from the 2 that the paper asks for (equation 3)."""
        factor = self.cost_factor
        if abs(factor - 2) <= COST_FACTOR_TOLERANCE:
            return None
        return (
            f"α·β²·γ² is {factor:.2f}, far from 2: one step of φ no longer doubles the cost, it "
            f"multiplies it by about {factor:.2f}."
        )

    def ratios(self, phi: float, strategy: Strategy = "compound") -> tuple[float, float, float]:
        """Unrounded (depth, width, resolution) ratios for `phi`.

        A single-dimension strategy spends the same nominal cost F = (α·β²·γ²)^φ on one axis:
        depth F, width √F or resolution √F, since cost grows with d, w² and r² (section 3.1).
        """
        phi = validate_phi(phi)
        if strategy not in STRATEGIES:
            known = ", ".join(STRATEGIES)
            raise InvalidInput(f"Strategy must be one of {known}; got {strategy!r}.")
        if strategy == "compound":
            return self.alpha**phi, self.beta**phi, self.gamma**phi
        nominal = self.cost_factor**phi
        if strategy == "depth":
            return nominal, 1.0, 1.0
        if strategy == "width":
            return 1.0, math.sqrt(nominal), 1.0
        return 1.0, 1.0, math.sqrt(nominal)

    def coefficients(
        self,
        phi: float,
        *,
        strategy: Strategy = "compound",
        base_resolution: int = BASE_RESOLUTION,
        exact_pixels: bool = False,
    ) -> ScalingCoefficients:
        """Coefficients for any real φ in [−6, 10]; the resolution is rounded to pixels.

        Raises InvalidInput for a φ, strategy or base resolution out of range.
        """
        base = validate_resolution(base_resolution, "Base resolution")
        depth, width, resolution = self.ratios(phi, strategy)
        pixels = round_resolution(base * resolution, exact=exact_pixels)
        return ScalingCoefficients(depth, width, pixels, dropout_for(phi))


def dropout_for(phi: float) -> float:
    """Dropout rate for any φ: linear from 0.2 at φ = 0 to 0.5 at φ = 7, clamped to [0, 0.5].

    The paper (section 5.2) says only "linearly increase from 0.2 for B0 to 0.5 for B7".
    """
    return min(0.5, max(0.0, 0.2 + 0.3 * phi / 7.0))


def round_channels(channels: float, *, divisor: int = CHANNEL_DIVISOR, keep: float = 0.9) -> int:
    """Round `channels` half up to a multiple of `divisor`, never below `keep` of the value.

    `keep=0.9` is the guard of V1 and Lite; `keep=0` leaves it out, as V2-B0…B3 do.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    if rounded < keep * channels:
        rounded += divisor
    return rounded


def round_repeats(repeats: float, rounding: Rounding = "ceil") -> int:
    """Blocks in a stage: rounded up ("ceil", as published) or half up ("nearest"); at least 1."""
    if rounding not in ROUNDINGS:
        raise InvalidInput(f"Rounding must be ceil or nearest; got {rounding!r}.")
    # Powers such as 1.2**1 * 5 can land an ulp above an integer: that is not one more block.
    snapped = round(repeats, 9)
    blocks = math.ceil(snapped) if rounding == "ceil" else math.floor(snapped + 0.5)
    return max(1, blocks)


def round_resolution(pixels: float, *, exact: bool = False) -> int:
    """Round half up to a multiple of 8 pixels, or to whole pixels when `exact`; at least 8."""
    divisor = 1 if exact else PIXEL_DIVISOR
    return max(PIXEL_DIVISOR, math.floor(pixels / divisor + 0.5) * divisor)


def validate_phi(phi: object) -> float:
    """`phi` as a float in [−6, 10]; raises InvalidInput otherwise."""
    return _require_number("φ", phi, PHI_MIN, PHI_MAX)


def validate_resolution(pixels: object, name: str = "Resolution") -> int:
    """`pixels` as a whole number in [32, 8192]; raises InvalidInput otherwise."""
    value = _require_number(name, pixels, RESOLUTION_MIN, RESOLUTION_MAX)
    if value != int(value):
        raise InvalidInput(f"{name} must be a whole number of pixels; got {pixels}.")
    return int(value)


def _require_number(name: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, Real):
        raise InvalidInput(f"{name} must be a number; got {value!r:.40}.")
    number = float(value)
    if not low <= number <= high:
        raise InvalidInput(f"{name} must lie between {low:g} and {high:g}; got {number:g}.")
    return number


PAPER_RULE = ScalingRule()

FAST_COMPOUND_RULE = ScalingRule(2**0.1, 2**0.4, 2**0.05)
"""pycls' "fast compound" scaling, which spends 80 % of the cost on width (arXiv 2103.06877)."""


@dataclass(frozen=True, kw_only=True)
class PublishedCoefficients:
    """One row of a reference implementation's table; resolutions in pixels.

    Resolutions are the ones the variant was trained and tested at; they differ for EfficientNetV2.
    """

    name: str
    width: float
    depth: float
    train_resolution: int
    test_resolution: int
    dropout: float
    source: str

    @property
    def coefficients(self) -> ScalingCoefficients:
        """The row as scaling coefficients, at its test resolution."""
        return ScalingCoefficients(self.depth, self.width, self.test_resolution, self.dropout)


_TENSORFLOW = "reference TensorFlow implementation of EfficientNet (tensorflow/tpu)"
_LITE = "reference TensorFlow implementation of EfficientNet-Lite (tensorflow/tpu)"
_V2 = "reference implementation of EfficientNetV2 (google/automl)"

# name, width, depth, train pixels, test pixels, dropout, source
_ROWS = (
    ("b0", 1.0, 1.0, 224, 224, 0.2, _TENSORFLOW),
    ("b1", 1.0, 1.1, 240, 240, 0.2, _TENSORFLOW),
    ("b2", 1.1, 1.2, 260, 260, 0.3, _TENSORFLOW),
    ("b3", 1.2, 1.4, 300, 300, 0.3, _TENSORFLOW),
    ("b4", 1.4, 1.8, 380, 380, 0.4, _TENSORFLOW),
    ("b5", 1.6, 2.2, 456, 456, 0.4, _TENSORFLOW),
    ("b6", 1.8, 2.6, 528, 528, 0.5, _TENSORFLOW),
    ("b7", 2.0, 3.1, 600, 600, 0.5, _TENSORFLOW),
    ("b8", 2.2, 3.6, 672, 672, 0.5, _TENSORFLOW),
    ("l2", 4.3, 5.3, 800, 800, 0.5, _TENSORFLOW),
    ("lite0", 1.0, 1.0, 224, 224, 0.2, _LITE),
    ("lite1", 1.0, 1.1, 240, 240, 0.2, _LITE),
    ("lite2", 1.1, 1.2, 260, 260, 0.3, _LITE),
    ("lite3", 1.2, 1.4, 280, 280, 0.3, _LITE),
    ("lite4", 1.4, 1.8, 300, 300, 0.3, _LITE),
    ("v2-b0", 1.0, 1.0, 192, 224, 0.2, _V2),
    ("v2-b1", 1.0, 1.1, 192, 240, 0.2, _V2),
    ("v2-b2", 1.1, 1.2, 208, 260, 0.3, _V2),
    ("v2-b3", 1.2, 1.4, 240, 300, 0.3, _V2),
)

PUBLISHED: Mapping[str, PublishedCoefficients] = MappingProxyType(
    {
        name: PublishedCoefficients(
            name=name,
            width=width,
            depth=depth,
            train_resolution=train,
            test_resolution=test,
            dropout=dropout,
            source=source,
        )
        for name, width, depth, train, test, dropout, source in _ROWS
    }
)
"""Published coefficients by variant: what the reference implementations use, not the formula."""
