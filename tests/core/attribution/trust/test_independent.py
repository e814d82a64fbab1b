"""Insertion, deletion and ROAD beside programs of others, on noise and on photos.

Quantus has deletion as Pixel-Flipping, and insertion as the same with the sharp picture in place of
a colour; its ROAD counts right answers, so of that only the filling in can be compared. Where it is
absent there is RISE's definition (arXiv 1806.07421, section 4.2), written for torch here: no line
of this project's takes part but the blurred picture to begin with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import gaussian_filter

from effnet_core.attribution.metrics import blurred
from effnet_core.attribution.trust.rivals import Exchange, contest
from effnet_core.attribution.trust.road import imputed
from effnet_core.engines.predictor import Predictor
from effnet_core.engines.probe import resized
from effnet_core.images import to_input
from effnet_core.weights import WeightsStore
from effnet_core.weights.packaged import find_packaged

STEPS = 12
SIDE = 192
"""Of the photo as the network sees it; Quantus divides pixels times channels into equal blocks."""
Pictures = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network of torch's, a picture (3, H, W), a class and a map (H, W) without equal values."""

    network: torch.nn.Module
    picture: Pictures
    class_index: int
    values: npt.NDArray[np.float32]
    probability: Callable[[Pictures], npt.NDArray[np.float64]]

    @property
    def found(self) -> Exchange:
        return contest(self.values, self.picture, self.probability, steps=STEPS, random_maps=1).own


def smooth(side: int) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(6).standard_normal((side, side))
    return gaussian_filter(noise, side / 12).astype(np.float32)


def by_torch(
    network: torch.nn.Module, class_index: int
) -> Callable[[Pictures], npt.NDArray[np.float64]]:
    @torch.inference_mode()
    def probability(pictures: Pictures) -> npt.NDArray[np.float64]:
        logits = network(torch.tensor(pictures)).double()
        return logits.softmax(1)[:, class_index].numpy()

    return probability


def toy() -> Case:
    """Noise; the network weighs its upper half against the lower one, after a bend."""
    network = torch.nn.Sequential(
        torch.nn.Hardswish(), torch.nn.AdaptiveAvgPool2d((2, 1)), torch.nn.Flatten()
    )
    weights = torch.tensor([[27.0, 12, 3, -21, -9, 6], [0, 3, 0, 6, 0, 3]])
    network.append(torch.nn.Linear(6, 2))
    network[-1].load_state_dict({"weight": weights, "bias": torch.tensor([-7.9, 1.2])})
    picture = np.random.default_rng(0).standard_normal((3, 48, 48), dtype=np.float32)
    picture[:, :24] += 0.6
    return Case(
        network=network.eval(),
        picture=picture,
        class_index=0,
        values=smooth(48),
        probability=by_torch(network, 0),
    )


@pytest.fixture(scope="module", params=["toy", "photo"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    if request.param == "toy":
        return toy()
    lite0 = find_packaged("lite0")
    if lite0 is None or lite0.path is None:
        pytest.skip("EfficientNet-Lite0's package is not installed: extra 'models'")
    photos: tuple[Path, ...] = request.getfixturevalue("photos")
    loaded = WeightsStore(tmp_path_factory.mktemp("store")).source("lite0").load()
    loaded = resized(loaded, SIDE)
    predictor = Predictor(loaded, device="cpu", engine="eager")
    said = predictor.predict_bytes(photos[4].read_bytes())
    index = said.top[0].index
    return Case(
        network=predictor.model,
        picture=to_input(said.pixels, loaded.preprocessing),
        class_index=index,
        values=smooth(SIDE),
        probability=by_torch(predictor.model, index),
    )


@torch.inference_mode()
def rise(case: Case, start: Pictures, end: Pictures) -> float:
    """The area as RISE defines it: block after block of the strongest pixels, put in for good."""
    state, target = torch.tensor(start)[None], torch.tensor(end)[None]
    order = torch.tensor(case.values).flatten().argsort(descending=True)
    block = len(order) // STEPS
    scores = [case.network(state).softmax(1)[0, case.class_index]]
    for step in range(STEPS):
        pixels = order[block * step : block * (step + 1)]
        state.flatten(2)[:, :, pixels] = target.flatten(2)[:, :, pixels]
        scores.append(case.network(state).softmax(1)[0, case.class_index])
    return float(torch.trapezoid(torch.stack(scores), dx=1 / STEPS))


def test_areas_are_those_of_rises_definition(case: Case) -> None:
    found, grey = case.found, np.zeros_like(case.picture)
    soft = blurred(case.picture)
    assert np.ptp(found.inserted.confidences) > 0.2 < np.ptp(found.deleted.confidences)
    assert found.insertion == pytest.approx(rise(case, soft, case.picture), abs=1e-3)
    assert found.deletion == pytest.approx(rise(case, case.picture, grey), abs=1e-3)


def flipped(quantus: Any, case: Case, start: Pictures, end: Pictures) -> list[float]:
    """The class's probability after each block, by Quantus."""
    target = end.reshape(1, -1)

    def replaced(arr: Pictures, indices: npt.NDArray[np.int64], **_: Any) -> Pictures:
        found = arr.copy()
        np.put_along_axis(found, indices, np.take_along_axis(target, indices, 1), 1)
        return found

    metric = quantus.PixelFlipping(
        features_in_step=3 * case.values.size // STEPS,
        perturb_func=replaced,
        normalise=False,
        disable_warnings=True,
    )
    (scores,) = metric(
        model=case.network,
        x_batch=start[None],
        y_batch=np.array([case.class_index]),
        a_batch=case.values[None, None],
        softmax=True,
        device="cpu",
    )
    return [float(score) for score in scores]


def test_curves_are_those_of_quantus(case: Case) -> None:
    quantus = pytest.importorskip("quantus", reason="quantus: `pip install quantus`")
    found, soft = case.found, blurred(case.picture)
    inserted = flipped(quantus, case, soft, case.picture)
    deleted = flipped(quantus, case, case.picture, np.zeros_like(case.picture))
    assert found.inserted.confidences[1:] == pytest.approx(inserted, abs=1e-3)
    assert found.deleted.confidences[1:] == pytest.approx(deleted, abs=1e-3)


def test_removed_pixels_are_filled_in_as_quantus_does(case: Case) -> None:
    quantus = pytest.importorskip("quantus", reason="quantus: `pip install quantus`")
    picture = case.picture[:, :48, :48]
    kept = np.random.default_rng(1).random(picture.shape[1:]) < 0.5
    theirs = quantus.functions.perturb_func.noisy_linear_imputation(
        picture, np.flatnonzero(~kept), noise=0
    )
    np.testing.assert_allclose(imputed(picture, kept, noise=0), theirs, atol=1e-3)
