"""Our networks beside torchvision's, timm's and lukemelas', with the same state dict.

Batch-norm statistics are taken from data and then disturbed, so that logits spread and a wrong eps
or padding shows; with freshly initialised weights alone every logit is about zero.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet as LukemelasEfficientNet
from torch import Tensor, nn

from effnet_core.architecture.names import architecture
from effnet_core.network.layers import Convolution, FusedMBConv, MBConv
from effnet_core.network.model import EfficientNet
from effnet_core.weights.convert import convert

SMALL = ((2, 3, 75, 100), (1, 3, 224, 224))
LARGE = ((2, 3, 98, 116),)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The pictures are small: waiting for other threads would cost more than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def torchvision_peer(name: str) -> nn.Module:
    return torchvision.models.get_model(name, weights=None)


def timm_peer(name: str) -> nn.Module:
    return timm.create_model(name, pretrained=False)


def lukemelas_peer(name: str) -> nn.Module:
    # Without an image size its "same" padding follows the input, as in TensorFlow.
    return LukemelasEfficientNet.from_name(name, image_size=None)


CASES = [
    pytest.param(torchvision_peer, "efficientnet_b0", "b0", SMALL),
    pytest.param(torchvision_peer, "efficientnet_b5", "b5", LARGE),
    pytest.param(timm_peer, "tf_efficientnetv2_b0", "v2-b0", SMALL),
    pytest.param(timm_peer, "efficientnet_lite0", "lite0", SMALL),
    pytest.param(lukemelas_peer, "efficientnet-b0", "b0", SMALL),
]
"""By this project's own names; `test_every_name` has all names of the libraries."""


def disturbed(peer: nn.Module) -> nn.Module:
    """`peer` in evaluation mode with batch-norm statistics and affine parameters that tell.

    The affine parameters are drawn first, then the statistics taken from data (so that activations
    neither vanish nor explode), then these moved away from what the data gave.
    """
    norms = [module for module in peer.eval().modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.7, 1.4)
            norm.bias.normal_(std=0.2)
            norm.train()
            norm.momentum = 1.0
        peer(torch.randn(6, 3, 112, 112))
        for norm in norms:
            norm.eval()
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn(norm.num_features)
            norm.running_var *= torch.empty(norm.num_features).uniform_(0.8, 1.25)
    return peer


def converted(peer: nn.Module, name: str) -> EfficientNet:
    state_dict, spec = convert(peer.state_dict(), architecture(name))
    model = EfficientNet(spec).eval()
    model.load_state_dict(state_dict, strict=True)
    return model


def relative_difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize(("make", "peer_name", "name", "shapes"), CASES)
def test_logits_equal_the_peers(
    make: Callable[[str], nn.Module],
    peer_name: str,
    name: str,
    shapes: tuple[tuple[int, ...], ...],
) -> None:
    torch.manual_seed(0)
    peer = disturbed(make(peer_name))
    model = converted(peer, name)
    for shape in shapes:
        images = torch.randn(shape)
        with torch.inference_mode():
            theirs, ours = peer(images), model(images.clone())
        assert theirs.std(dim=1).min() >= 0.1
        assert relative_difference(ours, theirs) <= 1e-5


@pytest.mark.parametrize(
    ("make", "peer_name", "name"),
    [
        (torchvision_peer, "efficientnet_b0", "b0"),
        (timm_peer, "tf_efficientnetv2_b0", "v2-b0"),
        (timm_peer, "efficientnet_lite0", "lite0"),
        (lukemelas_peer, "efficientnet-b0", "b0"),
    ],
)
def test_one_changed_eps_or_padding_shows(
    make: Callable[[str], nn.Module], peer_name: str, name: str
) -> None:
    torch.manual_seed(0)
    peer = disturbed(make(peer_name))
    model = converted(peer, name)
    images = torch.randn(2, 3, 100, 100)
    other_eps, other_padding = copy.deepcopy(model), copy.deepcopy(model)
    block = other_eps.blocks(2)[0]
    assert isinstance(block, MBConv | FusedMBConv)
    norm = block.project.norm
    norm.eps = 1e-3 if norm.eps == 1e-5 else 1e-5
    stem = other_padding.stem.conv
    assert isinstance(stem, Convolution)
    stem.pads_as_needed = not stem.pads_as_needed
    stem.padding = (0, 0) if stem.pads_as_needed else (1, 1)
    with torch.inference_mode():
        theirs = peer(images)
        assert relative_difference(model(images.clone()), theirs) <= 1e-5
        assert relative_difference(other_eps(images.clone()), theirs) > 1e-4
        assert relative_difference(other_padding(images.clone()), theirs) > 1e-4
