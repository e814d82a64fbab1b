"""Every accepted name of an architecture, and the spec behind it. This module needs no torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from effnet_core.architecture.aliases import VARIANTS, canonical_name, named
from effnet_core.architecture.families import FAMILIES, V1
from effnet_core.architecture.family import Family
from effnet_core.architecture.rounding import Rounding
from effnet_core.architecture.scaling import PAPER_RULE, ScalingRule, Strategy, validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.errors import InvalidInput

__all__ = ["VARIANTS", "architecture", "canonical_name", "family_of", "scaled", "variant"]

_PUBLISHED = {row.name: (family, row) for family in FAMILIES for row in family.published}


def variant(
    name: str, *, num_classes: int = 1000, resolution: int | None = None
) -> ArchitectureSpec:
    """The published variant `name` ("b4", "v2-s", "lite0"), at its test resolution unless given.

    Conventions are torchvision's where it has the variant (symmetric padding; batch-norm eps 1e-5
    for B0–B4, 1e-3 for B5–B7 and V2), TensorFlow's for B8, L2, V2-B0…B3 and V2-XL, which only the
    reference implementation has, and timm's (symmetric, eps 1e-5) for the others. Raises
    InvalidInput.
    """
    if name not in _PUBLISHED:
        name = named(name).variant
    family, row = _PUBLISHED[name]
    spec = expand(
        family,
        row.coefficients,
        name=name,
        num_classes=num_classes,
        conventions=row.conventions,
    )
    return _at_resolution(spec, resolution)


def family_of(name: str) -> Family:
    """The family of the published variant `name`."""
    return _PUBLISHED[name][0]


def scaled(
    phi: float,
    *,
    family: Family = V1,
    rule: ScalingRule = PAPER_RULE,
    strategy: Strategy = "compound",
    repeats: Rounding = "ceil",
    base_resolution: int | None = None,
    exact_pixels: bool = False,
    resolution: int | None = None,
    num_classes: int = 1000,
) -> ArchitectureSpec:
    """The formula's network at φ from the family's table; a given `resolution` is taken as it is.

    The input side at φ = 0 is the family's unless `base_resolution` is given. Raises InvalidInput
    for values out of range, a network past the cap on blocks or a family that no φ grows.
    """
    own = family.require_scales().resolution
    base = own if base_resolution is None else base_resolution
    coefficients = rule.coefficients(
        phi, strategy=strategy, base_resolution=base, exact_pixels=exact_pixels
    )
    name = f"{strategy} φ={float(phi):g}"
    if family is not V1:
        name = f"{family.title} {name}"
    if rule != PAPER_RULE:
        name += f" α={rule.alpha:g} β={rule.beta:g} γ={rule.gamma:g}"
    spec = expand(
        family, coefficients, name=name, repeats=repeats, num_classes=num_classes, phi=float(phi)
    )
    return _at_resolution(spec, resolution)


def architecture(
    name_or_file: str, *, num_classes: int | None = None, resolution: int | None = None
) -> ArchitectureSpec:
    """The spec behind any accepted name, or in a `.json` spec file.

    Names: this project's ("b0", "v2-b0", "lite0", "v2-s", "edge-s"), torchvision's
    ("efficientnet_b0", "efficientnet_v2_s"), timm's ("tf_efficientnet_b0", "efficientnetv2_rw_t",
    "efficientnet_b0.ra_in1k"), lukemelas' ("efficientnet-b0") and transformers'
    ("google/efficientnet-b0"), each with its library's padding and batch-norm. Raises InvalidInput.
    """
    if name_or_file.endswith(".json"):
        spec = ArchitectureSpec.from_json(_read_text(Path(name_or_file)))
        if num_classes is not None:
            spec = dataclasses.replace(spec, num_classes=num_classes)
        return _at_resolution(spec, resolution)
    found = named(name_or_file)
    spec = variant(found.variant, num_classes=num_classes or 1000, resolution=resolution)
    if found.conventions is None:
        return spec
    return dataclasses.replace(spec, **dataclasses.asdict(found.conventions))


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
