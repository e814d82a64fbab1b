"""Every accepted name of an architecture, and the spec behind it. This module needs no torch."""

from __future__ import annotations

import dataclasses
import difflib
import re
from pathlib import Path

from effnet_core.architecture.families import LITE, V1, V2_BASE, V2_L, V2_M, V2_S, Baseline
from effnet_core.architecture.scaling import (
    BASE_RESOLUTION,
    PAPER_RULE,
    PUBLISHED,
    Rounding,
    ScalingCoefficients,
    ScalingRule,
    Strategy,
    validate_resolution,
)
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.errors import InvalidInput

_TABLES: dict[str, Baseline] = {"v2-s": V2_S, "v2-m": V2_M, "v2-l": V2_L}

VARIANTS: tuple[str, ...] = (*PUBLISHED, *_TABLES)
"""Published variants by this project's names, in the order of their papers."""

_TENSORFLOW = {"bn_eps": 1e-3, "bn_momentum": 0.01, "padding": "same"}
# torchvision's constructors for B5-B7 pass the reference's own batch-norm settings.
_TORCHVISION_LARGE = {"bn_eps": 1e-3, "bn_momentum": 0.01}


def variant(
    name: str, *, num_classes: int = 1000, resolution: int | None = None
) -> ArchitectureSpec:
    """The published variant `name` ("b4", "v2-s", "lite0"), at its test resolution unless given.

    Conventions are torchvision's where it has the variant (symmetric padding; batch-norm eps 1e-5
    for B0–B4, 1e-3 for B5–B7 and V2), TensorFlow's for B8, L2 and V2-B0…B3, which only the
    reference implementation has, and timm's for Lite (eps 1e-5). Raises InvalidInput.
    """
    if name not in VARIANTS:
        raise _unknown(name)
    if name in _TABLES:
        baseline = _TABLES[name]
        coefficients = ScalingCoefficients(1.0, 1.0, baseline.resolution, baseline.dropout)
    else:
        baseline = _published_baseline(name)
        coefficients = PUBLISHED[name].coefficients
    spec = expand(baseline, coefficients, name=name, num_classes=num_classes)
    if name in ("b5", "b6", "b7"):
        spec = dataclasses.replace(spec, **_TORCHVISION_LARGE)  # type: ignore[arg-type]
    if name in ("b8", "l2"):
        spec = dataclasses.replace(spec, **_TENSORFLOW)  # type: ignore[arg-type]
    return _at_resolution(spec, resolution)


def scaled(
    phi: float,
    *,
    rule: ScalingRule = PAPER_RULE,
    strategy: Strategy = "compound",
    repeats: Rounding = "ceil",
    base_resolution: int = BASE_RESOLUTION,
    exact_pixels: bool = False,
    resolution: int | None = None,
    num_classes: int = 1000,
) -> ArchitectureSpec:
    """The formula's network at φ from the B0 baseline; a given `resolution` is taken as it is.

    Raises InvalidInput for values out of range or a network past the cap on blocks.
    """
    coefficients = rule.coefficients(
        phi, strategy=strategy, base_resolution=base_resolution, exact_pixels=exact_pixels
    )
    name = f"{strategy} φ={float(phi):g}"
    if rule != PAPER_RULE:
        name += f" α={rule.alpha:g} β={rule.beta:g} γ={rule.gamma:g}"
    spec = expand(
        V1, coefficients, name=name, repeats=repeats, num_classes=num_classes, phi=float(phi)
    )
    return _at_resolution(spec, resolution)


def architecture(
    name_or_file: str, *, num_classes: int | None = None, resolution: int | None = None
) -> ArchitectureSpec:
    """The spec behind any accepted name, or in a `.json` spec file.

    Names: this project's ("b0", "v2-b0", "lite0", "v2-s"), torchvision's ("efficientnet_b0",
    "efficientnet_v2_s") and timm's ("efficientnet_b0", "tf_efficientnet_b0",
    "tf_efficientnetv2_b0", "efficientnet_lite0"); a "tf_" name means batch-norm eps 1e-3 and
    "same" padding. Raises InvalidInput.
    """
    if name_or_file.endswith(".json"):
        spec = ArchitectureSpec.from_json(_read_text(Path(name_or_file)))
        if num_classes is not None:
            spec = dataclasses.replace(spec, num_classes=num_classes)
        return _at_resolution(spec, resolution)
    name, tensorflow = canonical_name(name_or_file)
    spec = variant(name, num_classes=num_classes or 1000, resolution=resolution)
    return dataclasses.replace(spec, **_TENSORFLOW) if tensorflow else spec  # type: ignore[arg-type]


def canonical_name(name: str) -> tuple[str, bool]:
    """This project's name for an accepted `name`, and whether it asks for TensorFlow's conventions.

    Raises InvalidInput, naming the nearest known names, for any other text.
    """
    text = name.strip().lower().replace("-", "_").split(".")[0]
    tensorflow = text.startswith("tf_")
    text = text.removeprefix("tf_")
    text = re.sub(r"^efficientnet_?", "", text)
    text = re.sub(r"^v2_?", "v2-", text)
    if text not in VARIANTS:
        raise _unknown(name)
    return text, tensorflow


def _published_baseline(name: str) -> Baseline:
    if name.startswith("lite"):
        return LITE
    return V2_BASE if name.startswith("v2-") else V1


def _at_resolution(spec: ArchitectureSpec, resolution: int | None) -> ArchitectureSpec:
    if resolution is None:
        return spec
    return dataclasses.replace(spec, resolution=validate_resolution(resolution))


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > 16 * 2**20:
            raise InvalidInput(f"{path.name} is larger than any architecture file (16 MB).")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The architecture file {path} cannot be read: {error}.") from None


def _unknown(name: str) -> InvalidInput:
    near = difflib.get_close_matches(name.lower(), VARIANTS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(VARIANTS)}."
    return InvalidInput(f"No EfficientNet is called {name!r:.80}; {hint}")
