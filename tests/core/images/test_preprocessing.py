"""`effnet_core.images`: the network's input equals torchvision's and timm's to the digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.models import get_model_weights, list_models
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms.functional import InterpolationMode

from effnet_core.errors import InvalidInput
from effnet_core.images import INTERPOLATIONS, Preprocessing, crop_box, decode, model_view, to_input
from effnet_core.images.samples import load_sample

WEIGHTS = [
    weights for name in list_models(include="efficientnet*") for weights in get_model_weights(name)
]
ODD_SIZES = [(451, 300), (600, 400), (511, 255), (127, 640), (33, 47), (224, 224), (1, 1), (3, 100)]


def photo(size: tuple[int, int]) -> Image.Image:
    return decode(load_sample("coffee")).resize(size)


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("size", [(451, 300), (127, 641)], ids=str)
def test_every_torchvision_transform_is_reproduced_to_the_digit(
    weights: Any, size: tuple[int, int]
) -> None:
    transform = weights.transforms()
    ours = Preprocessing(
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )
    image = photo(size)
    expected = transform(image).numpy()
    got = to_input(model_view(image, ours), ours)
    assert got.dtype == np.float32 and got.shape == (3, ours.crop, ours.crop)
    np.testing.assert_array_max_ulp(got, expected, maxulp=1)


@pytest.mark.parametrize("size", ODD_SIZES, ids=str)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_odd_sizes_equal_torchvision(size: tuple[int, int], interpolation: str) -> None:
    ours = Preprocessing(resize=257, crop=224, interpolation=interpolation)
    preset = ImageClassification(
        crop_size=224, resize_size=257, interpolation=InterpolationMode(interpolation)
    )
    image = photo(size)
    np.testing.assert_array_max_ulp(
        to_input(model_view(image, ours), ours), preset(image).numpy(), maxulp=1
    )


@pytest.mark.parametrize("size", ODD_SIZES, ids=str)
@pytest.mark.parametrize(
    ("resolution", "crop_ratio", "interpolation"),
    [(224, 0.875, "bicubic"), (240, 0.882, "bicubic"), (380, 0.922, "bicubic"),
     (288, 1.0, "bicubic"), (300, 0.904, "bilinear")],
)  # fmt: skip
def test_timms_evaluation_transform_is_reproduced(
    size: tuple[int, int], resolution: int, crop_ratio: float, interpolation: str
) -> None:
    ours = Preprocessing.imagenet(resolution, crop_ratio=crop_ratio, interpolation=interpolation)
    timms = timm.data.create_transform(
        resolution, crop_pct=crop_ratio, interpolation=interpolation, is_training=False
    )
    image = photo(size)
    view = model_view(image, ours)
    np.testing.assert_array_max_ulp(to_input(view, ours), timms(image).numpy(), maxulp=1)
    resize, centre_crop = timms.transforms[:2]
    assert view.tobytes() == centre_crop(resize(image)).tobytes()


def test_imagenet_preprocessing_resizes_224_from_256() -> None:
    assert Preprocessing.imagenet(224).resize == 256


def test_a_long_thin_picture_is_seen_without_resizing_all_of_it() -> None:
    ramp = (np.arange(10_000) // 40).astype(np.uint8)[:, None]  # 10,000 rows of one pixel
    thin = Image.fromarray(ramp).convert("RGB")
    view = np.asarray(model_view(thin, Preprocessing.imagenet(224))).astype(int)
    assert view.shape == (224, 224, 3)
    assert abs(view - 5_000 // 40).max() <= 2  # the middle of the ramp


@given(
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    crop=st.integers(1, 600),
    margin=st.integers(0, 100),
)
def test_the_crop_box_lies_in_the_picture_and_is_square_and_central(
    size: tuple[int, int], crop: int, margin: int
) -> None:
    box = crop_box(size, Preprocessing(resize=crop + margin, crop=crop))
    left, top, right, bottom = box
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    pixel = max(size[0], size[1]) / crop  # one resized pixel, generously, in original pixels
    assert abs((right - left) - (bottom - top)) <= pixel
    assert abs((left + right) - size[0]) <= 2 * pixel
    assert abs((top + bottom) - size[1]) <= 2 * pixel


def test_the_crop_box_frames_what_the_model_sees() -> None:
    size, preprocessing = (640, 320), Preprocessing(resize=256, crop=224)
    assert crop_box(size, preprocessing) == (180.0, 20.0, 460.0, 300.0)


def test_preprocessing_survives_a_round_trip() -> None:
    one = Preprocessing(resize=480, crop=480, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert Preprocessing.from_dict(one.to_dict()) == one
    assert Preprocessing.from_dict({**one.to_dict(), "mean": [0.5, 0.5, 0.5]}) == one


@pytest.mark.parametrize(
    "wrong",
    [{"resize": 100}, {"crop": 0}, {"crop": 2.5}, {"interpolation": "cubic"}, {"std": (1, 1, 0)},
     {"mean": (0.5,)}, {"mean": (float("nan"), 0, 0)}, {"resize": "256"}, {"surprise": 1}],
    ids=str,
)  # fmt: skip
def test_wrong_preprocessing_is_refused_with_a_sentence(wrong: dict[str, Any]) -> None:
    values = {**Preprocessing.imagenet(224).to_dict(), **wrong}
    with pytest.raises(InvalidInput, match=r"\.$"):
        Preprocessing.from_dict(values)


def test_every_named_interpolation_works() -> None:
    for name in INTERPOLATIONS:
        view = model_view(photo((90, 70)), Preprocessing.imagenet(32, interpolation=name))
        assert view.size == (32, 32)
