"""What is no EfficientNet that is built here is told as that, and a file's own name as whose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

from effnet_core.errors import CheckpointError
from effnet_core.weights import load_checkpoint, understand
from tests.core.weights.reading.networks import network


def told(content: dict[str, Any], folder: Path) -> str:
    """The sentence that refuses a file of this content."""
    torch.save(content, folder / "x.pth")
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder / "x.pth")
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mixnet_s", "mixes kernels"),
        ("mobilenetv3_small_050", "but the rest is not"),
        ("mnasnet_small", "of the shapes of no published variant"),
        ("fbnetc_100", "of the shapes of no published variant"),
        ("efficientnet_b1_pruned", "of the shapes of no published variant"),
        ("efficientnet_b0_gn", "has no running statistics"),
        ("regnety_002", "is another network"),
    ],
)
def test_neighbours_of_timms_are_no_efficientnets(name: str, sentence: str, tmp_path: Path) -> None:
    said = told(timm.create_model(name, num_classes=2).state_dict(), tmp_path)
    assert sentence in said and "tf_efficientnet" not in said and "classifier" not in said


def test_torchvisions_mobilenets_are_no_efficientnets(tmp_path: Path) -> None:
    for model in (
        torchvision.models.mobilenet_v2(num_classes=2),
        torchvision.models.mobilenet_v3_small(num_classes=2),
    ):
        assert "is another network" in told(model.state_dict(), tmp_path)


def test_torchvisions_features_have_no_head(tmp_path: Path) -> None:
    features = network("torchvision").get_submodule("features")
    for module in (features, nn.Sequential(features)):
        said = told(module.state_dict(), tmp_path)
        assert "torchvision's EfficientNet, which has no classification head" in said


def test_a_name_that_the_tensors_contradict_is_told_with_who_says_it(tmp_path: Path) -> None:
    state = network("timm").state_dict()
    said = told({"model": state, "arch": "efficientnet_b3"}, tmp_path)
    assert "The name b3 is by arch in the checkpoint; give another architecture" in said
    assert "looks like b0" in said
    said = told({"model": state, "arch": "fastvit_t8"}, tmp_path)
    assert "its arch says 'fastvit_t8', which is no network that is built here" in said
    assert load_checkpoint(tmp_path / "x.pth", architecture="b0").spec.name == "b0"


def test_a_free_name_counts_where_the_tensors_agree(tmp_path: Path) -> None:
    state = network("timm").state_dict()
    for name, found in (("efficientnet_b0", "b0"), ("b3", None), ("my best", None)):
        torch.save({"model": state, "name": name}, tmp_path / "x.pth")
        assert understand(tmp_path / "x.pth").architecture == found


def test_a_head_called_metric_is_a_head(tmp_path: Path) -> None:
    body = {f"net.{key}": value for key, value in network("timm").state_dict().items()}
    said = told({**body, "metric_fc.weight": torch.ones(3, 5)}, tmp_path)
    assert "holds metric_fc.weight beside the whole network" in said
    torch.save({**body, "metric.confmat": torch.ones(5, 5)}, tmp_path / "x.pth")
    assert "metric.confmat" in understand(tmp_path / "x.pth").ignored[0]
