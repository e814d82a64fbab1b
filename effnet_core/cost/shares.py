"""What expanding, squeezing and the other steps of blocks take of a network. It needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from effnet_core.architecture.steps import Role
from effnet_core.cost.layers import LayerCost

Group = Literal["expand", "depthwise", "squeeze_excite", "project", "fused", "ends"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The steps of a block, in order, and all that lies outside blocks: stem, head and classifier."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a group takes: parameters, and multiply-adds for one image."""

    params: int
    mult_adds: int


_GROUP_OF: Mapping[Role, Group] = {
    "stem": "ends",
    "expand": "expand",
    "depthwise": "depthwise",
    "squeeze_excite": "squeeze_excite",
    "project": "project",
    "fused": "fused",
    "head": "ends",
    "pool": "ends",
    "classifier": "ends",
}


def group_of(role: Role) -> Group:
    """The group of a layer's role."""
    return _GROUP_OF[role]


def by_group(layers: Iterable[LayerCost]) -> Mapping[Group, Part]:
    """What each group takes of these layers, in the order of GROUPS; only those that occur."""
    params: dict[Group, int] = {}
    mult_adds: dict[Group, int] = {}
    for layer in layers:
        group = group_of(layer.role)
        params[group] = params.get(group, 0) + layer.params
        mult_adds[group] = mult_adds.get(group, 0) + layer.mult_adds
    return {
        group: Part(params=params[group], mult_adds=mult_adds[group])
        for group in GROUPS
        if group in params
    }
