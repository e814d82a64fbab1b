"""From φ to every block of a network: the rule, rounding, the families, names, and the walk.

`scaled` is the formula's network at any φ of a family, `variant` a published one, `architecture`
any accepted name or file; each gives an `ArchitectureSpec`, which is all that `cost`, `network` and
the exporters read. No torch is needed here.
"""

from __future__ import annotations

from effnet_core.architecture.families import (
    FAMILIES,
    LITE,
    PUBLISHED,
    SCALABLE,
    V1,
    V2_BASE,
    find_family,
)
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import VARIANTS, architecture, scaled, variant
from effnet_core.architecture.rounding import ROUNDINGS, Rounding
from effnet_core.architecture.scaling import (
    FAST_COMPOUND_RULE,
    PAPER_RULE,
    STRATEGIES,
    ScalingCoefficients,
    ScalingRule,
    Strategy,
)
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec, expand

__all__ = [
    "FAMILIES",
    "FAST_COMPOUND_RULE",
    "LITE",
    "PAPER_RULE",
    "PUBLISHED",
    "ROUNDINGS",
    "SCALABLE",
    "STRATEGIES",
    "V1",
    "V2_BASE",
    "VARIANTS",
    "ArchitectureSpec",
    "BlockSpec",
    "Family",
    "Rounding",
    "ScalingCoefficients",
    "ScalingRule",
    "Strategy",
    "architecture",
    "expand",
    "find_family",
    "scaled",
    "variant",
]
