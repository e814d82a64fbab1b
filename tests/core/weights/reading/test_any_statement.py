"""However it is wrapped and whoever says what it is, a file answers as its library does."""

from __future__ import annotations

import argparse
import copy
import io
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from effnet_core.weights import instantiate, load_checkpoint
from effnet_core.weights.key_names import Style
from effnet_core.weights.reading import bundles
from effnet_core.weights.reading.pickled import ENDINGS
from tests.core.weights.reading.networks import logits, network

# Padding, eps and pictures (resize, crop, interpolation) that each library's B0 has.
CONVENTIONS = {
    "timm": ("symmetric", 1e-5, (256, 224, "bicubic")),
    "torchvision": ("symmetric", 1e-5, (256, 224, "bicubic")),
    "lukemelas": ("same", 1e-3, (256, 224, "bicubic")),
    "transformers": ("same", 1e-3, (224, 224, "nearest")),
}
NAMES = {
    "timm": "efficientnet_b0",
    "torchvision": "efficientnet_b0",
    "lukemelas": "efficientnet-b0",
    "transformers": "google/efficientnet-b0",
}
IMAGES = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))

prefixes = st.lists(st.sampled_from(("module", "_orig_mod", "model", "net", "0")), max_size=3)
keys = st.lists(st.sampled_from(("state_dict", "model", "model_ema", "params")), max_size=2)
said_by = st.sampled_from(("a person", "arch", "args", "hyper_parameters", "name"))
NOISE = {"lr": 0.1, "epoch": 3, "best_acc1": 0.5, "net": "mine"}


@settings(max_examples=10, deadline=None)
@given(
    style=st.sampled_from(tuple(NAMES)),
    prefix=prefixes,
    path=keys,
    by=said_by,
    ending=st.sampled_from(ENDINGS),
    noise=st.sets(st.sampled_from(tuple(NOISE))),
)
def test_the_same_tensors_answer_alike_however_they_come(
    style: Style, prefix: list[str], path: list[str], by: str, ending: str, noise: set[str]
) -> None:
    before = "".join(f"{part}." for part in prefix)
    content: Any = {f"{before}{k}": v for k, v in network(style).state_dict().items()}
    for key in (*path, "state_dict"):
        content = {key: content}
    content |= {key: NOISE[key] for key in noise}
    name = NAMES[style]
    if by in ("arch", "name"):
        content[by] = name
    elif by != "a person":
        content[by] = argparse.Namespace(model=name)
    loaded = load_checkpoint(sent(content, ending), architecture=name if by == "a person" else None)
    padding, eps, pictures = CONVENTIONS[style]
    assert (loaded.spec.name, loaded.spec.padding, loaded.spec.bn_eps) == ("b0", padding, eps)
    fed = loaded.preprocessing
    assert (fed.resize, fed.crop, fed.interpolation) == pictures
    assert fed.squash == (style == "transformers")
    assert away(instantiate(loaded), network(style)) <= 1e-4


@settings(max_examples=5, deadline=None)
@given(
    eps=st.sampled_from((None, 1e-3, 0.1)),
    act=st.sampled_from((None, "relu", "silu")),
    fed=st.fixed_dictionaries(
        {},
        optional={
            "interpolation": st.sampled_from(("bilinear", "nearest")),
            "std": st.just((0.5, 0.25, 0.5)),
            "crop_pct": st.sampled_from((0.5, 1.0)),
        },
    ),
)
def test_timms_arguments_are_followed_in_what_is_computed(
    eps: float | None, act: str | None, fed: dict[str, Any]
) -> None:
    made = {} if act is None else {"act_layer": act}
    args = argparse.Namespace(
        model="efficientnet_b0", gp=None, bn_eps=eps, model_kwargs=made, **fed
    )
    peer = copy.deepcopy(network("timm"))
    for place, module in list(peer.named_modules()):
        if isinstance(module, nn.BatchNorm2d) and eps is not None:
            module.eps = eps
        if act == "relu" and isinstance(module, nn.SiLU):
            parent, _, leaf = place.rpartition(".")
            setattr(peer.get_submodule(parent), leaf, nn.ReLU())
    content = {"state_dict": peer.state_dict(), "args": args}
    loaded = load_checkpoint(sent(content, ".pth.tar"))
    assert away(instantiate(loaded), peer) <= 1e-4
    held = loaded.preprocessing
    assert held.interpolation == fed.get("interpolation", "bicubic")
    assert held.std == fed.get("std", (0.229, 0.224, 0.225))
    assert held.resize == int(224 / fed.get("crop_pct", 0.875))


@pytest.mark.parametrize("changed", ["eps", "padding"])
def test_a_wrong_convention_would_show(changed: str) -> None:
    """What the properties above would not pass with."""
    loaded = load_checkpoint(
        sent({"state_dict": network("timm").state_dict()}, ".pt"),
        architecture="tf_efficientnet_b0" if changed == "padding" else "efficientnet_b0",
    )
    wrong = instantiate(loaded)
    for module in wrong.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5 if changed == "padding" else 1e-3
    assert away(wrong, network("timm")) > 1e-3


def away(ours: nn.Module, theirs: nn.Module) -> float:
    """The largest difference of logits, through the largest logit."""
    found, wanted = logits(ours, IMAGES), logits(theirs, IMAGES)
    return float((found - wanted).abs().max() / wanted.abs().max())


def sent(content: Any, ending: str) -> bundles.Bundle:
    """A file of this content, brought in."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return bundles.from_files({f"x{ending}": buffer.getvalue()})
