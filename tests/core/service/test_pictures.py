"""Decoded pictures are kept, as far as they are needed, within a bound."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from effnet_core.errors import ImageError
from effnet_core.images import decode
from effnet_core.service.pictures import Pictures


def png(width: int, height: int, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_picture_is_decoded_once_and_exactly() -> None:
    pictures, data = Pictures(), png(60, 40)
    first = pictures.get(data)
    assert pictures.get(bytes(data)) is first
    assert first.decode_milliseconds > 0
    np.testing.assert_array_equal(np.asarray(first.decoded.image), np.asarray(decode(data)))


def test_a_large_jpeg_is_kept_at_a_fraction_and_whole_where_it_is_asked_for() -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((3200, 2400)).convert("RGB").save(file, "JPEG")
    pictures, data = Pictures(), file.getvalue()
    reduced, whole = pictures.get(data).decoded, pictures.get(data, whole=True).decoded
    assert (reduced.image.size, reduced.size) == ((1600, 1200), (3200, 2400))
    assert (whole.image.size, whole.size) == ((3200, 2400), (3200, 2400))
    assert whole.image.tobytes() == decode(data).tobytes()
    assert pictures.get(data).decoded is reduced
    assert pictures.get(data, whole=True).decoded is whole


def test_the_least_recently_used_makes_room() -> None:
    pictures = Pictures(max_pixels=2 * 30 * 30)
    data = [png(30, 30, seed) for seed in range(3)]
    kept = [pictures.get(data[0]), pictures.get(data[1])]
    assert pictures.get(data[0]) is kept[0]
    pictures.get(data[2])
    assert pictures.get(data[0]) is kept[0]
    assert pictures.get(data[1]) is not kept[1]


def test_a_picture_beyond_the_bound_is_answered_but_not_kept() -> None:
    pictures, data = Pictures(max_pixels=100), png(30, 30)
    assert pictures.get(data).decoded.image.size == (30, 30)
    assert pictures.get(data) is not pictures.get(data)


def test_bad_bytes_are_refused_each_time() -> None:
    pictures = Pictures()
    for _ in range(2):
        with pytest.raises(ImageError):
            pictures.get(b"not a picture")
