"""The network chosen on Scale, as a value that any page can read, price, pin or put into a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.state import Choice, Field, Number, value
from app.text import minus
from effnet_core.architecture.names import VARIANTS, canonical_name, scaled, variant
from effnet_core.architecture.scaling import (
    ROUNDINGS,
    STRATEGIES,
    Rounding,
    ScalingCoefficients,
    ScalingRule,
    Strategy,
)
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.arrays import CostArrays, scaled_costs
from effnet_core.cost.report import DTYPE_BYTES
from effnet_core.errors import InvalidInput
from effnet_core.limits import (
    FACTOR_MAX,
    FACTOR_MIN,
    MAX_CLASSES,
    PHI_MAX,
    PHI_MIN,
    RESOLUTION_MAX,
    RESOLUTION_MIN,
)


def _factor(key: str, symbol: str, default: float, dimension: str) -> Number:
    return Number(
        key=key,
        label=symbol,
        default=default,
        low=FACTOR_MIN,
        high=FACTOR_MAX,
        step=0.01,
        format="%.2f",
        help=f"{dimension} is multiplied by {symbol} for each step of φ.",
    )


KIND = Choice(key="network", label="Network", options=("formula", "published"), default="formula")
VARIANT = Choice(key="variant", label="Variant", options=VARIANTS, default="b0")
PHI = Number(
    key="phi",
    label="φ",
    default=0.0,
    low=PHI_MIN,
    high=PHI_MAX,
    step=0.1,
    format="%.2f",
    help="How many steps the network is scaled: 0 is the baseline B0, negative is smaller.",
)
STRATEGY = Choice(
    key="strategy",
    label="What grows",
    options=STRATEGIES,
    default="compound",
    help="Compound scaling grows all three together; the others spend the same nominal cost, "
    "(α·β²·γ²)^φ, on one alone.",
)
ALPHA = _factor("alpha", "α", 1.2, "Depth")
BETA = _factor("beta", "β", 1.1, "Width")
GAMMA = _factor("gamma", "γ", 1.15, "Resolution")
REPEATS = Choice(
    key="repeats",
    label="Repeats round",
    options=ROUNDINGS,
    default="ceil",
    help="How a stage's fractional number of blocks becomes a whole one; ceil is as published.",
)
BASE = Number(
    key="base",
    label="Base resolution",
    default=224,
    low=RESOLUTION_MIN,
    high=RESOLUTION_MAX,
    step=8,
    help="Input pixels at φ = 0.",
)
PIXELS = Choice(
    key="pixels",
    label="Pixels round",
    options=("to 8", "to 1"),
    default="to 8",
    help="Whether the scaled resolution becomes a multiple of 8 or any whole number.",
)
CLASSES = Number(
    key="classes",
    label="Classes",
    default=1000,
    low=1,
    high=MAX_CLASSES,
    step=1,
    help="Outputs of the classifier.",
)
BATCH = Number(
    key="batch",
    label="Batch size",
    default=1,
    low=1,
    high=65536,
    step=1,
    help="Images at once: peak memory grows with it, counts are for one image.",
)
DTYPE = Choice(
    key="dtype",
    label="Number format",
    options=tuple(DTYPE_BYTES),
    default="float32",
    help="Of weights and activations; it decides memory alone.",
)

RULE = (ALPHA, BETA, GAMMA)
FORMULA = (PHI, STRATEGY, *RULE, REPEATS, BASE, PIXELS, CLASSES)
FIELDS: tuple[Field, ...] = (KIND, VARIANT, *FORMULA, BATCH, DTYPE)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network by name (`variant`) or by the formula; the fields are those of the controls."""

    variant: str | None = None
    phi: float = PHI.default
    strategy: str = STRATEGY.default
    alpha: float = ALPHA.default
    beta: float = BETA.default
    gamma: float = GAMMA.default
    repeats: str = REPEATS.default
    base: int = int(BASE.default)
    pixels: str = PIXELS.default
    classes: int = int(CLASSES.default)

    @property
    def rule(self) -> ScalingRule:
        """The scaling rule; raises InvalidInput for factors out of range."""
        return ScalingRule(self.alpha, self.beta, self.gamma)

    @property
    def title(self) -> str:
        """What the page calls it: "B4", "φ = 1.5" or "φ = 1.5, depth only"."""
        if self.variant:
            return self.variant.title() if "lite" in self.variant else self.variant.upper()
        return formula_title(self.phi, self.strategy)

    def at(self, phi: float, strategy: str | None = None) -> ArchitectureSpec:
        """The formula's network at another φ or strategy, everything else kept.

        Raises InvalidInput where the strategy passes the cap on blocks or pixels.
        """
        return scaled(
            phi,
            rule=self.rule,
            strategy=cast(Strategy, strategy or self.strategy),
            repeats=cast(Rounding, self.repeats),
            base_resolution=self.base,
            exact_pixels=self.pixels == "to 1",
            num_classes=self.classes,
        )

    def costs(
        self,
        phis: Sequence[float],
        strategy: str | None = None,
        *,
        batch: int,
        dtype: str,
        by_part: bool = False,
    ) -> CostArrays:
        """The costs of the formula's networks at every φ, everything else kept."""
        return scaled_costs(
            phis,
            rule=self.rule,
            strategy=cast(Strategy, strategy or self.strategy),
            repeats=cast(Rounding, self.repeats),
            base_resolution=self.base,
            exact_pixels=self.pixels == "to 1",
            num_classes=self.classes,
            batch=batch,
            dtype=dtype,
            by_part=by_part,
        )

    def coefficients(self, phi: float) -> ScalingCoefficients:
        """The formula's coefficients at another φ; raises InvalidInput past the cap on pixels."""
        return self.rule.coefficients(
            phi,
            strategy=cast(Strategy, self.strategy),
            base_resolution=self.base,
            exact_pixels=self.pixels == "to 1",
        )

    def spec(self) -> ArchitectureSpec:
        """The whole architecture; raises InvalidInput where no such network exists."""
        if self.variant:
            return variant(self.variant, num_classes=self.classes)
        return self.at(self.phi)

    @property
    def code(self) -> str:
        """A short text that `parse` reads back: "b4", "phi=2.5", "phi=1.0,strategy=depth"."""
        fields: tuple[Field, ...] = (CLASSES,) if self.variant else FORMULA
        parts = [self.variant] if self.variant else []
        for field in fields:
            held = getattr(self, field.key)
            if held != field.default or field is PHI:
                parts.append(f"{field.key}={held}")
        return ",".join(parts)

    @staticmethod
    def parse(code: str) -> Network:
        """Read a `code` or the name of a variant; raises InvalidInput with a sentence."""
        known = {field.key: field for field in FORMULA}
        held: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in code.split(","))):
            key, given, text = (piece.strip() for piece in part.partition("="))
            if not given:
                held["variant"] = canonical_name(key)[0]
            elif key not in known:
                raise InvalidInput(f"“{key[:40]}” is no setting of a network.")
            else:
                held[key] = _read(known[key], text)
        return Network(**held)


def formula_title(phi: float, strategy: str) -> str:
    """What the page calls the formula's network: "φ = 1.5", "φ = 1.5, depth only"."""
    only = "" if strategy == "compound" else f", {strategy} only"
    return f"φ = {minus(phi)}{only}"


def _read(field: Field, text: str) -> float | str:
    if not field.accepts(text):
        raise InvalidInput(f"{field.label} must be {field.rule}; got “{text[:40]}”.")
    if isinstance(field, Choice):
        return text
    return int(float(text)) if field.whole else float(text)


def chosen() -> Network:
    """The network that the controls of Scale hold now; on any page, B0 until someone moves them."""
    held: dict[str, Any] = {field.key: value(field) for field in FORMULA}
    if value(KIND) == "published":
        return Network(variant=str(value(VARIANT)), classes=held["classes"])
    return Network(**held)
