"""The random-weights reference: what it is, that it is remembered, and what it calls weak."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from cachetools import FIFOCache
from safetensors.torch import load_file
from torch import Tensor, nn

from effnet_core.architecture.names import architecture, scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution import attribute, attribute_stages, grad_cam_classes, reference
from effnet_core.images import Preprocessing, decode, model_view, to_input
from effnet_core.network.build import build, materialise
from effnet_core.network.model import EfficientNet
from effnet_core.weights.convert import convert


def noise(side: int = 64, *, seed: int = 1, images: int = 1) -> Tensor:
    return torch.randn((images, 3, side, side), generator=torch.Generator().manual_seed(seed))


def live(num_classes: int) -> EfficientNet:
    network = build(scaled(-4, resolution=64, num_classes=num_classes), seed=5)
    reference.fill_norm_statistics(network, noise(seed=2, images=8))
    return network


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the reference networks built during the test."""
    names: list[str] = []

    def counted(spec: ArchitectureSpec, **options: Any) -> EfficientNet:
        names.append(spec.name)
        return build(spec, **options)

    monkeypatch.setattr(sys.modules["effnet_core.network.build"], "build", counted)
    return names


def test_calibration_gives_every_channel_mean_0_and_variance_1() -> None:
    network = build(scaled(-4, resolution=64, num_classes=3), seed=0)
    images = noise(side=128, images=16)
    reference.fill_norm_statistics(network, images)
    assert not any(module.training for module in network.modules())
    seen: list[Tensor] = []
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.register_forward_hook(lambda _, __, output: seen.append(output.clone()))
    with torch.enable_grad():
        network(images)
    assert len(seen) == len(norms)
    for output in seen:
        variance, mean = torch.var_mean(output.detach(), dim=(0, 2, 3))
        # Not to the digit: batch-norm measures with n − 1 what it normalises with n, and the
        # layers above feel the difference.
        assert mean.abs().median() < 0.02
        # A channel that hardly varies stays below 1: its variance is near batch-norm's eps.
        assert variance.max() < 1.3
        assert variance.median() > 0.9


def test_one_reference_serves_every_class_and_picture(builds: list[str]) -> None:
    network = live(11)
    first = attribute(network, noise(), class_index=0)
    second = attribute(network, noise(seed=9), class_index=7)
    several = grad_cam_classes(network, noise(), range(11))
    assert not builds  # a map does not wait for it
    assert {first.reference_range, second.reference_range} == {
        answer.reference_range for answer in several
    }
    assert len(builds) == 1
    inner = [attribute(network, noise(), class_index=0, stage=stage) for stage in (1, 5)]
    assert inner[0].reference_range != inner[1].reference_range
    assert len(builds) == 2  # one for all inner stages
    assert attribute(network, noise(side=96), class_index=0).reference_range > 0
    assert len(builds) == 3


def test_a_strip_of_stages_builds_one_reference(builds: list[str]) -> None:
    network = live(12)
    answers = attribute_stages(network, noise(), class_index=1)
    assert all(answer.reference_range > 0 for answer in answers)
    assert attribute(network, noise(), class_index=0, stage=2).reference_range == (
        answers[2].reference_range
    )
    assert len(builds) == 1


def test_a_cold_reference_is_computed_once_however_many_ask(builds: list[str]) -> None:
    network = live(13)
    with ThreadPoolExecutor(8) as pool:
        ranges = pool.map(
            lambda index: attribute(network, noise(), class_index=index).reference_range, range(8)
        )
        assert len(set(ranges)) == 1
    assert len(builds) == 1


def test_memory_of_ranges_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "_ranges", FIFOCache(9))
    network = live(14)
    for side in (64, 65, 66):
        assert attribute_stages(network, noise(side=side), class_index=0)[0].reference_range > 0
    assert len(reference._ranges) == 9


def test_random_numbers_of_others_are_left_as_they_were() -> None:
    network = live(15)
    before = torch.random.get_rng_state()
    assert attribute(network, noise(), class_index=0).reference_range > 0
    assert torch.equal(before, torch.random.get_rng_state())


def test_near_zero_class_weights_make_a_weak_map() -> None:
    network = live(16)
    assert not attribute(network, noise(), class_index=3).weak
    with torch.no_grad():
        network.classifier.weight[3] *= 1e-3
    last = attribute(network, noise(), class_index=3)
    assert last.weak
    assert last.range < 0.05 * last.reference_range
    assert all(answer.weak for answer in attribute_stages(network, noise(), class_index=3))
    assert not attribute(network, noise(), class_index=4).weak


def test_trained_maps_are_not_weak(v2b0_weights: Path, photos: tuple[Path, ...]) -> None:
    state, spec = convert(load_file(v2b0_weights), architecture("tf_efficientnetv2_b0"))
    network = materialise(spec, torch.device("cpu"))
    network.load_state_dict(state)
    preprocessing = Preprocessing.imagenet(224)
    for photo in photos:
        view = model_view(decode(photo.read_bytes()), preprocessing)
        image = torch.from_numpy(to_input(view, preprocessing))[None]
        with torch.no_grad():
            top = int(network(image).argmax())
        answer = attribute(network, image, class_index=top)
        # Measured: from 9 times the reference's range upwards, 23 times at the median.
        assert not answer.weak, photo.name
        assert answer.range > 2 * answer.reference_range, photo.name
