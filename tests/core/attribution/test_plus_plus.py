"""Grad-CAM++ as published, and how this project's own and other programs' part from it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.attribution import find_method
from effnet_core.attribution.cam import grad_cam_plus_plus, grad_cam_plus_plus_published
from effnet_core.attribution.maps import every_stage
from effnet_core.engines.predictor import Predictor
from effnet_core.images.samples import load_sample
from effnet_core.weights import WeightsStore
from effnet_core.weights.packaged import find_packaged

Doubles = npt.NDArray[np.float64]
PEER = "grad-cam and torchcam: extra 'bench'"


def written_out(features: Doubles, gradient: Doubles) -> Doubles:
    """The paper's eq. 19 into its eq. 7, one number after the other."""
    found = np.zeros(features.shape[1:])
    for own, slope in zip(features, gradient, strict=True):
        total, weight = own.sum(), 0.0
        for g in slope.flat:
            weight += g**2 / (2 * g**2 + total * g**3) * max(g, 0.0)
        found += weight * own
    return found


def drawn(seed: int, spread: float = 1.0) -> tuple[Doubles, Doubles]:
    """Feature maps of which about half have a negative sum, and gradients, each (6, 4, 5)."""
    random = np.random.default_rng(seed)
    return random.standard_normal((6, 4, 5)), spread * random.standard_normal((6, 4, 5))


@given(st.integers(0, 2**31))
def test_as_published_is_the_formula_written_out(seed: int) -> None:
    features, gradient = drawn(seed)
    found, wanted = (
        grad_cam_plus_plus_published(features, gradient),
        written_out(features, gradient),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
    positive = np.abs(features)
    np.testing.assert_allclose(
        grad_cam_plus_plus_published(positive, gradient), grad_cam_plus_plus(positive, gradient)
    )


def test_the_two_part_where_a_sum_is_negative() -> None:
    # ΣA = −1, g = 1: as published 1/α = 2 − 1; with positive values alone (Σ = 1) it is 2 + 1.
    features = np.array([[[1.0, -2.0]]])
    np.testing.assert_allclose(
        grad_cam_plus_plus_published(features, np.ones((1, 1, 2))), [[2, -4]]
    )
    np.testing.assert_allclose(grad_cam_plus_plus(features, np.ones((1, 1, 2))), [[2 / 3, -4 / 3]])


def test_a_divisor_of_0_counts_for_nothing() -> None:
    # ΣA = −2 and g = 1 at one place, so 1/α = 0; the other has g = 0.5 and 1/α = 1.
    features, gradient = np.full((1, 1, 2), -1.0), np.array([[[1.0, 0.5]]])
    np.testing.assert_allclose(grad_cam_plus_plus_published(features, gradient), [[-0.5, -0.5]])


@given(st.integers(0, 2**31))
def test_pytorch_grad_cam_has_the_published_formula_where_1e_6_is_nothing(seed: int) -> None:
    peer = pytest.importorskip("pytorch_grad_cam.grad_cam_plusplus", reason=PEER).GradCAMPlusPlus
    features, gradient = drawn(seed, spread=1e6)
    weights = peer.get_cam_weights(None, None, None, None, features[None], gradient[None])[0]
    theirs = np.einsum("c,chw->hw", weights, features)
    ours = grad_cam_plus_plus_published(features, gradient)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())


def test_torchcam_does_not_divide() -> None:
    peer = pytest.importorskip("torchcam.methods.gradient", reason=PEER).GradCAMpp
    features, gradient = drawn(0, spread=100.0)
    hooked = SimpleNamespace(
        _backprop=lambda *_: None,
        hook_a=[torch.from_numpy(features)[None]],
        hook_g=[torch.from_numpy(gradient)[None]],
    )
    weights = peer._get_weights(hooked, 0, None)[0][0].numpy()
    np.testing.assert_allclose(weights, (np.maximum(gradient, 0) ** 3).sum((1, 2)), rtol=1e-9)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Doubles, Doubles]]:
    """Lite0's feature maps and gradients for what it sees in the coffee."""
    packaged = find_packaged("lite0")
    if packaged is None or packaged.source().stored.state != "ready":
        pytest.skip("needs the package with Lite0's weights")
    store = WeightsStore(tmp_path_factory.mktemp("store"))
    predictor = Predictor(store.source("lite0").load(), device="cpu")
    answer = predictor.predict_bytes(load_sample("coffee"))
    inputs = predictor.inputs(answer.pixels)
    pairs = predictor.gradients(inputs, answer.top[0].index, every_stage(predictor.spec))
    return [(a.astype(np.float64), g.astype(np.float64)) for a, g in pairs]


def as_drawn(values: Doubles) -> Doubles:
    """What is seen of a map: nothing below 0, the largest value 1."""
    above = np.maximum(values, 0)
    return np.asarray(above / above.max())


def apart(one: Doubles, other: Doubles) -> float:
    return float(np.abs(as_drawn(one) - as_drawn(other)).max())


def test_what_the_page_of_differences_says_holds(stages: list[tuple[Doubles, Doubles]]) -> None:
    text = Path("docs/differences.md").read_text(encoding="utf-8")
    assert "by more than 70 % of the largest value somewhere at stages 1 to 4" in text
    published = [grad_cam_plus_plus_published(*pair) for pair in stages]
    ours = [grad_cam_plus_plus(*pair) for pair in stages]
    assert [apart(one, two) < 1e-9 for one, two in zip(published, ours, strict=True)] == [
        stage in (0, 8) for stage in range(9)
    ]
    inner = range(1, 5)
    assert min(apart(published[stage], ours[stage]) for stage in inner) > 0.7
    below = [(stages[stage][0].sum((1, 2)) < 0).mean() for stage in range(1, 8)]
    assert min(below) > 0.2
    assert max(below) < 0.6
    for stage in inner:
        features, gradient = stages[stage]
        total = features.sum((1, 2), keepdims=True)
        positive = np.maximum(gradient, 0)
        alpha = gradient**2 / (2 * gradient**2 + total * gradient**3 + 1e-6)
        for theirs in (alpha * positive, positive**3):  # of pytorch-grad-cam, of torchcam
            other = np.einsum("c,chw->hw", theirs.sum((1, 2)), features)
            assert apart(published[stage], other) > 0.5
        assert np.abs(gradient).mean() < 1e-3


def test_the_choice_says_so() -> None:
    for method in ("grad-cam-plus-plus", "grad-cam-plus-plus-published"):
        note = find_method(method).note
        assert "pytorch-grad-cam" in note
        assert "torchcam" in note
    assert find_method("grad-cam").note == ""
