"""However the same tensors are wrapped, they give the same network, or a true sentence."""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effnet_core.architecture.names import scaled
from effnet_core.errors import EffnetError
from effnet_core.network.build import build
from effnet_core.weights import load_checkpoint
from effnet_core.weights.key_names import CLASSIFIERS, Style, module_names
from effnet_core.weights.reading import bundles
from effnet_core.weights.reading.pickled import ENDINGS
from effnet_core.weights.tensor_shapes import COUNTER

SPEC = scaled(-6, num_classes=3)
OWN = build(SPEC, seed=1).state_dict()

prefixes = st.lists(
    st.sampled_from(
        ("module", "_orig_mod", "model", "backbone", "net", "encoder", "my_ema", "0", "a b", "é")
    ),
    max_size=4,
)
keys = st.lists(
    st.sampled_from(
        ("state_dict", "model", "model_state_dict", "model_ema", "state_dict_ema", "net", "params")
    )
    | st.text(max_size=8),
    max_size=5,
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
metadata = st.dictionaries(
    st.sampled_from(("format", "architecture", "epoch", "effnet.classes", "effnet.activation")),
    st.text(max_size=12) | st.sampled_from(("pt", '["a", "b", "c"]', "[1]", "softmax")),
)


def named(style: Style) -> dict[str, torch.Tensor]:
    theirs = {ours: name for name, ours in module_names(SPEC, style).items()}
    return {
        f"{theirs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value
        for key, value in OWN.items()
    }


def same(content: dict[str, torch.Tensor], style: Style, draw: Callable[[Any], Any]) -> None:
    """Change what must not matter: counters, profilers' numbers, where the classifier is."""
    for name in [name for name in content if name.endswith(COUNTER)]:
        if draw(st.booleans()):
            content[name] = torch.tensor(draw(st.sampled_from((0.0, float("inf"), 3))))
    if draw(st.booleans()):
        content["total_ops"] = torch.zeros(1)
    if draw(st.booleans()):
        place = draw(st.sampled_from(("", ".1", ".0.2")))
        root, head = CLASSIFIERS[style].partition(".")[0], CLASSIFIERS[style]
        moved = {leaf: content.pop(f"{head}.{leaf}") for leaf in ("weight", "bias")}
        content.update({f"{root}{place}.{leaf}": value for leaf, value in moved.items()})


arguments = st.dictionaries(
    st.sampled_from(("args", "arch", "hyper_parameters", "model_name")),
    plain
    | st.fixed_dictionaries(
        {},
        optional={
            "model": st.sampled_from(("efficientnet_b0", "resnet50", "")) | plain,
            "val_crop_size": st.integers(-5, 10**9) | plain,
            "img_size": st.integers(-5, 10**9) | plain,
            "mean": st.just((0.5, 0.5, 0.5)) | plain,
            "crop_pct": st.floats() | plain,
        },
    ),
)


def require_the_same(given: bundles.Bundle) -> None:
    loaded = load_checkpoint(given, architecture=SPEC)
    read = {name: value for name, value in OWN.items() if not name.endswith(COUNTER)}
    for name, value in read.items():
        assert np.array_equal(loaded.tensors[name], value.numpy()), name
    assert dataclasses.replace(loaded.spec, resolution=SPEC.resolution) == SPEC


@settings(max_examples=12, deadline=None)
@given(
    data=st.data(),
    style=st.sampled_from(("own", "timm", "torchvision", "lukemelas", "transformers")),
    ending=st.sampled_from(ENDINGS),
)
def test_any_wrapper_gives_the_same_tensors(data: st.DataObject, style: Style, ending: str) -> None:
    content: Any = named(style)
    same(content, style, data.draw)
    prefix = "".join(f"{part}." for part in data.draw(prefixes))
    content = {f"{prefix}{name}": value for name, value in content.items()}
    if prefix and data.draw(st.booleans()):
        content["criterion.weight"] = torch.ones(3)
    beside = data.draw(st.dictionaries(st.text(max_size=6), plain, max_size=3))
    for key in reversed(data.draw(keys)):
        content = {**beside, key: content}
    if data.draw(st.booleans()):
        content = {"args": argparse.Namespace(**beside), **content}
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=data.draw(st.booleans()))
    sent = {f"x{ending}": buffer.getvalue()}
    if data.draw(st.booleans()):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(f"a/x{ending}", sent[f"x{ending}"])
        sent = {"x.zip": made.getvalue()}
    require_the_same(bundles.from_files(sent))


@settings(max_examples=12, deadline=None)
@given(
    said=metadata,
    config=st.none()
    | plain
    | st.fixed_dictionaries(
        {},
        optional={
            "architecture": st.sampled_from(("b0", "efficientnet_b1")) | plain,
            "num_classes": st.just(3) | plain,
            "label_names": st.just(["a", "b", "c"]) | plain,
            "pretrained_cfg": plain,
            "input_size": st.just([3, 96, 96]) | plain,
            "mean": st.just([0.5, 0.5, 0.5]) | plain,
            "crop_pct": st.floats(),
            "id2label": plain,
        },
    ),
)
def test_any_metadata_and_any_configuration_give_the_same_or_a_sentence(
    said: dict[str, str], config: Any
) -> None:
    sent = {"model.safetensors": safetensors.torch.save(named("timm"), said)}
    if config is not None:
        sent["config.json"] = json.dumps(config).encode()
    try:
        require_the_same(bundles.from_files(sent))
    except EffnetError as error:
        assert 20 < len(str(error)) < 500


@settings(max_examples=12, deadline=None)
@given(beside=arguments)
def test_any_arguments_give_the_same_or_a_sentence(beside: dict[str, Any]) -> None:
    said = {
        key: argparse.Namespace(**value) if isinstance(value, dict) else value
        for key, value in beside.items()
    }
    buffer = io.BytesIO()
    torch.save({"state_dict": named("timm"), **said}, buffer)
    try:
        require_the_same(bundles.from_files({"x.pth": buffer.getvalue()}))
    except EffnetError as error:
        assert 20 < len(str(error)) < 500
