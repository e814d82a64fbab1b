from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from effnet_core.architecture.names import architecture, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError
from effnet_core.network.model import EfficientNet
from effnet_core.weights.convert import class_count, convert, guess_architecture, with_conventions
from effnet_core.weights.key_names import Style, detect_style, module_names

FOREIGN: tuple[Style, ...] = ("torchvision", "timm", "lukemelas")


def state_dict_in(style: Style, spec: ArchitectureSpec) -> dict[str, Tensor]:
    """A state dict of `spec` without memory, under the names of `style`."""
    with torch.device("meta"):
        model = EfficientNet(spec)
    theirs = {ours: name for name, ours in module_names(spec, style).items()}
    return {
        f"{theirs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": tensor
        for key, tensor in model.state_dict().items()
    }


@pytest.mark.parametrize("name", ["b0", "b2", "lite2", "v2-b1", "v2-s"])
@pytest.mark.parametrize("style", ["own", *FOREIGN])
def test_every_family_converts_from_every_style(name: str, style: Style) -> None:
    spec = variant(name, num_classes=7)
    if style == "lukemelas" and name.startswith("v2"):
        with pytest.raises(CheckpointError, match="no networks with fused blocks"):
            module_names(spec, style)
        return
    theirs = state_dict_in(style, spec)
    assert detect_style(theirs) == style
    assert guess_architecture(theirs) == name
    assert class_count(theirs) == 7
    ours, _ = convert(theirs, spec)
    with torch.device("meta"):
        expected = EfficientNet(spec).state_dict()
    assert list(ours) == list(expected)
    assert [t.shape for t in ours.values()] == [t.shape for t in expected.values()]


@pytest.mark.parametrize(
    ("name", "style", "eps", "padding"),
    [
        *((f"b{n}", "torchvision", 1e-5, "symmetric") for n in range(5)),
        *((f"b{n}", "torchvision", 1e-3, "symmetric") for n in range(5, 8)),
        *((f"v2-{size}", "torchvision", 1e-3, "symmetric") for size in "sml"),
        ("tf_efficientnet_b0", "torchvision", 1e-5, "symmetric"),
        ("efficientnet_b0", "timm", 1e-5, "symmetric"),
        ("efficientnet_b5", "timm", 1e-5, "symmetric"),
        ("tf_efficientnet_b5", "timm", 1e-3, "same"),
        ("efficientnetv2_s", "timm", 1e-5, "symmetric"),
        ("tf_efficientnetv2_s", "timm", 1e-3, "same"),
        ("tf_efficientnetv2_b0", "timm", 1e-3, "same"),
        ("v2-b0", "timm", 1e-3, "same"),
        ("efficientnet_lite0", "timm", 1e-5, "symmetric"),
        ("tf_efficientnet_lite0", "timm", 1e-3, "same"),
        ("b0", "lukemelas", 1e-3, "same"),
        ("b7", "lukemelas", 1e-3, "same"),
        ("b5", "own", 1e-3, "symmetric"),
    ],
)
def test_names_tell_the_conventions(name: str, style: Style, eps: float, padding: str) -> None:
    spec = with_conventions(architecture(name), style)
    assert (spec.bn_eps, spec.padding) == (eps, padding)


@pytest.mark.parametrize("style", FOREIGN)
def test_a_spec_of_ones_own_keeps_its_conventions(style: Style) -> None:
    spec = dataclasses.replace(variant("b0"), name="mine", bn_eps=2e-4)
    assert with_conventions(spec, style) == spec


def test_wrong_architecture_says_expected_and_found() -> None:
    with pytest.raises(CheckpointError) as caught:
        convert(state_dict_in("torchvision", variant("b0")), variant("b1"))
    sentence = str(caught.value)
    assert "(360 tensors, named as in torchvision) does not fit b1 with its 508 tensors" in sentence
    assert (
        "148 missing (features.1.1.block.0.0.weight, features.1.1.block.0.1.weight, …)" in sentence
    )
    assert "looks like b0" in sentence


def test_same_names_other_shapes_are_told() -> None:
    with pytest.raises(CheckpointError) as caught:
        convert(state_dict_in("timm", variant("b2")), variant("b1"))
    sentence = str(caught.value)
    assert "missing" not in sentence
    assert "of another shape (blocks." in sentence
    assert "looks like b2" in sentence


def test_wrong_class_count_is_told_as_such() -> None:
    with pytest.raises(CheckpointError, match="has 10 classes where b0 was expected to have 1,000"):
        convert(state_dict_in("lukemelas", variant("b0", num_classes=10)), variant("b0"))


def test_absent_batch_counters_are_zero_and_nothing_else_may_be_absent() -> None:
    spec = variant("b0")
    theirs = state_dict_in("timm", spec)
    without = {k: v for k, v in theirs.items() if not k.endswith("num_batches_tracked")}
    ours, _ = convert(without, spec)
    assert ours["stem.norm.num_batches_tracked"] == 0
    for gone in ("bn1.running_var", "classifier.bias", "blocks.6.0.se.conv_expand.bias"):
        with pytest.raises(CheckpointError, match=f"1 missing \\({gone}\\)"):
            convert({k: v for k, v in theirs.items() if k != gone}, spec)
    with pytest.raises(CheckpointError, match=r"1 unexpected \(aux\.weight\)"):
        convert({**theirs, "aux.weight": torch.zeros(1)}, spec)


@pytest.mark.parametrize(
    "keys", [[], ["weight"], ["layer1.0.conv1.weight", "fc.weight", "fc.bias"]]
)
def test_other_networks_are_told(keys: list[str]) -> None:
    with pytest.raises(CheckpointError, match="named as none of this project, torchvision, timm"):
        detect_style(keys)


def test_weights_without_a_classifier_are_told() -> None:
    theirs = state_dict_in("torchvision", variant("b0"))
    del theirs["classifier.1.weight"]
    with pytest.raises(CheckpointError, match="no classifier"):
        class_count(theirs)
    with pytest.raises(CheckpointError, match="no classifier"):
        convert(theirs, variant("b0"))


@settings(max_examples=30, deadline=None)
@given(data=st.data(), style=st.sampled_from(FOREIGN))
def test_any_one_tensor_lost_renamed_or_reshaped_is_refused(
    data: st.DataObject, style: Style
) -> None:
    spec = variant("b0", num_classes=3)
    theirs = state_dict_in(style, spec)
    keys = [key for key in theirs if not key.endswith("num_batches_tracked")]
    key = data.draw(st.sampled_from(keys))
    tensor = theirs.pop(key)
    change = data.draw(st.sampled_from(("lost", "renamed", "reshaped")))
    if change == "renamed":
        theirs[f"{key}_"] = tensor
    elif change == "reshaped":
        theirs[key] = torch.empty((*tensor.shape, 2), device="meta")
    with pytest.raises(CheckpointError):
        convert(theirs, spec)
