"""Every accepted name beside the library whose name it is: conventions, modules, logits, pictures.

Networks of up to `ANSWERING` parameters answer for a small picture, with batch-norm statistics that
spread the logits. Larger ones are held against their library module by module, without memory.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet as LukemelasEfficientNet
from timm.data import resolve_data_config
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from effnet_core.architecture.aliases import named, timm_names
from effnet_core.architecture.names import architecture, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.images import Preprocessing
from effnet_core.network.layers import Convolution
from effnet_core.network.model import EfficientNet
from effnet_core.weights.convert import convert, with_conventions
from effnet_core.weights.key_names import Style, module_names
from effnet_core.weights.published_preprocessing import published_preprocessing

ANSWERING = 55_000_000
SHAPE = (1, 3, 41, 50)
"""Odd and even sides on the way down, at which the two paddings differ."""
DEPTHWISE_PADDING: dict[str, list[int]] = {
    "b0": [], "b1": [16], "b2": [5, 8, 16], "b3": [5, 18],
    "b4": [6], "b5": [13, 27], "b6": [31], "b7": [18],
}  # fmt: skip
"""What the configurations of Google's weights list: the blocks that meet an odd side."""

has_transformers = importlib.util.find_spec("transformers") is not None


@dataclass(frozen=True)
class Case:
    """A name, and the library that it belongs to."""

    style: Style
    name: str

    def peer(self) -> nn.Module:
        """The library's own network, without memory."""
        with torch.device("meta"):
            return self._peer().eval()

    def _peer(self) -> nn.Module:
        if self.style == "timm":
            return timm.create_model(self.name, pretrained=False)
        if self.style == "torchvision":
            return torchvision.models.get_model(self.name, weights=None)
        if self.style == "lukemelas":
            # Without an image size its "same" padding follows the input, as in TensorFlow.
            return LukemelasEfficientNet.from_name(self.name, image_size=None)
        from transformers import EfficientNetConfig, EfficientNetForImageClassification

        spec = architecture(self.name)
        config = EfficientNetConfig(
            image_size=spec.resolution,
            width_coefficient=spec.width,
            depth_coefficient=spec.depth,
            hidden_dim=spec.head_channels,
            depthwise_padding=DEPTHWISE_PADDING[spec.name],
        )
        config.num_labels = 1000
        return EfficientNetForImageClassification(config)

    @property
    def shape(self) -> tuple[int, ...]:
        """A small picture; transformers' sides are odd where the trained size makes them so."""
        if self.style != "transformers":
            return SHAPE
        side = 64 + architecture(self.name).resolution % 32
        return 1, 3, side, side


