"""Controls, the stage to score at, and the arithmetic of a row: by hand."""

from __future__ import annotations

import json
import math
from dataclasses import astuple

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.attribution.boxes import Box
from effnet_core.attribution.controls import centre_gaussian, random_map
from effnet_core.attribution.metrics import energy_inside, pointing_game
from effnet_core.attribution.scores import METRICS, Estimate, MapScores
from effnet_core.cost.report import deepest_stage
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build

SIZE = (72, 72)
CENTRE = Box(left=18, top=18, right=54, bottom=54)  # half the side, a quarter of the area


def test_centre_gaussian_on_a_centre_box_by_hand() -> None:
    """The box reaches σ from the middle and the picture 2 σ, in both directions."""
    gaussian = centre_gaussian(SIZE)
    one_way = math.erf(1 / math.sqrt(2)) / math.erf(2 / math.sqrt(2))  # 0.6827 / 0.9545
    assert energy_inside(gaussian, CENTRE, SIZE) == pytest.approx(one_way**2, abs=1e-3)
    assert pointing_game(gaussian, CENTRE, SIZE) == 1.0


def test_centre_gaussian_points_at_the_four_middle_pixels() -> None:
    gaussian = centre_gaussian(SIZE)
    assert pointing_game(gaussian, Box(left=0, top=0, right=36, bottom=72), SIZE) == 0.5
    assert pointing_game(gaussian, Box(left=0, top=0, right=36, bottom=36), SIZE) == 0.25
    assert pointing_game(gaussian, Box(left=0, top=0, right=30, bottom=30), SIZE) == 0.0


def test_centre_gaussian_values_by_hand() -> None:
    """At 2 × 4: middles 1/8 and 3/8 of the side off across, 1/4 down, in σ 0.5, 1.5 and 1."""
    down, near, far = (math.exp(-0.5 * z**2) for z in (1, 0.5, 1.5))
    row = [down * far, down * near, down * near, down * far]
    np.testing.assert_allclose(centre_gaussian((2, 4)), [row, row], rtol=1e-6)


def test_random_map_of_one_value_gets_the_boxs_share() -> None:
    """Enlarged it is even, so a quarter of the picture gets a quarter."""
    even = random_map((1, 1), np.random.default_rng(0))
    assert energy_inside(even, CENTRE, SIZE) == pytest.approx(0.25)
    assert pointing_game(even, CENTRE, SIZE) == pytest.approx(0.25)


def test_random_maps_follow_their_generator() -> None:
    first, again, other = (random_map((3, 5), np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (3, 5)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert 0 <= first.min() < first.max() < 1


def test_random_maps_get_the_boxs_share_on_average() -> None:
    generator = np.random.default_rng(3)
    energies = [energy_inside(random_map((3, 3), generator), CENTRE, SIZE) for _ in range(400)]
    found = Estimate.of(energies)
    assert found.standard_error is not None
    assert abs(found.mean - 0.25) < 4 * found.standard_error < 0.05


@pytest.mark.parametrize(
    ("spec", "at_least", "stage"),
    [
        (scaled(-4, base_resolution=128), 5, 5),  # 72 px: 36, 36, 18, 9, 5, 5, 3, 3, 3
        (scaled(-4, base_resolution=128), 3, 8),
        (scaled(-4, base_resolution=128), 6, 3),
        (variant("b0"), 5, 8),  # 224 px: the last is 7 × 7
        (variant("b0"), 8, 5),
    ],
)
def test_deepest_stage_of_a_size(spec: object, at_least: int, stage: int) -> None:
    assert deepest_stage(spec, at_least) == stage  # type: ignore[arg-type]


def test_deepest_stage_is_that_of_the_network_itself() -> None:
    spec = scaled(-4, base_resolution=128, num_classes=10)
    with torch.inference_mode():
        maps = build(spec, seed=0).feature_maps(torch.zeros(1, 3, 96, 96))
    wide = [stage for stage, values in enumerate(maps) if values.shape[-1] >= 5]
    assert deepest_stage(spec, resolution=96) == wide[-1]


def test_no_stage_is_wide_enough() -> None:
    with pytest.raises(InvalidInput, match=r"No stage of .* has a map of 50 × 50 at 72 pixels"):
        deepest_stage(scaled(-4, base_resolution=128), 50)


def test_mean_and_standard_error_by_hand() -> None:
    """0, 0, 1, 1: s² = 4 · 0.25 / 3, and s / √4 = √(1/12)."""
    assert astuple(Estimate.of([0, 0, 1, 1])) == (0.5, pytest.approx(math.sqrt(1 / 12)))
    assert Estimate.of([0.3]) == Estimate(0.3, None)


def test_a_row_as_plain_values() -> None:
    metrics = {metric: Estimate(0.5, 0.1) for metric in METRICS}
    row = MapScores(
        subject="grad-cam",
        stage=8,
        grid=(3, 3),
        photos=2,
        target="label",
        steps=12,
        **metrics,
        box_share=Estimate(0.4, None),
        confidence=Estimate(0.6, 0.2),
        seconds=1.5,
    )
    values = row.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["grid"] == [3, 3]
    assert values["box_share"] == {"mean": 0.4, "standard_error": None}
    assert all(values[metric] == {"mean": 0.5, "standard_error": 0.1} for metric in METRICS)
