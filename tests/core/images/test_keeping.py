"""Large pictures are kept smaller: what is left of them, and what networks see of that."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from effnet_core.errors import ImageError
from effnet_core.images import decode
from effnet_core.images.keeping import KEPT_EDGE, is_kept_whole, kept_size, reduce
from effnet_core.limits import MAX_FILE_KEPT_BYTES, MAX_KEPT_PIXELS, MAX_SIDE
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore

_EVERY_PIXEL = 0  # 4:4:4
SIDES = st.integers(1, MAX_SIDE)


@given(SIDES, SIDES)
@example(8000, 6000)
@example(MAX_SIDE, 1)
def test_what_is_kept_is_no_larger_and_of_the_same_shape(width: int, height: int) -> None:
    kept = kept_size((width, height))
    assert kept[0] <= width and kept[1] <= height
    assert kept[0] * kept[1] <= MAX_KEPT_PIXELS + sum(kept)
    assert min(kept) <= KEPT_EDGE
    if kept[0] * kept[1] < 0.99 * MAX_KEPT_PIXELS:
        assert min(kept) == min(KEPT_EDGE, width, height)
    ratio = max(width, height) / min(width, height)
    assert abs(max(kept) - ratio * min(kept)) <= 1 + ratio


def test_the_sentence_says_what_became_of_it() -> None:
    large = reduce(file(Image.new("RGB", (8000, 6000), "teal")))
    assert (large.size, large.file_size) == ((1600, 1200), (8000, 6000))
    assert large.in_words == "Kept at 1,600 × 1,200 of its 8,000 × 6,000 pixels."
    assert "all of its pixels" in reduce(file(Image.new("RGB", (50, 40)))).in_words


def test_the_orientation_is_applied_and_colours_keep_every_pixel() -> None:
    image = Image.new("RGB", (3000, 2000), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 1500, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6  # the left is up
    kept = reduce(file(image, exif=exif))
    assert kept.size == (1200, 1800) and kept.file_size == (2000, 3000)
    upright = decode(kept.data)
    assert upright.size == kept.size
    above, below = (upright.getpixel((600, row)) for row in (890, 910))
    assert isinstance(above, tuple) and isinstance(below, tuple)
    assert above[2] > 230 > 25 > above[0] and below[0] > 230 > 25 > below[2]
    assert JpegImagePlugin.get_sampling(Image.open(io.BytesIO(kept.data))) == _EVERY_PIXEL


def test_what_the_file_was_is_told() -> None:
    dark = np.full((60, 80), 300, np.uint16)
    made = io.BytesIO()
    Image.fromarray(dark).save(made, "TIFF")
    assert len(reduce(made.getvalue()).notes) == 1
    assert reduce(file(Image.new("RGB", (80, 60)))).notes == ()


def test_files_of_the_same_pixels_stay_apart() -> None:
    small, large = (reduce(file(Image.new("RGB", (side, side), "teal"))) for side in (3000, 3300))
    assert small.size == large.size and decode(small.data).tobytes() == decode(large.data).tobytes()
    assert small.data != large.data  # what is remembered of a file goes by its bytes


def test_a_small_file_stays_as_it_came_and_no_picture_is_refused() -> None:
    assert is_kept_whole(bytes(MAX_FILE_KEPT_BYTES))
    assert not is_kept_whole(bytes(MAX_FILE_KEPT_BYTES + 1))
    with pytest.raises(ImageError, match="not a readable picture"):
        reduce(b"nothing" * 1000)


@pytest.mark.parametrize("number", [0, 9, 18, 27, 36])
def test_answers_hardly_change(number: int, photos: tuple[Path, ...], tmp_path: Path) -> None:
    data = enlarged(photos[number])
    assert not is_kept_whole(data)
    service = InferenceService(WeightsStore(tmp_path))
    whole, kept = (
        service.classify(ClassifyRequest(image=each, weights="lite0"))
        for each in (data, reduce(data).data)
    )
    assert kept.top[0].index == whole.top[0].index
    assert float(np.abs(kept.probabilities - whole.probabilities).max()) < 0.05


def enlarged(photo: Path, width: int = 5000) -> bytes:
    """A photo as a camera with 5,000 pixels across would have taken it, with a sensor's noise."""
    image = Image.open(photo).convert("RGB")
    large = image.resize((width, width * image.height // image.width), Image.Resampling.BICUBIC)
    chance = np.random.default_rng(len(photo.name))
    noise = chance.normal(0, 8, (large.height, large.width, 3)).astype(np.float32)
    pixels = np.clip(np.asarray(large, np.float32) + noise, 0, 255).astype(np.uint8)
    return file(Image.fromarray(pixels), quality=92)


def file(image: Image.Image, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, "JPEG", **options)
    return made.getvalue()
