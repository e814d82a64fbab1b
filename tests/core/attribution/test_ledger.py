"""The ledger: a toy worked out by hand, sums that close on real networks, and what they predict."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageFilter

from effnet_core.architecture.names import scaled, variant
from effnet_core.attribution import cam
from effnet_core.attribution.ledger import Ledger, ledger, to_csv
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.engines.engine import ForwardPass
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.images.samples import load_sample, sample_images
from effnet_core.network.build import build
from effnet_core.weights import LoadedWeights, WeightsStore, load_checkpoint, resolve_weights
from effnet_core.weights.checkpoints import save_checkpoint

# Two channels on 1 × 2 places: means 2 and −1. The logits are 2·2 − 1·(−1) + 0.5 = 5.5 and
# 0·2 + 3·(−1) − 1 = −4.
FEATURES = np.array([[[1.0, 3.0]], [[4.0, -6.0]]], dtype=np.float32)
WEIGHTS = np.array([[2.0, -1.0], [0.0, 3.0]], dtype=np.float32)
BIASES = np.array([0.5, -1.0], dtype=np.float32)
LOGITS = np.array([5.5, -4.0], dtype=np.float32)


def toy(logits: npt.NDArray[np.float32] = LOGITS, **asked: Any) -> Ledger:
    by = ForwardPass(logits.copy(), FEATURES.copy(), "by hand")
    return ledger(by, WEIGHTS, BIASES, **asked)


def test_a_logit_is_the_sum_worked_out_by_hand() -> None:
    found = toy(class_index=0)
    # Places: (2·1 − 1·4)/2 = −1 and (2·3 − 1·(−6))/2 = 6; channels: 2·(1 + 3)/2 and −1·(4 − 6)/2.
    assert found.cells.tolist() == [[-1.0, 6.0]]
    assert found.channels.tolist() == [4.0, 1.0]
    assert (found.logit, found.bias, found.residual) == (5.5, 0.5, 0.0)
    assert (found.class_index, found.against, found.grid) == (0, None, (1, 2))


def test_a_difference_subtracts_weights_and_bias() -> None:
    found = toy(class_index=0, against=1)
    # Weights 2 and −4: places (2·1 − 4·4)/2 = −7 and (2·3 + 4·6)/2 = 15; channels 4 and 4.
    assert found.cells.tolist() == [[-7.0, 15.0]]
    assert found.channels.tolist() == [4.0, 4.0]
    assert (found.logit, found.bias, found.residual) == (9.5, 1.5, 0.0)
    other_way = toy(class_index=1, against=0)
    assert other_way.cells.tolist() == [[7.0, -15.0]]
    assert other_way.logit == -9.5


def test_places_and_channels_are_ranked() -> None:
    found = toy(class_index=0)
    (most,), (least,) = found.places_for(), found.places_against()
    assert (most.row, most.column, most.share) == (0, 1, 6.0)
    assert (least.row, least.column, least.share) == (0, 0, -1.0)
    first, second = found.top_channels()
    assert (first.index, first.share, first.map.tolist()) == (0, 4.0, [[1.0, 3.0]])
    assert (second.index, second.share, second.map.tolist()) == (1, 1.0, [[-2.0, 3.0]])
    assert [one.index for one in found.top_channels(1)] == [0]


def test_lines_add_up_to_the_logit() -> None:
    found = toy(class_index=0)
    assert [(line.what, line.share, line.total) for line in found.channel_lines(1)] == [
        ("bias", 0.5, 0.5),
        ("channel 0", 4.0, 4.5),
        ("the other 1 channels", 1.0, 5.5),
        ("rounding", 0.0, 5.5),
    ]
    whats = [line.what for line in found.place_lines()]
    assert whats[1:4] == ["row 0, column 1", "row 0, column 0", "the other 0 places"]


def test_what_an_engine_rounds_is_told_apart() -> None:
    found = toy(np.array([5.75, 0.0], dtype=np.float32), class_index=0)
    assert (found.logit, found.residual) == (5.75, 0.25)
    assert found.place_lines()[-1].total == 5.75


def test_arrays_are_read_only() -> None:
    found = toy(class_index=0)
    for values in (found.cells, found.channels, found.weights, found.features):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1


def test_csv_says_what_its_rows_are() -> None:
    header, *rows = csv.reader(io.StringIO(to_csv(toy(class_index=0, against=1))))
    assert header[:4] == ["part", "row", "column", "channel"]
    assert header[4] == "share of the logit of class 0 minus that of class 1"
    assert rows[:4] == [
        ["place", "0", "0", "", "-7.0"],
        ["place", "0", "1", "", "15.0"],
        ["channel", "", "", "0", "4.0"],
        ["channel", "", "", "1", "4.0"],
    ]
    assert {row[0]: float(row[4]) for row in rows[4:]} == {
        "bias": 1.5,
        "rounding": 0.0,
        "logit": 9.5,
    }


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"class_index": 2}, "whole number from 0 to 1; got 2"),
        ({"class_index": -1}, "whole number from 0 to 1; got -1"),
        ({"class_index": True}, "whole number from 0 to 1; got True"),
        ({"class_index": 0, "against": 7}, "whole number from 0 to 1; got 7"),
        ({"class_index": 1, "against": 1}, "Class 1 cannot be weighed against itself"),
    ],
)
def test_classes_that_cannot_be_weighed_get_a_sentence(
    asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        toy(**asked)


def test_a_logit_that_is_not_finite_gets_a_sentence() -> None:
    with pytest.raises(EffnetError, match="no finite number"):
        toy(np.array([np.nan, 0.0], dtype=np.float32), class_index=0)


def classifier(loaded: LoadedWeights) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    weight, bias = (np.asarray(loaded.state_dict[f"classifier.{n}"]) for n in ("weight", "bias"))
    return weight.astype(np.float32), bias.astype(np.float32)


def require_closed(predictor: Predictor, loaded: LoadedWeights, view: Image.Image) -> Ledger:
    """The ledger of the first class against the second, once it and the first's own close."""
    by = predictor.forward(predictor.inputs(view))
    first, second = np.argsort(-by.logits)[:2].tolist()
    weights, biases = classifier(loaded)
    own = ledger(by, weights, biases, class_index=first)
    lead = ledger(by, weights, biases, class_index=first, against=second)
    size = np.abs(by.logits[[first, second]]).max()
    for found in (own, lead):
        assert abs(found.residual) <= 1e-5 * size
        whole = found.logit - found.residual
        assert found.bias + found.cells.sum() == pytest.approx(whole, rel=1e-12, abs=1e-12)
        assert found.bias + found.channels.sum() == pytest.approx(whole, rel=1e-9, abs=1e-12)
    assert own.cells == pytest.approx(cam.class_maps(by.features, weights[[first]])[0], rel=1e-9)
    return lead


