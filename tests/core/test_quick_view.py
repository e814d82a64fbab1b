"""The fast view equals torchvision's transforms on tensors, and Pillow's within a level or two."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor
from torchvision.transforms.v2 import CenterCrop, Compose, InterpolationMode, Resize

from effnet_core.images import INTERPOLATIONS, Decoded, Preprocessing, decode, model_view
from effnet_core.quick_view import REDUCED_EDGE, decode_for, quick_view, takes_reduced
from effnet_core.samples import load_sample


def photo(size: tuple[int, int]) -> Image.Image:
    return decode(load_sample("coffee")).resize(size)


def whole(image: Image.Image) -> Decoded:
    return Decoded(image, image.size)


def levels(image: Image.Image | np.ndarray) -> np.ndarray:
    return np.asarray(image).astype(int)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@settings(max_examples=40)
@given(
    size=st.tuples(st.integers(20, 700), st.integers(20, 700)),
    crop=st.integers(32, 300),
    margin=st.integers(0, 40),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
)
def test_it_is_torchvisions_on_tensors_and_nearly_pillows(size, crop, margin, interpolation):
    ours = Preprocessing(resize=crop + margin, crop=crop, interpolation=interpolation)
    image = photo(size)
    view = quick_view(whole(image), ours)
    theirs = Compose(
        [
            Resize(ours.resize, InterpolationMode(interpolation), antialias=True),
            CenterCrop(crop),
        ]
    )(pil_to_tensor(image))
    assert view.dtype == np.uint8 and view.shape == (crop, crop, 3)
    np.testing.assert_array_equal(view, theirs.permute(1, 2, 0).numpy())
    difference = np.abs(levels(view) - levels(model_view(image, ours)))
    assert difference.max() <= 15  # 7 was seen in 1,500 drawn sizes
    assert (difference > 1).mean() < 0.003  # 0.0005
    assert difference.mean() < 0.3


@pytest.mark.parametrize("interpolation", sorted(set(INTERPOLATIONS) - {"bilinear", "bicubic"}))
def test_what_torch_has_not_got_is_pillows(interpolation):
    ours, image = Preprocessing(resize=70, crop=64, interpolation=interpolation), photo((300, 200))
    assert quick_view(whole(image), ours).tobytes() == model_view(image, ours).tobytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 5)], ids=str)
def test_extreme_shapes_are_seen(size):
    ours = Preprocessing.imagenet(224)
    view = quick_view(whole(Image.new("RGB", size, (9, 90, 200))), ours)
    assert view.reshape(-1, 3).tolist() == [[9, 90, 200]] * (224 * 224)


@pytest.mark.parametrize(
    ("size", "mean", "largest"),
    [
        ((4000, 3000), 0.5, 6),
        ((3001, 4003), 1, 24),  # half of the last pixel lies beyond the edge: a shift of 0.1 pixels
    ],
    ids=str,
)
def test_a_large_jpeg_is_seen_as_if_it_were_decoded_whole(size, mean, largest):
    data, ours = jpeg(photo(size)), Preprocessing.imagenet(224)
    picture = decode_for(data, ours)
    assert picture.size == size
    assert REDUCED_EDGE <= min(picture.image.size) < min(size)
    difference = np.abs(levels(quick_view(picture, ours)) - levels(model_view(decode(data), ours)))
    assert difference.max() <= largest
    assert difference.mean() < mean


@pytest.mark.parametrize(
    ("preprocessing", "reduced"),
    [
        (Preprocessing.imagenet(224), True),
        (Preprocessing(resize=600, crop=600), True),
        (Preprocessing(resize=601, crop=600), False),
        (Preprocessing.imagenet(224, interpolation="lanczos"), False),
    ],
)
def test_networks_that_need_all_pixels_get_them(preprocessing, reduced):
    data = jpeg(photo((3200, 2400)))
    picture = decode_for(data, preprocessing)
    assert takes_reduced(preprocessing) == reduced
    assert picture.image.size == ((1600, 1200) if reduced else (3200, 2400))
    if not reduced:
        assert picture.image.tobytes() == decode(data).tobytes()
