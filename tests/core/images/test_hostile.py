"""`effnet_core.images`: bad, cut, disguised and huge files get one sentence, quickly."""

from __future__ import annotations

import subprocess
import sys
import time
import zlib
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.soak.costly import (
    BOMBS,
    LARGEST,
    SMALL_AND_COSTLY,
    Measured,
    encode,
    flat,
    measured,
    plain,
    png_chunk,
    png_header,
    quieter,
    tiff,
)
from effnet_core.errors import ImageError
from effnet_core.images import FORMATS, decode, decode_reduced
from effnet_core.images.decoding import opened
from effnet_core.images.samples import load_sample
from effnet_core.limits import MAX_PICTURE_BYTES, MAX_PIXELS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def photo(size: tuple[int, int]) -> Image.Image:
    return decode(load_sample("coffee")).resize(size)


SMALL = {format_: encode(photo((60, 40)), format_) for format_ in FORMATS}


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"#!/bin/sh\nrm -rf /", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xff\xd8\xff",
     b"<svg xmlns='http://www.w3.org/2000/svg'/>", encode(photo((8, 8)), "PPM"),
     encode(photo((8, 8)), "EPS"), encode(photo((8, 8)), "ICO")],
    ids=lambda data: repr(data[:8]),
)  # fmt: skip
def test_anything_else_is_refused_by_naming_what_was_expected(data: bytes) -> None:
    with pytest.raises(ImageError, match="JPEG, PNG, WebP, GIF, BMP or TIFF"):
        decode(data)


def test_decoding_never_loads_the_ghostscript_plugin() -> None:
    code = (
        "import sys\nfrom effnet_core.images import decode\n"
        "try: decode(b'%!PS-Adobe-3.0 EPSF-3.0')\nexcept Exception as e: print(type(e).__name__)\n"
        "print('PIL.EpsImagePlugin' in sys.modules, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["ImageError", "False", "False"]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_complete(format_: str) -> None:
    data = encode(photo((97, 61)), format_)
    whole = decode(data).tobytes()
    refused = 0
    for cut in range(0, len(data), max(1, len(data) // 60)):
        try:
            got = decode(data[:cut])
        except ImageError as error:
            refused += 1
            assert str(error).endswith(".")
        else:
            assert got.tobytes() == whole, f"cut at {cut} of {len(data)}"
    assert refused >= 50


@cache
def honest() -> Measured:
    """What `measured` gives for a picture near the limit: the yardstick for time."""
    return measured(flat(6_000, "PNG"))


def test_the_measurement_sees_a_decoded_picture() -> None:
    answer, milliseconds, megabytes = honest()
    assert answer == "decoded" and milliseconds > 0 and megabytes > 105


@pytest.mark.parametrize("name", BOMBS)
def test_a_pixel_bomb_is_refused_from_its_header(name: str) -> None:
    answer, milliseconds, megabytes = measured(BOMBS[name]())
    most = "28 million" if name.startswith("WebP") else "40 million"
    assert answer.startswith("refused") and most in answer
    assert milliseconds <= honest()[1] / 8 and megabytes <= 50, (milliseconds, megabytes)


def test_forty_megapixels_are_the_limit() -> None:
    with pytest.raises(ImageError, match="40 million"):
        decode(png_header(MAX_PIXELS // 2000, 2001))
    with pytest.raises(ImageError, match="cut short"):  # the size passes, the rows are missing
        decode(png_header(MAX_PIXELS // 2000, 2000))


@pytest.mark.parametrize("name", SMALL_AND_COSTLY)
def test_what_is_small_and_costly_is_refused_from_its_header(name: str) -> None:
    data = SMALL_AND_COSTLY[name]()
    with pytest.raises(ImageError):
        decode_reduced(data, shorter_edge=600, header=opened(data))
    answer, milliseconds, megabytes = measured(data)
    assert answer.startswith("refused"), answer
    assert ("scans" in answer) == ("scans" in name), answer
    assert milliseconds <= honest()[1] / 2 and megabytes <= 50, (milliseconds, megabytes)


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_accepted_costs_three_usual_pictures_at_most(name: str) -> None:
    answer, milliseconds, megabytes = quieter(LARGEST[name]())
    usual = plain()
    assert answer == "decoded", answer
    assert milliseconds <= 3 * usual[1] and megabytes <= 3 * usual[2], (milliseconds, megabytes)


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(ImageError, match="128 MB"):
        decode(bytes(MAX_PICTURE_BYTES + 1))


def test_a_tiff_with_huge_tiles_is_refused() -> None:
    size = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 60_000, 323: 30_000}
    data = tiff(size | {324: 200, 325: 8}, zlib.compress(bytes(64)))
    with pytest.raises(ImageError, match="60,000 × 30,000"):
        decode(data)


def test_compressed_metadata_cannot_blow_up() -> None:
    data = encode(photo((8, 8)), "PNG")
    text = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000), 9))
    profile = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(200_000_000), 9))
    header, rest = data[:33], data[33:]
    for extra in (text * 200, profile):
        answer, milliseconds, megabytes = measured(header + extra + rest)
        assert answer.split()[0] in ("refused", "decoded")
        assert milliseconds <= 3 * honest()[1], (answer, milliseconds)
        assert megabytes <= 150, (answer, megabytes)


def answers(data: bytes) -> None:
    """`decode` gives RGB or an `ImageError` sentence, within the time of three large pictures."""
    begin = time.thread_time()
    try:
        assert decode(data).mode == "RGB"
    except ImageError as error:
        assert str(error).endswith(".")
    assert time.thread_time() - begin < 3 * honest()[1] / 1000


SIGNATURES = [data[:20] for data in SMALL.values()]


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from([b"", *SIGNATURES]), rest=st.binary(max_size=400))
def test_random_bytes_never_do_worse_than_a_sentence(start: bytes, rest: bytes) -> None:
    answers(start + rest)


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_mutated_pictures_never_do_worse_than_a_sentence(data: st.DataObject) -> None:
    mutant = bytearray(SMALL[data.draw(st.sampled_from(FORMATS))])
    near_the_header = st.integers(0, min(200, len(mutant) - 1))
    anywhere = st.integers(0, len(mutant) - 1)
    changes = st.tuples(near_the_header | anywhere, st.integers(0, 255))
    for place, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        mutant[place] = value
    begin, length = data.draw(anywhere), data.draw(st.sampled_from([0, 0, 1, 4, 50]))
    del mutant[begin : begin + length]
    answers(bytes(mutant))
