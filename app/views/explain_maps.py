"""The maps themselves: original, map and overlay, the strip of stages, and the downloads."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from app.markup import caption, percent, title
from app.views.explain_controls import Drawing
from effnet_core.attribution import Attribution, find_method
from effnet_core.attribution.render import ColourScale, colour_scale, heatmap, overlay, strongest
from effnet_core.attribution.result import WEAK_FRACTION

if TYPE_CHECKING:
    from effnet_core.service import Explanation

_STRIP_SIDE = 136
_WEAK = (
    f"A weak map has a range under {100 * WEAK_FRACTION:.0f} % of what the same network gives with "
    "random weights: the class hardly depends on these features, so read nothing into its pattern."
)


def draw_one(
    name: str,
    given: Explanation,
    drawing: Drawing,
    *,
    wide: bool,
    note: str = "",
    together: bool = False,
) -> None:
    """Draw one map: head, the crop, the map and the overlay, its figures and the downloads.

    `name` is the model's; `wide` lays the three pictures out side by side at equal size, else the
    overlay comes first and large. `note` stands beneath the head; `together` says that
    the time measured is that of all classes.
    """
    attribution, view = given.attribution, given.prediction.view
    scale = _scale((attribution,), drawing)
    laid_over = overlay(view, attribution, opacity=drawing.opacity, scale=scale)
    alone = heatmap(attribution, view.size, scale=scale)
    st.html(_head(name, given) + (caption(note) if note else ""))
    where = strongest(attribution)
    over = (laid_over, caption("Overlay"), _said(name, given))
    seen = (view, caption("What the model sees"), f"The crop that {name} sees.")
    map_ = (alone, colour_bar(scale), f"The map alone, {where}.")
    with st.container(key=f"maps-{given.weights}-{given.target.index}"):
        places = st.columns(3) if wide else (st.container(), *st.columns(2))
        for place, shown in zip(
            places, (seen, map_, over) if wide else (over, seen, map_), strict=True
        ):
            with place, st.container(gap="xsmall"):
                st.image(shown[0], width="stretch", alt=shown[2], output_format="PNG")
                st.html(shown[1])
    _draw_figures(attribution, together=together)
    _draw_downloads(_file_stem(name, given), png(laid_over), npy(attribution.raw))


def draw_strip(
    name: str, given: tuple[Explanation, ...], drawing: Drawing, *, note: str = ""
) -> None:
    """Draw the overlay of every stage, from the stem to the head convolution, each on its scale."""
    st.html(_head(name, given[0]) + (caption(note) if note else ""))
    overlays = [
        overlay(
            explained.prediction.view,
            explained.attribution,
            opacity=drawing.opacity,
            scale=_scale((explained.attribution,), drawing),
        )
        for explained in given
    ]
    with st.container(horizontal=True, key=f"strip-{given[0].weights}-{given[0].target.index}"):
        for explained, image in zip(given, overlays, strict=True):
            _draw_stage(name, explained, image, len(given))
    stem = _file_stem(name, given[0], stage="stages")
    _draw_downloads(stem, png(_beside(overlays)), npz(given), raw_ending="npz")


def _draw_stage(name: str, explained: Explanation, image: Image.Image, count: int) -> None:
    attribution = explained.attribution
    height, width = attribution.grid
    with st.container(width=_STRIP_SIDE, gap="xsmall"):
        st.image(image, width="stretch", alt=_said(name, explained), output_format="PNG")
        st.html(title(_stage_name(attribution.stage, count), f"{height} × {width}"))
        st.html(caption(_range(attribution)))


def _scale(attributions: tuple[Attribution, ...], drawing: Drawing) -> ColourScale:
    return colour_scale(*attributions, colour_map=drawing.colours, signed=drawing.signed)


def colour_bar(scale: ColourScale) -> str:
    """HTML of a bar with the colours of a scale and the values at its ends."""
    colours = ", ".join(scale.colours())
    return (
        f'<div class="colour-bar"><span>{_number(scale.low)}</span><span class="colours" '
        f'style="background: linear-gradient(to right, {colours})"></span>'
        f"<span>{_number(scale.high)}</span></div>"
    )


def _head(name: str, given: Explanation) -> str:
    """Model, class and probability."""
    sure = percent(given.target.probability)
    return title(given.target.label, f"{name} gives it {sure}", f"class {given.target.index}")


def _said(name: str, given: Explanation) -> str:
    """What stands in place of the overlay for those who cannot see it."""
    attribution = given.attribution
    method = find_method(attribution.method).title
    return f"{method} of “{given.target.label}” by {name}: {strongest(attribution)}."


def _draw_figures(attribution: Attribution, *, together: bool) -> None:
    height, width = attribution.grid
    where = "the input" if attribution.stage is None else f"stage {attribution.stage}"
    facts = (
        f"{height} × {width} values at {where}",
        f"range {_range(attribution)}",
        f"{attribution.milliseconds:,.0f} ms measured"
        + (" for all classes together" if together else ""),
    )
    st.html(caption(" · ".join(facts)))


def draw_verdict(given: tuple[Explanation, ...]) -> None:
    """Say which of these maps are weak; the first time it waits for a network with random weights.

    Raises DoesNotFit if there is no room for that.
    """
    weak = [explained.attribution for explained in given if explained.attribution.weak]
    if not weak:
        return
    if len(given) == 1:
        ranges = f"{_number(weak[0].range)} against {_number(weak[0].reference_range)}"
        st.warning(f"{_WEAK} Here it is {ranges}.")
    else:
        names = ", ".join(_stage_name(one.stage, len(given)).lower() for one in weak)
        st.warning(f"{_WEAK} Weak here: {names}.")


def _draw_downloads(stem: str, picture: bytes, raw: bytes, *, raw_ending: str = "npy") -> None:
    with st.container(horizontal=True):
        for label, data, ending, mime in (
            ("Overlay (PNG)", picture, "png", "image/png"),
            (f"Raw map (.{raw_ending})", raw, raw_ending, "application/octet-stream"),
        ):
            st.download_button(
                label,
                data,
                file_name=f"{stem}.{ending}",
                mime=mime,
                key=f"save-{stem}-{ending}",
                on_click="ignore",
            )


def _range(attribution: Attribution) -> str:
    return f"{_number(attribution.low)} … {_number(attribution.high)}"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _stage_name(stage: int | None, count: int) -> str:
    return {0: "Stem", count - 1: "Head"}.get(stage or 0, f"Stage {stage}")


def _file_stem(name: str, given: Explanation, *, stage: str | None = None) -> str:
    """A file name made of the request; letters, digits and dashes alone."""
    at = stage or (
        "input" if given.attribution.stage is None else f"stage{given.attribution.stage}"
    )
    words = f"{name} {given.attribution.method} {given.target.label} {given.target.index} {at}"
    return re.sub(r"[^A-Za-z0-9]+", "-", words).strip("-")


def _beside(images: list[Image.Image]) -> Image.Image:
    """Pictures of one size in a row."""
    width, height = images[0].size
    row = Image.new("RGB", (width * len(images), height))
    for number, image in enumerate(images):
        row.paste(image, (number * width, 0))
    return row


def png(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def npy(raw: npt.NDArray[np.float32]) -> bytes:
    """The array as an .npy file."""
    file = io.BytesIO()
    np.save(file, raw, allow_pickle=False)
    return file.getvalue()


def npz(given: tuple[Explanation, ...]) -> bytes:
    """The raw maps as an .npz file with the arrays stage_0, stage_1, …"""
    file = io.BytesIO()
    arrays = {f"stage_{g.attribution.stage}": g.attribution.raw for g in given}
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()
