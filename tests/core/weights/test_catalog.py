from __future__ import annotations

import pytest
from torchvision.models import get_weight

from effnet_core.architecture.names import variant
from effnet_core.errors import InvalidInput
from effnet_core.weights.published import WeightsEntry, catalog, find, imagenet_classes


def test_catalog_has_every_set_of_torchvision_in_reading_order() -> None:
    assert [entry.architecture for entry in catalog()] == [
        *("b0", "b1", "b1", "b2", "b3", "b4", "b5", "b6", "b7"),
        *("v2-s", "v2-m", "v2-l"),
    ]


@pytest.mark.parametrize("entry", catalog(), ids=lambda entry: entry.id)
def test_facts_are_torchvisions(entry: WeightsEntry) -> None:
    weights = get_weight(entry.id)
    transform = weights.transforms()
    assert entry.url == weights.url
    assert entry.file_name == weights.url.rpartition("/")[2]
    assert entry.file_name.endswith(f"-{entry.hash_prefix}.pth")
    assert entry.params == weights.meta["num_params"]
    assert entry.size_bytes / 2**20 == pytest.approx(weights.meta["_file_size"], abs=1e-5)
    assert entry.size_bytes > 4 * entry.params  # float32, so the published unit is MiB
    assert list(entry.classes) == weights.meta["categories"]
    top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert entry.metrics[0][:2] == ("ImageNet-1K", top1)
    preprocessing = entry.preprocessing
    assert [preprocessing.crop] == transform.crop_size
    assert [preprocessing.resize] == transform.resize_size
    assert list(preprocessing.mean) == transform.mean
    assert list(preprocessing.std) == transform.std
    assert preprocessing.interpolation == transform.interpolation.value
    assert variant(entry.architecture).name == entry.architecture


def test_known_oddities() -> None:
    assert find("b2").preprocessing.crop == 288
    assert find("v2-l").preprocessing.mean == (0.5, 0.5, 0.5)
    assert find("v2-l").preprocessing.std == (0.5, 0.5, 0.5)
    assert find("v2-s").preprocessing.interpolation == "bilinear"
    assert find("b1").id.endswith("IMAGENET1K_V2")
    assert imagenet_classes()[281] == "tabby"


@pytest.mark.parametrize(
    "text",
    [
        *("b0", "B0", " efficientnet_b0 ", "EfficientNet_B0", "efficientnet-b0"),
        *("EfficientNet_B0_Weights.IMAGENET1K_V1", "efficientnet_b0_weights.imagenet1k_v1"),
    ],
)
def test_find_accepts_ids_and_names(text: str) -> None:
    assert find(text).id == "EfficientNet_B0_Weights.IMAGENET1K_V1"


def test_find_tells_both_sets_of_b1_apart() -> None:
    assert find("EfficientNet_B1_Weights.IMAGENET1K_V1").hash_prefix != find("b1").hash_prefix


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("efficientnet_b0_weights.imagenet1k_v3", "EfficientNet_B0_Weights.IMAGENET1K_V1"),
        ("b9", "b7"),
        ("v2-b0", "v2-"),
        ("tf_efficientnet_b0", "did you mean"),
        ("something else entirely", "effnet weights list"),
        ("", "effnet weights list"),
        ("<script>alert(1)</script>" * 20, "effnet weights list"),
    ],
)
def test_unknown_names_get_a_sentence(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="No weights are called") as caught:
        find(text)
    assert hint in str(caught.value)
    assert len(str(caught.value)) < 300
