"""The network chosen on Scale, as a value that any page can read, price, pin or put into a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from app.state import Choice, Field, Number, value
from app.text import minus
from effnet_core.architecture.families import SCALABLE, V1, find_family
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import VARIANTS, canonical_name, family_of, scaled, variant
from effnet_core.architecture.rounding import ROUNDINGS, Rounding
from effnet_core.architecture.scaling import (
    FAST_COMPOUND_RULE,
    PAPER_RULE,
    STRATEGIES,
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
FAMILY = Choice(
    key="family",
    label="Family",
    options=tuple(family.word for family in SCALABLE),
    default=V1.word,
    help="Whose baseline φ scales. V2-S, V2-M and V2-L are tables of their own, which no φ grows: "
    "they stand under “published”.",
)
PHI = Number(
    key="phi",
    label="φ",
    default=0.0,
    low=PHI_MIN,
    high=PHI_MAX,
    step=0.1,
    format="%.2f",
    help="How many steps the network is scaled: 0 is the baseline (B0), negative is smaller.",
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
FORMULA = (PHI, FAMILY, STRATEGY, *RULE, REPEATS, BASE, PIXELS, CLASSES)
FIELDS: tuple[Field, ...] = (KIND, VARIANT, *FORMULA, BATCH, DTYPE)


@dataclass(frozen=True)
class Load:
    """What networks are priced for: images at once, and the format of weights and activations."""

    batch: int = int(BATCH.default)
    dtype: str = DTYPE.default


class Formula(TypedDict):
    """Everything that the core's functions take of a formula but φ."""

    family: Family
    rule: ScalingRule
    strategy: Strategy
    repeats: Rounding
    base_resolution: int
    exact_pixels: bool
    num_classes: int


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network by name (`variant`) or by the formula; the fields are those of the controls."""

    variant: str | None = None
    phi: float = PHI.default
    family: str = FAMILY.default
    strategy: Strategy = "compound"
    alpha: float = ALPHA.default
    beta: float = BETA.default
    gamma: float = GAMMA.default
    repeats: Rounding = "ceil"
    base: int = int(BASE.default)
    pixels: str = PIXELS.default
    classes: int = int(CLASSES.default)

    @property
    def rule(self) -> ScalingRule:
        """The scaling rule; raises InvalidInput for factors out of range."""
        return ScalingRule(self.alpha, self.beta, self.gamma)

    @property
    def formula(self) -> Formula:
        """The formula that gives a network for every φ; raises InvalidInput as `rule` does."""
        return Formula(
            family=find_family(self.family),
            rule=self.rule,
            strategy=self.strategy,
            repeats=self.repeats,
            base_resolution=self.base,
            exact_pixels=self.pixels == "to 1",
            num_classes=self.classes,
        )

    @property
    def at_zero(self) -> Network:
        """The formula's network at φ = 0: it stands for the formula, which is the same at any φ.

        Of a variant, its family's formula; V1's for one of a table that no φ grows.
        """
        family = self.family
        if self.variant:
            own = family_of(self.variant)
            family = own.word if own.scales else V1.word
        return replace(self, variant=None, family=family, phi=0.0)

    @property
    def title(self) -> str:
        """What the page calls it: "B4", "φ = 1.5", "Lite φ = 1.5" or "φ = 1.5, depth only"."""
        return self.variant.title() if self.variant else self.title_at(self.phi)

    def title_at(self, phi: float) -> str:
        """What the page calls the formula's network at another φ."""
        family = "" if self.family == V1.word else f"{self.family.title()} "
        only = "" if self.strategy == "compound" else f", {self.strategy} only"
        return f"{family}φ = {minus(phi)}{only}"

    @property
    def full_title(self) -> str:
        """The title, with the rule where it is not the paper's: what tells it from others."""
        return " · ".join(filter(None, (self.title, self.ours)))

    @property
    def ours(self) -> str:
        """The rule in words where it is not the paper's: "α 1.30 β 1.05 γ 1.20 (yours)"."""
        if self.variant or self.rule == PAPER_RULE:
            return ""
        whose = "fast compound" if self.rule == FAST_COMPOUND_RULE else "yours"
        return f"α {self.alpha:.2f} β {self.beta:.2f} γ {self.gamma:.2f} ({whose})"

    def at(self, phi: float) -> Network:
        """The formula's network at another φ, everything else kept."""
        return replace(self, phi=phi)

    def costs(self, phis: Sequence[float], load: Load) -> CostArrays:
        """The costs of the formula's networks at every φ, by part too, everything else kept."""
        return scaled_costs(phis, **self.formula, batch=load.batch, dtype=load.dtype, by_part=True)

    def spec(self) -> ArchitectureSpec:
        """The whole architecture; raises InvalidInput where no such network exists."""
        if self.variant:
            return variant(self.variant, num_classes=self.classes)
        return scaled(self.phi, **self.formula)

    def existing(self) -> Network:
        """The same network; raises InvalidInput where its settings make none."""
        self.spec()
        return self

    @property
    def code(self) -> str:
        """A short text that `parse` reads back: "b4", "phi=2.5", "phi=1.0,family=lite"."""
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


def _read(field: Field, text: str) -> float | str:
    if not field.accepts(text):
        raise InvalidInput(f"{field.label} must be {field.rule}; got “{text[:40]}”.")
    if isinstance(field, Choice):
        return text
    return int(float(text)) if field.whole else float(text)


def with_a_phi(family: str) -> tuple[str, ...]:
    """The published variants that the family calls by a φ, in order: "b0" to "b8" of V1."""
    held = find_family(family)
    return tuple(row.name for row in held.published if held.nominal_phi(row.name) is not None)


def chosen() -> Network:
    """The network that the controls of Scale hold now; on any page, B0 until someone moves them."""
    held: dict[str, Any] = {field.key: value(field) for field in FORMULA}
    if value(KIND) == "published":
        return Network(variant=str(value(VARIANT)), classes=held["classes"])
    return Network(**held)


def load() -> Load:
    """The batch and the number format that the controls of Scale hold now."""
    return Load(int(value(BATCH)), str(value(DTYPE)))
