"""`effnet_core.images.depth` and `colour`: nothing turns black or pale on the way to eight bits."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from effnet_core.errors import ImageError
from effnet_core.images import decode, decode_reduced
from effnet_core.images.samples import load_sample
from tests.reading.pictures import encoded, wide_profile

# P3's red, green and blue in linear sRGB: CSS Color 4, "Sample code for Color Conversions".
P3_TO_SRGB = np.array(
    [
        [1.2249402, -0.2249402, 0.0],
        [-0.0420569, 1.0420569, 0.0],
        [-0.0196376, -0.0786361, 1.0982736],
    ]
)


def srgb_from_p3(colour: tuple[int, int, int]) -> np.ndarray:
    """By the two standards' own formulas; both have the same curve (IEC 61966-2-1)."""
    values = np.array(colour) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    found = (P3_TO_SRGB @ linear).clip(0, 1)
    return 255 * np.where(found <= 0.0031308, 12.92 * found, 1.055 * found ** (1 / 2.4) - 0.055)


@given(colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_display_p3_becomes_the_srgb_that_the_standards_give(colour: tuple[int, int, int]) -> None:
    data = encoded(Image.new("RGB", (2, 2), colour), "PNG", icc_profile=wide_profile())
    found = decode_reduced(data, shorter_edge=None)
    assert np.abs(np.array(found.image.getpixel((0, 0))) - srgb_from_p3(colour)).max() <= 2.5
    (note,) = found.notes
    assert note.endswith("to sRGB.")


def test_a_red_of_display_p3_is_another_red() -> None:
    assert np.abs(srgb_from_p3((200, 60, 60)) - (200, 60, 60)).max() > 10


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_wide_profile_is_found_in_every_format(format_: str) -> None:
    image = Image.new("RGB", (32, 32), (200, 60, 60))
    data = encoded(image, format_, icc_profile=wide_profile())
    found = decode_reduced(data, shorter_edge=None)
    assert np.abs(np.array(found.image.getpixel((9, 9))) - srgb_from_p3((200, 60, 60))).max() <= 5
    assert len(found.notes) == 1


def test_profiles_of_srgb_and_of_grey_change_nothing() -> None:
    image = decode(load_sample("coffee")).resize((60, 40))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode, profile in (("RGB", srgb), ("RGB", b"no profile" * 100), ("L", wide_profile())):
        data = encoded(image.convert(mode), "PNG", icc_profile=profile)
        found = decode_reduced(data, shorter_edge=None)
        assert found.notes == ()
        assert found.image.tobytes() == image.convert(mode).convert("RGB").tobytes()


def test_hundreds_of_damaged_profiles_do_no_harm() -> None:
    code = (
        "import io, random, sys\n"
        "from PIL import Image\n"
        "from effnet_core.images import decode\n"
        "whole, chance = sys.stdin.buffer.read(), random.Random(0)\n"
        "for _ in range(300):\n"
        "    profile = bytearray(whole)\n"
        "    for _ in range(chance.randint(1, 9)):\n"
        "        profile[chance.randrange(len(profile))] = chance.randrange(256)\n"
        "    file = io.BytesIO()\n"
        "    Image.new('RGB', (4, 4), (9, 90, 200)).save(file, 'PNG', icc_profile=bytes(profile))\n"
        "    assert decode(file.getvalue()).size == (4, 4)\n"
        "print('done')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], input=wide_profile(), capture_output=True)
    assert run.stdout.strip() == b"done", (run.returncode, run.stderr.decode()[-500:])


@given(
    dtype=st.sampled_from(["u2", "i4", "f4"]),
    values=st.lists(st.integers(0, 65_535), min_size=4, max_size=4),
    shift=st.integers(0, 15),
)
def test_grey_is_black_only_where_its_source_is(dtype: str, values: list[int], shift: int) -> None:
    source = np.array([values], "i4") >> shift
    data = encoded(Image.fromarray(source.astype(dtype)), "TIFF")
    pixels = np.asarray(decode(data))[..., 0]
    assert bool(pixels.any()) == bool(source.any())
    order = np.argsort(source[0], kind="stable")
    assert (np.diff(pixels[0][order].astype(int)) >= 0).all()  # brighter stays brighter


@given(size=st.binary(min_size=1, max_size=60), brand=st.sampled_from([b"heic", b"avif", b"qt  "]))
def test_a_container_of_any_content_is_a_sentence(size: bytes, brand: bytes) -> None:
    with pytest.raises(ImageError, match="expected AVIF, JPEG") as caught:
        decode(struct.pack(">I", 8 + len(size)) + b"ftyp" + brand + size)
    assert ("HEIC" in str(caught.value)) == (brand == b"heic" or b"heic" in size)


def test_a_heic_is_named_whatever_its_file_is_called() -> None:
    start = bytes.fromhex("000000186674797068656963000000006d69663168656963")
    with pytest.raises(ImageError, match="The file is HEIC, whatever its name"):
        decode(start + bytes(500))


def test_avif_is_read_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode(load_sample("coffee")).resize((64, 48))
    got = decode(encoded(image, "AVIF", exif=exif.tobytes(), quality=95))
    expected = np.asarray(image.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert got.size == (48, 64)
    assert np.abs(np.asarray(got).astype(int) - expected).mean() < 4
