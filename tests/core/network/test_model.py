"""The network's forward pass, its split at any stage, and its behaviour in training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from effnet_core.architecture.names import scaled, variant
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build, torch_dtype
from effnet_core.network.layers import BatchNorm, Convolution, MBConv
from effnet_core.network.model import EfficientNet


def lively(model: EfficientNet) -> EfficientNet:
    """Randomise batch-norm so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2, generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.2, 1.5, generator=generator)  # type: ignore[union-attr]
            nn.init.uniform_(module.weight, 0.7, 1.3, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.2, generator=generator)
    return model


@pytest.mark.parametrize("name", ["b0", "lite0", "v2-b0"])
def test_in_place_evaluation_is_bit_equal_and_spares_its_input(name: str) -> None:
    model = lively(build(variant(name, num_classes=7), seed=0))
    images = torch.randn(2, 3, 64, 64)
    before = images.clone()
    with_gradients = model(images)
    with torch.inference_mode():
        without = model(images)
        maps = model.feature_maps(images)
        again = [model.suffix(features, stage) for stage, features in enumerate(maps)]
        prefixes = [model.prefix(images, stage) for stage in range(model.last_stage + 1)]
    assert float(without.std()) > 0.01
    assert torch.equal(with_gradients, without)
    assert torch.equal(images, before)
    assert all(torch.equal(logits, without) for logits in again)
    assert all(torch.equal(a, b) for a, b in zip(prefixes, maps, strict=True))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_in_place_evaluation_in_other_dtypes(dtype: str) -> None:
    model = lively(build(scaled(-5, num_classes=7), seed=0)).to(torch_dtype(dtype))
    images = torch.randn(2, 3, 64, 64, dtype=torch_dtype(dtype))
    with_gradients = model(images)
    with torch.inference_mode():
        without = model(images)
    assert float(without.float().std()) > 0.01
    assert torch.equal(with_gradients, without)


def test_hooks_on_blocks_fire_without_gradients() -> None:
    model = build(scaled(-5), seed=0)
    seen: list[torch.Size] = []
    blocks = [block for stage in range(1, model.last_stage) for block in model.blocks(stage)]
    handles = [b.register_forward_hook(lambda m, i, o: seen.append(o.shape)) for b in blocks]
    with torch.inference_mode():
        model(torch.zeros(1, 3, 64, 64))
    for handle in handles:
        handle.remove()
    assert len(seen) == len(blocks)


def test_unknown_stage_is_a_sentence() -> None:
    model = build(scaled(-5), seed=0)
    with pytest.raises(InvalidInput, match=r"0 \(stem\) to 8"):
        model.prefix(torch.zeros(1, 3, 64, 64), 9)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [7, 8, 13, 16])
def test_same_padding_centres_as_tensorflow_does(kernel: int, side: int) -> None:
    """TensorFlow pads ⌊p/2⌋ before and the rest after, p = (⌈n/2⌉ − 1)·2 + k − n."""
    total = max((-(-side // 2) - 1) * 2 + kernel - side, 0)
    conv = Convolution(1, 1, kernel, stride=2, padding="same")
    x = torch.randn(1, 1, side, side)
    before, after = total // 2, total - total // 2
    expected = nn.functional.conv2d(
        nn.functional.pad(x, (before, after, before, after)), conv.weight, stride=2
    )
    assert torch.equal(conv(x), expected)
    assert conv(x).shape[-1] == -(-side // 2)


def test_stochastic_depth_drops_whole_samples_at_its_rate() -> None:
    spec = variant("b0")
    block = MBConv(spec.blocks[-2], spec)
    nn.init.constant_(block.project.norm.bias, 1.0)
    block.train()
    rate = spec.blocks[-2].drop_path
    assert rate == pytest.approx(0.2 * 14 / 16)
    torch.manual_seed(0)
    branch = torch.ones(4000, 2, 3, 3)
    merged = block.merge(branch, torch.zeros_like(branch))
    dropped = (merged == 0).flatten(1).all(1)
    kept = merged[~dropped]
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - rate)))
    assert float(dropped.float().mean()) == pytest.approx(rate, abs=0.025)
    block.eval()
    assert torch.equal(block.merge(branch, branch), 2 * branch)


def test_training_updates_statistics_and_gradients_reach_everything() -> None:
    model = build(scaled(-5, num_classes=3), seed=0).train()
    model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert missing == []
    norms = [m for m in model.modules() if isinstance(m, BatchNorm)]
    assert all(int(m.num_batches_tracked) == 1 for m in norms)  # type: ignore[arg-type]


def test_initialisation_has_the_reference_spread() -> None:
    model = build(variant("b0"), seed=0)
    block = model.blocks(6)[1]
    assert isinstance(block, MBConv)
    depthwise, expand = block.depthwise.conv.weight.detach(), block.expand.conv.weight.detach()
    assert float(depthwise.std()) == pytest.approx((2 / 25) ** 0.5, rel=0.02)
    assert float(expand.std()) == pytest.approx((2 / expand.shape[0]) ** 0.5, rel=0.02)
    assert float(model.classifier.weight.detach().abs().max()) <= 1000**-0.5
