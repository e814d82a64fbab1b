"""What squeeze-and-excitation and the other steps take: beside timm's published parameters."""

from __future__ import annotations

import pytest

from effnet_core.architecture.names import variant
from effnet_core.cost.report import analyze
from effnet_core.cost.shares import GROUPS, by_group
from effnet_core.latency import terms, terms_by_group


@pytest.mark.parametrize("name", ["b0", "b4", "lite2", "v2-s", "v2-b0", "edge-s"])
def test_groups_add_up_to_the_network(name: str) -> None:
    report = analyze(variant(name))
    parts = by_group(report.layers)
    assert list(parts) == [group for group in GROUPS if group in parts]
    assert sum(part.params for part in parts.values()) == report.totals.params
    assert sum(part.mult_adds for part in parts.values()) == report.totals.mult_adds


def test_squeeze_and_excitation_of_b0_by_hand() -> None:
    """Each block squeezes its expanded channels to a quarter of its input's, with biases."""
    blocks = [  # (channels in, expand ratio, repeats beyond the first, channels out)
        (32, 1, 0, 16), (16, 6, 1, 24), (24, 6, 1, 40), (40, 6, 2, 80), (80, 6, 2, 112),
        (112, 6, 3, 192), (192, 6, 0, 320),
    ]  # fmt: skip
    weights = biases = 0
    for inputs, ratio, more, outputs in blocks:
        for channels in (inputs, *[outputs] * more):
            inside, squeezed = channels * ratio, channels // 4
            weights += 2 * inside * squeezed
            biases += inside + squeezed
    found = by_group(analyze(variant("b0")).layers)["squeeze_excite"]
    assert (found.params, found.mult_adds) == (weights + biases, weights)


def test_families_without_squeeze_and_excitation_have_no_such_group() -> None:
    assert "squeeze_excite" not in by_group(analyze(variant("lite0")).layers)
    assert "fused" in by_group(analyze(variant("v2-s")).layers)


@pytest.mark.parametrize("name", ["b0", "lite1", "v2-s", "edge-s"])
def test_amounts_of_time_by_group_add_up(name: str) -> None:
    spec = variant(name)
    apart = terms_by_group(spec)
    assert set(apart) == set(by_group(analyze(spec).layers))
    assert tuple(map(sum, zip(*apart.values(), strict=True))) == terms(spec)
