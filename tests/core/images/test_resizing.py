"""The view equals `model_view`, and of a picture decoded at a fraction nearly so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from effnet_core.images import INTERPOLATIONS, Decoded, Preprocessing, decode, model_view
from effnet_core.images.resizing import decode_for, edge_for, resized_view
from effnet_core.images.samples import load_sample


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


@given(
    size=st.tuples(st.integers(20, 700), st.integers(20, 700)),
    crop=st.integers(32, 300),
    margin=st.integers(0, 40),
    interpolation=st.sampled_from(sorted(INTERPOLATIONS)),
)
def test_a_whole_picture_is_seen_as_by_model_view(
    size: tuple[int, int], crop: int, margin: int, interpolation: str
) -> None:
    ours = Preprocessing(resize=crop + margin, crop=crop, interpolation=interpolation)
    image = photo(size)
    view = resized_view(whole(image), ours)
    assert view.dtype == np.uint8 and not view.flags.writeable
    np.testing.assert_array_equal(view, np.asarray(model_view(image, ours)))


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 5)], ids=str)
def test_extreme_shapes_are_seen(size: tuple[int, int]) -> None:
    ours = Preprocessing.imagenet(224)
    view = resized_view(whole(Image.new("RGB", size, (9, 90, 200))), ours)
    assert view.reshape(-1, 3).tolist() == [[9, 90, 200]] * (224 * 224)


@pytest.mark.parametrize("size", [(4000, 3000), (3001, 4003), (5999, 4801), (2407, 2403)], ids=str)
def test_a_large_jpeg_is_seen_as_if_it_were_decoded_whole(size: tuple[int, int]) -> None:
    data, ours = jpeg(photo(size)), Preprocessing.imagenet(224)
    picture = decode_for(data, ours)
    assert picture.size == size
    assert 600 <= min(picture.image.size) < min(size)
    difference = np.abs(
        levels(resized_view(picture, ours)) - levels(model_view(decode(data), ours))
    )
    assert difference.max() <= 10
    assert difference.mean() < 0.5


@pytest.mark.parametrize(
    ("preprocessing", "edge", "size"),
    [
        (Preprocessing.imagenet(224), 600, (800, 600)),
        (Preprocessing(resize=300, crop=300), 600, (800, 600)),
        (Preprocessing(resize=301, crop=300), 1200, (1600, 1200)),
        (Preprocessing(resize=600, crop=600), 1200, (1600, 1200)),
        (Preprocessing(resize=601, crop=600), None, (3200, 2400)),
        (Preprocessing.imagenet(224, interpolation="lanczos"), None, (3200, 2400)),
    ],
)
def test_networks_get_the_pixels_that_they_need(
    preprocessing: Preprocessing, edge: int | None, size: tuple[int, int]
) -> None:
    data = jpeg(photo((3200, 2400)))
    picture = decode_for(data, preprocessing)
    assert edge_for(preprocessing) == edge
    assert (picture.image.size, picture.size) == (size, (3200, 2400))
    if edge is None:
        assert picture.image.tobytes() == decode(data).tobytes()


@given(
    size=st.tuples(st.integers(1200, 6000), st.integers(1200, 6000)),
    step=st.sampled_from([2, 4, 8]),
    resolution=st.integers(32, 60),
)
def test_a_reduced_picture_of_any_size_fills_the_view(
    size: tuple[int, int], step: int, resolution: int
) -> None:
    width, height = (-(-edge // step) for edge in size)
    reduced = Image.new("RGB", (width, height), (9, 90, 200))
    view = resized_view(Decoded(reduced, size), Preprocessing.imagenet(resolution))
    assert view.shape == (resolution, resolution, 3)
    assert (view == (9, 90, 200)).all()
