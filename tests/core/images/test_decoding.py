"""`effnet_core.images`: every valid picture, however odd, becomes upright RGB."""

from __future__ import annotations

import io
import math
import struct
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.errors import ImageError
from effnet_core.images import FORMATS, Preprocessing, decode, decode_reduced, model_view
from effnet_core.images.samples import load_sample


def photo(size: tuple[int, int]) -> Image.Image:
    return decode(load_sample("coffee")).resize(size)


def encode(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data)).astype(int)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_is_read(format_: str) -> None:
    image = photo((60, 40))
    options = {"lossless": True} if format_ == "WEBP" else {}
    got = decode(encode(image, format_, **options))
    assert (got.mode, got.size, got.info) == ("RGB", (60, 40), {})
    if format_ not in ("JPEG", "GIF", "AVIF"):  # lossless
        assert got.tobytes() == image.tobytes()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format_: str, orientation: int) -> None:
    turned = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    upright = stored = photo((64, 48))
    for step in turned[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True},
        "JPEG": {"quality": 95, "subsampling": 0},
    }
    got = decode(encode(stored, format_, exif=exif.tobytes(), **options.get(format_, {})))
    assert got.size == upright.size and got.info == {}
    tolerance = 20 if format_ == "JPEG" else 0
    assert np.abs(np.asarray(got).astype(int) - np.asarray(upright)).max() <= tolerance


def test_a_photo_with_damaged_metadata_is_still_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0128] = 2  # resolution unit, a whole number
    data = encode(photo((64, 48)), "JPEG", exif=exif.tobytes())
    entry = data.index(struct.pack(">HH", 0x0128, 3))
    damaged = data[: entry + 2] + struct.pack(">H", 2) + data[entry + 4 :]  # now said to be text
    assert decode(damaged).size == decode(data).size == (48, 64)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), (0,) * len(mode))
    image.putpixel((1, 0), (10,) * (len(mode) - 1) + (255,))
    assert pixels(encode(image, "PNG")).tolist() == [[[255] * 3, [10] * 3]]


def test_half_transparent_black_is_grey() -> None:
    black = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert pixels(encode(black, "PNG")).tolist() == [[[127] * 3]]


@pytest.mark.parametrize("format_", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(format_: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    got = pixels(encode(image, format_, transparency=0))
    assert got.tolist() == [[[255] * 3, [0, 0, 200]]]


def test_a_transparent_colour_key_is_white() -> None:
    image = Image.fromarray(np.array([[[9, 8, 7], [1, 2, 3]]], dtype=np.uint8))
    got = pixels(encode(image, "PNG", transparency=(9, 8, 7)))
    assert got.tolist() == [[[255] * 3, [1, 2, 3]]]


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(format_: str) -> None:
    ramp = np.array([[0, 128, 129, 257, 32_768, 65_535]], dtype=np.uint16)
    got = pixels(encode(Image.fromarray(ramp), format_))
    assert got[..., 0].tolist() == [[0, 0, 1, 1, 128, 255]]
    assert (got[..., 0] == got[..., 2]).all()


def test_thirty_two_bit_integers_within_sixteen_bits_are_scaled_and_others_refused() -> None:
    inside = Image.fromarray(np.array([[0, 65_535]], dtype=np.int32))
    assert pixels(encode(inside, "TIFF"))[..., 0].tolist() == [[0, 255]]
    for values in (np.array([[0, 70_000]], dtype=np.int32), np.array([[-0.5]], dtype=np.float32)):
        with pytest.raises(ImageError, match="32-bit"):
            decode(encode(Image.fromarray(values), "TIFF"))


def test_cmyk_keeps_its_colours() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]
    for colour in colours:
        cmyk = Image.new("RGB", (16, 16), colour).convert("CMYK")
        for format_ in ("JPEG", "TIFF"):  # the JPEG is stored inverted, as Adobe does
            got = pixels(encode(cmyk, format_))
            assert np.abs(got - np.array(colour)).max() <= 6, (colour, format_)


def test_one_bit_and_grey_become_rgb() -> None:
    one_bit = Image.new("1", (2, 1))
    one_bit.putpixel((1, 0), 1)
    for format_ in ("PNG", "BMP", "TIFF"):
        assert pixels(encode(one_bit, format_)).tolist() == [[[0] * 3, [255] * 3]]
    assert pixels(encode(Image.new("L", (1, 1), 77), "PNG")).tolist() == [[[77] * 3]]


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_shown_whatever_follows(format_: str) -> None:
    frames = [Image.new("RGB", (32, 24), (250 - index, 10, 10)) for index in range(200)]
    data = encode(frames[0], format_, save_all=True, append_images=frames[1:])
    begin = time.thread_time()
    got = pixels(data)
    assert time.thread_time() - begin < 0.5
    assert np.abs(got - [250, 10, 10]).max() <= 4


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (2, 5)], ids=str)
def test_extreme_shapes_reach_the_network(size: tuple[int, int]) -> None:
    preprocessing = Preprocessing.imagenet(224)
    view = model_view(decode(encode(Image.new("RGB", size, (9, 90, 200)), "PNG")), preprocessing)
    assert np.asarray(view).reshape(-1, 3).tolist() == [[9, 90, 200]] * (224 * 224)


@pytest.mark.parametrize(
    ("size", "edge", "reduced"),
    [((2400, 1600), 400, (600, 400)), ((2400, 1600), 401, (1200, 800)),
     ((1601, 2401), 800, (801, 1201)), ((1600, 1600), 100, (200, 200)),
     ((1599, 3000), 800, (1599, 3000))],
    ids=str,
)  # fmt: skip
def test_large_jpegs_are_decoded_at_the_smallest_fraction_that_is_enough(
    size: tuple[int, int], edge: int, reduced: tuple[int, int]
) -> None:
    data = encode(photo(size), "JPEG", quality=90)
    got = decode_reduced(data, shorter_edge=edge)
    assert (got.image.size, got.size) == (reduced, size)
    times = math.ceil(size[0] / reduced[0])
    beyond = [(0, times * small - large) for small, large in zip(reduced, size, strict=True)]
    full = np.pad(np.asarray(decode(data)), (*beyond[::-1], (0, 0)), mode="edge")
    expected = Image.fromarray(full).reduce(times)
    assert np.abs(np.asarray(got.image).astype(int) - np.asarray(expected)).mean() < 1


def test_a_reduced_picture_is_upright_and_so_is_its_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(photo((1600, 1200)), "JPEG", exif=exif.tobytes())
    got = decode_reduced(data, shorter_edge=300)
    assert (got.image.size, got.size) == ((300, 400), (1200, 1600))


@pytest.mark.parametrize("format_", ["PNG", "BMP"])
def test_other_formats_are_never_reduced(format_: str) -> None:
    data = encode(photo((640, 480)), format_)
    got = decode_reduced(data, shorter_edge=10)
    assert got.size == (640, 480) and got.image.tobytes() == decode(data).tobytes()
