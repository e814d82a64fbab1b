"""Drawing: sizes, colours, ranges, opacity, and the words that stand for the picture."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from effnet_core.attribution import Attribution
from effnet_core.attribution.render import (
    COLOUR_MAPS,
    colour_scale,
    heatmap,
    overlay,
    signed_overlay,
    signed_scale,
    strongest,
)
from effnet_core.attribution.result import Yardstick
from effnet_core.errors import InvalidInput

# The ends of the colour maps as matplotlib's documentation publishes them.
ENDS = {
    "viridis": ("#440154", "#fde725"),
    "magma": ("#000004", "#fcfdbf"),
    "inferno": ("#000004", "#fcffa4"),
    "cividis": ("#00224e", "#fee838"),
}


def attribution(values: Any, *, reference_range: float = 1.0, stage: int | None = 8) -> Attribution:
    return Attribution(
        method="grad-cam",
        stage=stage,
        class_index=281,
        raw=np.array(values, dtype=np.float32),
        reference=cast(Yardstick, lambda: reference_range),
        milliseconds=1.0,
    )


def hexadecimal(image: Image.Image, x: int, y: int) -> str:
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return "#" + bytes(pixel).hex()


def test_result_keeps_its_range_and_cannot_be_written() -> None:
    answer = attribution([[-1.0, 0.5], [2.0, 0.0]])
    assert (answer.low, answer.high, answer.range, answer.grid) == (-1.0, 2.0, 3.0, (2, 2))
    with pytest.raises(ValueError, match="read-only"):
        answer.raw[0, 0] = 9


def test_weak_means_under_a_twentieth_of_the_reference() -> None:
    assert attribution([[0.0, 0.049]]).weak
    assert not attribution([[0.0, 0.051]]).weak


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_positive_part_runs_from_zero_to_the_largest_value(name: str) -> None:
    answer = attribution([[-3.0, 0.0], [1.0, 2.0]])
    picture = heatmap(answer, (4, 4), colour_map=name, enlargement="nearest")
    assert picture.mode == "RGB"
    low, high = ENDS[name]
    assert hexadecimal(picture, 0, 0) == hexadecimal(picture, 3, 0) == low
    assert hexadecimal(picture, 3, 3) == high
    assert hexadecimal(picture, 0, 3) not in (low, high)
    scale = colour_scale(answer, colour_map=name)
    assert (scale.low, scale.high) == (0.0, 2.0)
    assert (scale.colours()[0], scale.colours()[-1], len(scale.colours(5))) == (low, high, 5)


def test_signed_drawing_is_symmetric_about_zero() -> None:
    answer = attribution([[-2.0, 0.0, 1.0]])
    scale = colour_scale(answer, signed=True)
    assert (scale.low, scale.high) == (-2.0, 2.0)
    picture = heatmap(answer, (3, 1), signed=True, enlargement="nearest")
    colours = scale.colours(256)
    assert hexadecimal(picture, 0, 0) == colours[0]
    assert hexadecimal(picture, 1, 0) == colours[128]
    assert hexadecimal(picture, 2, 0) == colours[191]
    middle = picture.getpixel((1, 0))
    assert isinstance(middle, tuple)
    red, green, blue = middle
    assert max(red, green, blue) < 40, "zero is dark"


def test_a_shared_scale_shows_which_map_is_stronger() -> None:
    strong, faint = attribution([[0.0, 4.0]]), attribution([[0.0, 1.0]])
    scale = colour_scale(strong, faint)
    assert (scale.low, scale.high) == (0.0, 4.0)
    bright = heatmap(strong, (2, 1), scale=scale, enlargement="nearest")
    dim = heatmap(faint, (2, 1), scale=scale, enlargement="nearest")
    assert hexadecimal(bright, 1, 0) == "#fde725"
    assert hexadecimal(dim, 1, 0) == scale.colours(256)[64]
    assert hexadecimal(heatmap(faint, (2, 1), enlargement="nearest"), 1, 0) == "#fde725"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_map_without_positive_values_is_drawn_as_zero_or_below(
    value: float, signed: bool
) -> None:
    picture = heatmap(attribution([[value]]), (2, 2), signed=signed)
    colours = colour_scale(attribution([[1.0]]), signed=signed).colours(256)
    below = colours[0] if value or not signed else colours[128]
    assert hexadecimal(picture, 0, 0) == below


def test_opacity_blends_view_and_heatmap() -> None:
    view = Image.new("RGB", (32, 20), (200, 100, 0))
    answer = attribution(np.arange(9).reshape(3, 3))
    alone = heatmap(answer, view.size)
    assert overlay(view, answer, opacity=0).tobytes() == view.tobytes()
    assert overlay(view, answer, opacity=1).tobytes() == alone.tobytes()
    half = np.asarray(overlay(view, answer, opacity=0.5), dtype=float)
    middle = (np.asarray(view, dtype=float) + np.asarray(alone, dtype=float)) / 2
    assert np.abs(half - middle).max() <= 1


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["bilinear", "bicubic", "nearest"]),
    st.integers(0, 2**31),
)
def test_any_grid_fills_any_size(height: int, width: int, enlargement: str, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(height, width))
    view = Image.new("RGB", (31, 17))
    drawn = overlay(view, attribution(values), signed=True, enlargement=enlargement)
    assert (drawn.size, drawn.mode) == ((31, 17), "RGB")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"opacity": 1.5}, "opacity must lie between 0 and 1; got 1.5"),
        ({"opacity": float("nan")}, "opacity"),
        ({"colour_map": "jet"}, "one of viridis, magma, inferno, cividis; got 'jet'"),
        ({"enlargement": "magic"}, "one of bilinear, bicubic, nearest; got 'magic'"),
    ],
)
def test_bad_options_get_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        overlay(Image.new("RGB", (8, 8)), attribution([[1.0]]), **options)


PLACES = [
    ["upper left", "upper centre", "upper right"],
    ["left", "centre", "right"],
    ["lower left", "lower centre", "lower right"],
]


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("column", range(3))
def test_place_of_the_strongest_part_in_words(row: int, column: int) -> None:
    values = np.full((7, 7), -5.0)
    values[row * 3, column * 3] = 1.0
    assert strongest(attribution(values)) == f"strongest in the {PLACES[row][column]}"


def test_a_single_bright_pixel_does_not_outweigh_a_region() -> None:
    values = np.zeros((90, 90))
    values[70:, 70:] = 1.0
    values[0, 0] = 50.0
    assert strongest(attribution(values)) == "strongest in the lower right"


def test_a_map_that_is_strong_nowhere_or_everywhere_says_so() -> None:
    assert strongest(attribution([[-1.0, -2.0]])) == "nothing speaks for the class"
    assert strongest(attribution([[1.0]])) == "spread evenly"


def test_a_signed_overlay_is_clear_at_zero_and_symmetric() -> None:
    view = Image.new("RGB", (4, 1), (10, 200, 90))
    values = np.array([[-2.0, 0.0, 1.0, 2.0]])
    scale = signed_scale(values)
    assert (scale.low, scale.high, scale.signed) == (-2.0, 2.0, True)
    drawn = signed_overlay(view, values, opacity=1, enlargement="nearest")
    colours = scale.colours(256)
    assert hexadecimal(drawn, 0, 0) == colours[0]
    assert hexadecimal(drawn, 3, 0) == colours[-1]
    assert drawn.getpixel((1, 0)) == (10, 200, 90), "zero is the picture itself"
    half = np.array([int(colours[191][at : at + 2], 16) for at in (1, 3, 5)])
    mixed = (np.array([10, 200, 90]) + half) / 2
    assert np.asarray(drawn)[0, 2] == pytest.approx(mixed, abs=1.5)
    faint = signed_overlay(view, values, opacity=0.5, enlargement="nearest")
    ends = (np.asarray(view, dtype=float) + np.asarray(drawn)) / 2
    assert np.asarray(faint)[0, 3] == pytest.approx(ends[0, 3], abs=1)


def test_signed_overlays_share_a_scale_and_nothing_draws_nothing() -> None:
    view = Image.new("RGB", (2, 1), "white")
    strong, weak = np.array([[4.0, -4.0]]), np.array([[1.0, -1.0]])
    shared = signed_scale(strong, weak)
    assert (shared.low, shared.high) == (-4.0, 4.0)
    alone = np.asarray(signed_overlay(view, weak), dtype=int)
    beside = np.asarray(signed_overlay(view, weak, scale=shared), dtype=int)
    assert (np.abs(255 - beside).sum() < np.abs(255 - alone).sum()).all()
    nothing = signed_overlay(view, np.zeros((1, 2)))
    assert nothing.tobytes() == view.tobytes()
    with pytest.raises(InvalidInput, match="opacity"):
        signed_overlay(view, weak, opacity=2)
