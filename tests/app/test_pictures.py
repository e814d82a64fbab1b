from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import pictures
from app.albums import Albums
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


def large_script() -> None:
    import io

    import numpy as np
    import streamlit as st
    from PIL import Image

    from app import pictures
    from effnet_core.limits import MAX_FILE_KEPT_BYTES

    def jpeg(seed: int) -> bytes:
        chance, file = np.random.default_rng(seed), io.BytesIO()
        noise = Image.fromarray(chance.integers(0, 200, (1600, 2400, 3), np.uint8))
        noise.save(file, "JPEG", quality=80)
        return file.getvalue()

    files = [("one.jpg", jpeg(1)), ("same.jpg", jpeg(1)), ("two.jpg", jpeg(2))]
    assert all(len(data) > MAX_FILE_KEPT_BYTES for _, data in files)
    st.session_state["refused"] = pictures.add_all(files)
    st.session_state["kept"] = pictures.uploads()


def test_a_large_picture_is_kept_small_and_known_again() -> None:
    app = AppTest.from_function(large_script, default_timeout=60).run()
    assert not app.exception
    two, one = app.session_state["kept"]
    assert (one.title, two.title) == ("one.jpg", "two.jpg")
    assert one.size == (1800, 1200)
    assert one.notes == ("Kept at 1,800 × 1,200 of its 2,400 × 1,600 pixels.",)
    assert one.nbytes < 2.5e6
    assert "is here already, as one.jpg" in app.session_state["refused"][0]


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> Albums[pictures.Picture]:
    albums: Albums[pictures.Picture] = Albums(60_000)
    monkeypatch.setattr(pictures, "ALBUMS", albums)
    return albums


@pytest.mark.parametrize("page", ["classify", "explain"])
def test_who_made_room_is_told_on_the_page(
    page: str, little_room: Albums[pictures.Picture]
) -> None:
    script = f"from app.views.{page}.page import render; render()"
    app = AppTest.from_string(script, default_timeout=60).run()
    album = app.session_state["kept_pictures"]
    shown = pictures.sample("coffee")
    little_room.put(album, replace(shown, key="upload-mine", title="mine.png"))
    assert "mine.png" in drawn(app.run())
    other = little_room.begin(None)
    little_room.put(other, replace(shown, key="upload-theirs"))
    after = app.run()
    assert not after.exception and "mine.png" not in drawn(after)
    assert [one.value for one in after.warning] == [pictures.MADE_ROOM]
    little_room.put(album, replace(shown, key="upload-again", title="again.png"))
    assert not app.run().warning


def drawn(app: AppTest) -> str:
    """The names of the pictures that a page shows or offers."""
    offered = [option for one in app.selectbox for option in one.options]
    return " ".join([*offered, *(one.proto.body for one in app.get("html"))]).replace("<wbr>", "")


def test_the_preview_of_a_rotated_photo_stands_upright() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(file, "JPEG", exif=exif)
    from app.pictures import _picture

    assert _picture("key", "t", file.getvalue(), alt="", credit="").size == (20, 40)
