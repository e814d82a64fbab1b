from __future__ import annotations

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.pictures import framed, sample
from effnet_core.images.samples import sample_images
from effnet_core.limits import MAX_PICTURES


def test_what_lies_outside_the_crop_is_dimmed() -> None:
    picture = sample("chelsea")
    width, height = picture.size
    left, right = width // 4, 3 * width // 4
    shown = framed(picture, [(left, 0, right, height)])
    assert shown.size == picture.preview.size
    outside, inside = (5, height // 2), (width // 2, height // 2)
    assert shown.getpixel(inside) == picture.preview.getpixel(inside)
    dimmed, plain = shown.getpixel(outside), picture.preview.getpixel(outside)
    assert isinstance(dimmed, tuple) and isinstance(plain, tuple)
    assert sum(dimmed) < 0.6 * sum(plain)
    assert framed(picture, []).tobytes() == picture.preview.tobytes()


@pytest.mark.parametrize("name", [entry.name for entry in sample_images()])
def test_every_sample_has_credit_and_alternative_text(name: str) -> None:
    picture = sample(name)
    assert len(picture.alt) > 20
    assert picture.credit
    assert max(picture.preview.size) <= 800


def script() -> None:
    import io

    import streamlit as st
    from PIL import Image

    from app import pictures

    def png(shade: int) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (3, 2), (shade, 0, 0)).save(file, "PNG")
        return file.getvalue()

    files = [("same.png", png(shade)) for shade in range(pictures.MAX_PICTURES + 1)]
    refused = pictures.add_all([*files, ("bad.png", b"no picture"), files[0]])
    st.session_state["refused"] = refused
    st.session_state["titles"] = [picture.title for picture in pictures.uploads()]


def test_a_session_keeps_few_pictures_under_different_names() -> None:
    app = AppTest.from_function(script).run()
    assert not app.exception
    titles, refused = app.session_state["titles"], app.session_state["refused"]
    assert len(set(titles)) == MAX_PICTURES
    assert titles[-1] == "same.png"
    assert [sentence.split(":")[0] for sentence in refused] == ["same.png", "bad.png", "same.png"]
    assert "12" in refused[0] and "is here already, as same.png" in refused[2]


def test_the_preview_of_a_rotated_photo_stands_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(file, "JPEG", exif=exif)
    from app.pictures import _picture

    assert _picture("key", "t", file.getvalue(), alt="", credit="").size == (20, 40)
