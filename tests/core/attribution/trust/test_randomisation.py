"""Cascading randomisation: what is drawn when, and the maps beside torch's own networks.

At 128 pixels: at 64 the last maps have four positions, whose statistics amplify rounding, torch's
too, until maps on random weights differ by a per cent from those in float64.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.attribution import attribute
from effnet_core.attribution.likeness import rank_correlation
from effnet_core.attribution.maps import MapRequest
from effnet_core.attribution.trust import onnx_subject
from effnet_core.attribution.trust.randomisation import cascade
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.network.model import EfficientNet

SPEC = scaled(-6, num_classes=3, resolution=128)
TRAINED = random_tensors(SPEC, 7)
PICTURE = np.random.default_rng(2).standard_normal((3, 128, 128), dtype=np.float32)


def test_layers_are_drawn_from_the_classifier_down() -> None:
    """Steps of two stages; the stem comes last, with whatever is left."""
    changed = []
    for _, tensors in cascade(SPEC, TRAINED, PICTURE):
        weights = [name for name in TRAINED if name.endswith("weight") and "norm" not in name]
        new = [name for name in weights if (tensors[name] != TRAINED[name]).any()]
        changed.append(
            {name.split(".")[0] + name.split(".")[1] * ("stages" in name) for name in new}
        )
    stages = [set(), set(), {7, 6}, {7, 6, 5, 4}, {7, 6, 5, 4, 3, 2}, set(range(1, 8))]
    ends = [{"classifier"}, {"classifier", "head"}, *[{"classifier", "head"}] * 3]
    ends.append({"classifier", "head", "stem"})
    assert changed == [
        end | {f"stages{stage}" for stage in drawn} for end, drawn in zip(ends, stages, strict=True)
    ]


def test_titles_say_how_far_down() -> None:
    assert [title for title, _ in cascade(SPEC, TRAINED, PICTURE)] == [
        "classifier",
        "and head convolution",
        "and stages down to 6",
        "and stages down to 4",
        "and stages down to 2",
        "and all the rest",
    ]


def test_activations_keep_their_scale() -> None:
    """Drawn batch-norms give each channel mean 0 and variance 1 on the picture."""
    *_, (_, tensors) = cascade(SPEC, TRAINED, PICTURE)
    network = EfficientNet(SPEC)
    network.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
    seen: list[torch.Tensor] = []
    for module in network.eval().modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(lambda _, __, output: seen.append(output.clone()))
    with torch.no_grad():
        network(torch.from_numpy(PICTURE)[None])
    assert len(seen) > 20
    for output in seen:
        np.testing.assert_allclose(output.mean((0, 2, 3)), 0, atol=1e-3)
        variance = output.var((0, 2, 3), correction=0)
        assert 0.9 < variance.median() < 1.001


@pytest.mark.parametrize("method", ["grad-cam", "grad-cam-plus-plus", "layer-cam", "saliency"])
@pytest.mark.parametrize("name", ["b0", "lite0"])
def test_maps_made_again_are_torchs(name: str, method: str) -> None:
    """The last stage, an inner one and the input, on two networks of the cascade."""
    spec, picture = variant(name, num_classes=3, resolution=128), PICTURE
    steps = list(cascade(spec, random_tensors(spec, 7), picture))
    for stage in (None,) if method == "saliency" else (spec.stage_count + 1, 4):
        values = (("samples", 2), ("sigma", 0.1), ("absolute", True), ("batch_size", 2))
        request = MapRequest(
            method=method,
            stage=stage,
            values=values if stage is None else (),
            black=(0.0, 0.0, 0.0) if stage is None else (),
        )
        subject = onnx_subject(spec, steps[0][1], picture, request, 2, lambda: 1.0)
        for _, tensors in (steps[1], steps[-1]):
            network = EfficientNet(spec)
            network.load_state_dict({key: torch.tensor(array) for key, array in tensors.items()})
            expected = attribute(
                network.eval(),
                torch.from_numpy(picture)[None],
                class_index=2,
                method=method,
                stage="last" if stage is None else stage,
                parameters=values if stage is None else (),
            ).raw
            (found,) = subject.remade(tensors, picture[None])
            # A gradient through ReLU6 jumps where rounding carries a value across a kink.
            near = 1e-2 if name == "lite0" and stage == 4 else 1e-3
            np.testing.assert_allclose(found, expected, atol=near * np.abs(expected).max())
            assert rank_correlation(found, expected) > 0.999
