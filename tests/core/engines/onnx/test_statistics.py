"""Statistics of layers drawn anew are those that torch's batch-norm measures in training mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx.statistics import with_statistics
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.network.model import EfficientNet

SPECS = (scaled(-6, num_classes=3, resolution=128), variant("lite0", num_classes=3, resolution=128))


def loaded(spec: ArchitectureSpec, tensors: Tensors) -> EfficientNet:
    network = EfficientNet(spec)
    network.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
    return network.eval()


def by_torch(
    spec: ArchitectureSpec, tensors: Tensors, drawn: set[str], picture: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The same by torch: the drawn batch-norms alone in training mode, with momentum 1."""
    network = loaded(spec, tensors)
    for name, module in network.named_modules():
        if f"{name}.running_var" in drawn:
            assert isinstance(module, torch.nn.BatchNorm2d)
            torch.nn.init.ones_(module.weight)
            torch.nn.init.zeros_(module.bias)
            # What torch keeps is Σ(x − μ)² / (n − 1), what it normalises by has n.
            module.register_forward_pre_hook(
                lambda norm, inputs: setattr(norm, "seen", inputs[0].var((0, 2, 3), correction=0))
            )
            module.train().momentum = 1.0
    with torch.no_grad():
        network(picture)
    found = network.state_dict()
    seen = {f"{n}.running_var": m.seen for n, m in network.named_modules() if hasattr(m, "seen")}
    return {name: seen.get(name, values) for name, values in found.items()}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("prefix", ["", "head", "stages.6"])
def test_statistics_are_torchs(spec: ArchitectureSpec, prefix: str) -> None:
    tensors = random_tensors(spec, 1)
    drawn = {name for name in tensors if name.startswith(prefix)}
    picture = np.random.default_rng(2).standard_normal((1, 3, 128, 128), dtype=np.float32)
    found = with_statistics(spec, tensors, drawn, picture)
    expected = by_torch(spec, tensors, drawn, torch.tensor(picture))
    assert found.keys() == tensors.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
        if name not in drawn:
            np.testing.assert_array_equal(values, tensors[name])


def test_no_drawn_norm_leaves_all_as_it_is() -> None:
    spec = SPECS[0]
    tensors = random_tensors(spec, 1)
    picture = np.zeros((1, 3, 128, 128), dtype=np.float32)
    found = with_statistics(spec, tensors, {"classifier.weight"}, picture)
    assert all(found[name] is tensors[name] for name in tensors)
