"""Every family that φ scales, beside fvcore on torchvision's or timm's classes.

The peers are given the ratios alone and round channels and repeats themselves.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
import timm.models.efficientnet as timm_efficientnet
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torchvision.models.efficientnet import EfficientNet, MBConvConfig

from effnet_core.architecture.families import SCALABLE, V1, find_family
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize

Effnet = Callable[..., Any]

DRAWN, CHUNKS = 100, 10


def torchvision_network(spec: ArchitectureSpec) -> nn.Module:
    """Its class from the paper's table 1 and two multipliers; it rounds by itself."""
    inputs = (V1.stem_channels, *(stage.channels for stage in V1.stages))
    rows = [
        MBConvConfig(
            stage.expand_ratio,
            stage.kernel,
            stage.stride,
            before,
            stage.channels,
            stage.repeats,
            spec.width,
            spec.depth,
        )
        for before, stage in zip(inputs, V1.stages, strict=False)
    ]
    head = MBConvConfig.adjust_channels(V1.head_channels, spec.width)
    return EfficientNet(rows, 0.2, num_classes=1000, last_channel=head)


def timm_lite(spec: ArchitectureSpec) -> nn.Module:
    return timm_efficientnet._gen_efficientnet_lite("efficientnet_lite0", spec.width, spec.depth)


def timm_v2(spec: ArchitectureSpec) -> nn.Module:
    name = "tf_efficientnetv2_b0"
    return timm_efficientnet._gen_efficientnetv2_base(name, spec.width, spec.depth, pad_type="same")


def timm_edge(spec: ArchitectureSpec) -> nn.Module:
    return timm_efficientnet._gen_efficientnet_edge("efficientnet_es", spec.width, spec.depth)


PEERS: dict[str, Callable[[ArchitectureSpec], nn.Module]] = {
    "v1": torchvision_network,
    "lite": timm_lite,
    "v2-base": timm_v2,
    "edge": timm_edge,
}
# timm's squeeze-and-excitation takes a mean, for which fvcore has no count.
COUNTED = {
    "v1": ("conv", "linear", "batch_norm", "adaptive_avg_pool2d"),
    "lite": ("conv", "linear", "batch_norm", "adaptive_avg_pool2d"),
    "v2-base": ("conv", "linear", "batch_norm"),
    "edge": ("conv", "linear", "batch_norm", "adaptive_avg_pool2d"),
}


def peer(spec: ArchitectureSpec) -> nn.Module:
    with torch.device("meta"):
        network = PEERS[spec.family](spec)
    network.to_empty(device="cpu").eval()
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.detach().zero_()
    return network


def fvcore_counts(network: nn.Module, side: int) -> Mapping[str, int]:
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    analysis = FlopCountAnalysis(network, torch.zeros(1, 3, side, side))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    found: Mapping[str, int] = analysis.tracer_warnings("none").by_operator()
    return found


@cache
def drawn(family: Family) -> tuple[dict[str, Any], ...]:
    """As many networks of a family, the same in every run; most are shallow, as tracing is slow."""
    chance = random.Random(family.key)
    shallow: dict[str, Any] = {"phi": (-6.0, -3.0), "strategies": ("compound", "depth")}
    any_shape: dict[str, Any] = {"phi": (-6.0, 0.6), "strategies": STRATEGIES}
    return tuple(
        {
            "phi": round(chance.uniform(*kind["phi"]), 2),
            "strategy": chance.choice(kind["strategies"]),
            "resolution": chance.randint(32, 96),
        }
        for kind in (any_shape if number % 5 == 0 else shallow for number in range(DRAWN))
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("family", SCALABLE, ids=lambda family: family.key)
def test_100_networks_of_each_family(family: Family, chunk: int) -> None:
    for how in drawn(family)[chunk::CHUNKS]:
        spec = scaled(**how, family=family)
        totals, network = summarize(spec), peer(spec)
        counts = fvcore_counts(network, spec.resolution)
        for operator in COUNTED[family.key]:
            assert getattr(totals.fvcore, operator) == counts[operator], (how, operator)
        assert totals.params == sum(weight.numel() for weight in network.parameters()), how


@pytest.mark.parametrize("name", ["v1", "lite", "v2-b"])
def test_the_command_prices_the_same_network(effnet: Effnet, name: str) -> None:
    spec = scaled(1.5, family=find_family(name))
    result = effnet("cost", "--phi", 1.5, "--family", name, "--json").json
    counts = fvcore_counts(peer(spec), spec.resolution)
    for operator in COUNTED[spec.family]:
        assert result["fvcore"][operator] == counts[operator]
    assert result["name"] == spec.name
    assert result["mult_adds"] == counts["conv"] + counts["linear"]


def test_the_command_refuses_tables_of_their_own_and_families_that_are_none(
    effnet: Effnet,
) -> None:
    for name in ("v2-s", "v2-m", "V2-L"):
        answer = effnet("cost", "--phi", 1, "--family", name)
        assert answer.code != 0 and "is a stage table of its own" in answer.err
    answer = effnet("cost", "--phi", 1, "--family", "v3")
    assert answer.code != 0 and "known: v1, lite, v2-b, v2-s, v2-m, v2-l" in answer.err
    answer = effnet("cost", "--variant", "b0", "--family", "lite")
    assert answer.code != 0 and "--family belongs to the formula" in answer.err
