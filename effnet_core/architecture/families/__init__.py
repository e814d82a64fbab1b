"""Every family of networks, each one record as it stands in its papers. This module needs no torch.

`scaled` has the baselines that φ scales, `tables` the stage tables of their own, and `rows` what
both are written with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from effnet_core.architecture.families.rows import PYTORCH, TENSORFLOW
from effnet_core.architecture.families.scaled import EDGE, LITE, V1, V2_BASE
from effnet_core.architecture.families.tables import (
    V2_L,
    V2_M,
    V2_RW_M,
    V2_RW_S,
    V2_RW_T,
    V2_S,
    V2_XL,
)
from effnet_core.architecture.family import Family, PublishedCoefficients
from effnet_core.errors import InvalidInput

__all__ = [
    "EDGE",
    "FAMILIES",
    "LITE",
    "PUBLISHED",
    "PYTORCH",
    "SCALABLE",
    "TENSORFLOW",
    "V1",
    "V2_BASE",
    "V2_L",
    "V2_M",
    "V2_RW_M",
    "V2_RW_S",
    "V2_RW_T",
    "V2_S",
    "V2_XL",
    "find_family",
]

FAMILIES: tuple[Family, ...] = (
    *(V1, LITE, V2_BASE, V2_S, V2_M, V2_L),
    *(EDGE, V2_XL, V2_RW_T, V2_RW_S, V2_RW_M),
)
"""Every family: those of the papers in their order, then those that fewer people have."""

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