NAMES: dict[Style, list[str]] = {
    "timm": sorted(name for name in timm_names() if "." not in name),
    "torchvision": [
        f"efficientnet_{size}" for size in (*(f"b{n}" for n in range(8)), "v2_s", "v2_m", "v2_l")
    ],
    "lukemelas": [f"efficientnet-{size}" for size in (*(f"b{n}" for n in range(9)), "l2")],
    "transformers": [f"google/efficientnet-b{n}" for n in range(8)],
}
CASES = [
    pytest.param(
        Case(style, name),
        id=name,
        marks=pytest.mark.skipif(
            style == "transformers" and not has_transformers,
            reason="transformers is not installed (pip install transformers)",
        ),
    )
    for style, names in NAMES.items()
    for name in names
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The pictures are small: waiting for other threads would cost more than it saves."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("case", CASES)
def test_a_name_means_its_librarys_network(case: Case) -> None:
    assert named(case.name).library in (case.style, "torchvision")
    peer = case.peer()
    spec = with_conventions(architecture(case.name), case.style)
    with torch.device("meta"):
        model = EfficientNet(spec).eval()
    compare_modules(peer, model, case.style)
    size = sum(parameter.numel() for parameter in model.parameters())
    assert size == sum(parameter.numel() for parameter in peer.parameters())
    if size <= ANSWERING:
        compare_logits(peer, model, case.shape, spec)


def compare_modules(peer: nn.Module, model: EfficientNet, style: Style) -> None:
    """Every module with tensors: shapes, strides, groups, padding and batch-norm's eps."""
    theirs, ours = dict(peer.named_modules()), dict(model.named_modules())
    names = module_names(model.spec, style)
    assert {name.rpartition(".")[0] for name in peer.state_dict()} == set(names)
    for their_name, own_name in names.items():
        one, other = theirs[their_name], ours[own_name]
        tensors = {key: tensor.shape for key, tensor in one.state_dict().items()}
        assert tensors == {key: tensor.shape for key, tensor in other.state_dict().items()}
        if isinstance(other, nn.BatchNorm2d):
            assert isinstance(one, nn.BatchNorm2d) and one.eps == other.eps, own_name
        if isinstance(other, nn.Conv2d):
            assert isinstance(one, nn.Conv2d)
            assert (tuple(one.stride), one.groups) == (other.stride, other.groups), own_name
        if isinstance(other, Convolution) and other.stride != (1, 1) and style != "transformers":
            assert isinstance(one, nn.Conv2d)
            # timm and lukemelas have classes of their own that pad by the input's size.
            assert other.pads_as_needed == ("Same" in type(one).__name__), own_name
            assert other.pads_as_needed or one.padding == other.padding, own_name


def compare_logits(
    peer: nn.Module, model: EfficientNet, shape: tuple[int, ...], spec: ArchitectureSpec
) -> None:
    """The same tensors, the same picture: logits equal to 1e-5 of the largest."""
    torch.manual_seed(0)
    fill(peer.to_empty(device="cpu"), shape)
    state_dict, told = convert(peer.state_dict(), spec)
    assert told == spec
    model.load_state_dict(state_dict, strict=True, assign=True)
    images = torch.randn(shape)
    with torch.inference_mode():
        theirs, ours = answer(peer, images), model(images.clone())
    assert theirs.std() >= 0.1
    assert float((ours - theirs).abs().max() / theirs.abs().max()) <= 1e-5


def answer(peer: nn.Module, images: Tensor) -> Tensor:
    """Its logits (B, classes)."""
    found = peer(images)
    return found if isinstance(found, Tensor) else found.logits


def fill(peer: nn.Module, shape: tuple[int, ...]) -> None:
    """Random tensors, with batch-norm statistics taken from data and then moved away from it."""
    pool = torch.randn(2**20)
    with torch.no_grad():
        for parameter in peer.parameters():
            flat, start = parameter.view(-1), int(torch.randint(2**19, ()))
            for begin in range(0, len(flat), 2**19):
                piece = flat[begin : begin + 2**19]
                piece.copy_(pool[start : start + len(piece)])
            fan_in = max(1, parameter[0].numel())
            parameter.mul_(fan_in**-0.5 if parameter.ndim > 1 else 0.2)
        norms = [module for module in peer.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.weight.abs_().add_(0.8)
            norm.train()
            norm.momentum = 1.0
            norm.reset_running_stats()  # they were never set
        answer(peer, torch.randn(4, *shape[1:]))
        for norm in norms:
            norm.eval()
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean += 0.1 * norm.running_var.sqrt() * pool[: norm.num_features]
            # Few places tell little of a channel: one that hardly moved there is not blown up.
            norm.running_var += 0.3 * norm.running_var.mean()


@pytest.mark.parametrize("name", sorted(timm_names()))
def test_a_name_of_timm_means_its_pictures(name: str) -> None:
    spec = with_conventions(architecture(name), "timm")
    found, source = published_preprocessing(spec, "timm", name)
    settings = get_pretrained_cfg(name)
    assert settings is not None and source == f"timm's defaults for {name}"
    config = resolve_data_config({}, pretrained_cfg=settings.to_dict(), use_test_size=True)
    crop = config["input_size"][-1]
    assert found == Preprocessing(
        resize=int(crop / config["crop_pct"]),
        crop=crop,
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
        squash=config["crop_mode"] == "squash",
    )


def test_transformers_own_side_is_where_it_pads_like_tensorflow() -> None:
    """The blocks in the published configurations are those at which an odd side is halved."""
    for name, listed in DEPTHWISE_PADDING.items():
        spec = variant(name)
        side, odd = -(-spec.resolution // 2), []
        for place, block in enumerate(spec.blocks):
            odd += [place] if block.stride == 2 and side % 2 else []
            side = -(-side // 2) if block.stride == 2 else side
        assert odd == listed


@pytest.mark.parametrize("other", [{"bn_eps": 1e-5}, {"padding": "symmetric"}])
def test_another_eps_or_padding_would_show(other: dict[str, object]) -> None:
    case = Case("timm", "tf_efficientnet_b0")
    spec = dataclasses.replace(architecture(case.name), name="other", **other)  # type: ignore[arg-type]
    with torch.device("meta"):
        model = EfficientNet(spec).eval()
    with pytest.raises(AssertionError):
        compare_modules(case.peer(), model, case.style)
    with pytest.raises(AssertionError):
        compare_logits(case.peer(), model, case.shape, spec)