@pytest.mark.parametrize("name", ["b0", "lite0", "v2-b0", "narrow"])
def test_sums_close_on_networks_with_random_weights(name: str, tmp_path: Path) -> None:
    if name == "narrow":
        spec = scaled(-4, num_classes=5, resolution=96)
    else:
        spec = variant(name, num_classes=7, resolution=96)
    model = build(spec, seed=3)
    fill_norm_statistics(model, torch.rand(4, 3, 96, 96))
    save_checkpoint(tmp_path / "random.safetensors", model)
    loaded = load_checkpoint(tmp_path / "random.safetensors")
    predictor = Predictor(loaded, device="cpu", engine="eager")
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    assert require_closed(predictor, loaded, Image.fromarray(pixels)).grid == (3, 3)


def test_sums_close_on_the_bundled_model() -> None:
    loaded = resolve_weights("tiny100-phi-4", WeightsStore())
    predictor = Predictor(loaded, device="cpu")
    for sample in sample_images():
        view = predictor.predict_bytes(load_sample(sample.name)).view
        require_closed(predictor, loaded, view)


def without(view: Image.Image, places: npt.NDArray[np.intp], grid: tuple[int, int]) -> Image.Image:
    """The view with the given places of the grid (numbered row by row) blurred away."""
    chosen = np.zeros(grid, dtype=np.uint8)
    chosen.flat[places] = 255
    mask = Image.fromarray(chosen).resize(view.size, Image.Resampling.NEAREST)
    return Image.composite(view.filter(ImageFilter.GaussianBlur(30)), view, mask)


PART, DRAWS = 3, 6


def test_taking_away_what_pays_most_lowers_the_lead_more_than_chance(
    photos: tuple[Path, ...], v2b0_weights: Path
) -> None:
    """A third of the places: zeroed in the feature map, then blurred in the picture."""
    loaded = load_checkpoint(v2b0_weights, architecture="tf_efficientnetv2_b0")
    predictor = Predictor(loaded, device="cpu")
    random = np.random.default_rng(0)
    zeroed, blurred = [], []
    for photo in photos:
        view = predictor.predict_bytes(photo.read_bytes()).view
        found = require_closed(predictor, loaded, view)
        size = found.cells.size
        most = np.argsort(-found.cells, axis=None)[: size // PART]
        draws = [random.choice(size, size // PART, replace=False) for _ in range(DRAWS)]

        def lead(
            places: npt.NDArray[np.intp], view: Image.Image = view, of: Ledger = found
        ) -> float:
            logits = predictor.forward(predictor.inputs(without(view, places, of.grid))).logits
            return float(logits[of.class_index] - logits[of.against or 0])

        taken = np.mean([found.cells.flat[places].sum() for places in draws])
        zeroed.append(found.cells.flat[most].sum() > taken)
        blurred.append(lead(most) < np.mean([lead(places) for places in draws]))
    assert all(zeroed)
    assert np.mean(blurred) >= 0.9
