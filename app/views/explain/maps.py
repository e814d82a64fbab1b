"""One map: the crop, the map and the overlay, what is said of them, and how firm it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import widgets
from app.markup import caption, title
from app.resources import service
from app.text import minus, percent, unbroken
from app.views.explain import files
from app.views.explain.controls import Drawing, How
from effnet_core.attribution import Attribution, find_method
from effnet_core.attribution.likeness import likeness
from effnet_core.attribution.render import ColourScale, heatmap, strongest
from effnet_core.attribution.result import WEAK_FRACTION
from effnet_core.results.trained import packaged_maps

if TYPE_CHECKING:
    from effnet_core.service import Explanation

LAST = "Last feature map"
_WEAK = (
    f"A weak map has a range under {100 * WEAK_FRACTION:.0f} % of what the same network gives with "
    "random weights: the class hardly depends on these features, so read nothing into its pattern."
)


def draw(
    name: str,
    given: Explanation,
    drawing: Drawing,
    scale: ColourScale,
    *,
    wide: bool,
    together: bool,
) -> None:
    """Draw one map: the crop, the map and the overlay on a `scale`, its figures and the downloads.

    `name` is the model's; `wide` lays the three pictures out side by side at equal size, else the
    overlay comes first and large. `together` says that the time measured is that of all classes.
    """
    attribution, view = given.attribution, given.prediction.view
    laid_over = drawing.overlay(given, scale)
    alone = heatmap(attribution, view.size, scale=scale)
    over = (laid_over, caption("Overlay"), said(name, given))
    seen = (view, caption("What the model sees"), f"The crop that {name} sees.")
    map_ = (alone, colour_bar(scale), f"The map alone, {strongest(attribution)}.")
    kind = "maps-row" if wide else "maps"
    with st.container(key=f"{kind}-{given.weights}-{given.target.index}"):
        places = st.columns(3) if wide else (st.container(), *st.columns(2))
        shown = (seen, map_, over) if wide else (over, seen, map_)
        for place, (image, beneath, alt) in zip(places, shown, strict=True):
            with place, st.container(gap="xsmall"):
                st.image(image, width="stretch", alt=alt, output_format="PNG")
                st.html(beneath)
    _draw_figures(given, together=together)
    files.draw(files.stem(name, given), files.png(laid_over), files.npy(attribution.raw))


def colour_bar(scale: ColourScale) -> str:
    """HTML of a bar with the colours of a scale and the values at its ends."""
    colours = ", ".join(scale.colours())
    return (
        f'<div class="colour-bar"><span>{_number(scale.low)}</span><span class="colours" '
        f'style="background: linear-gradient(to right, {colours})"></span>'
        f"<span>{_number(scale.high)}</span></div>"
    )


def head(name: str, given: Explanation) -> str:
    """Model, class and probability."""
    sure = unbroken(percent(given.target.probability))
    return title(given.target.label, f"{name} gives it {sure}", f"class {given.target.index}")


def said(name: str, given: Explanation) -> str:
    """What stands in place of the overlay for those who cannot see it."""
    attribution = given.attribution
    method = find_method(attribution.method).title
    return f"{method} of “{given.target.label}” by {name}: {strongest(attribution)}."


def place(given: Explanation) -> str:
    """Where in the network a map was made."""
    attribution = given.attribution
    if attribution.stage is None:
        return "the input"
    return f"the {LAST.lower()}" if attribution.at_last else f"stage {attribution.stage}"


def draw_likeness(given: Explanation, first: Explanation) -> None:
    """Say how alike a map is to the first one, where both networks look."""
    if given is first:
        st.html(caption("The others are compared with this map, by overlap and rank correlation."))
        return
    found = likeness(
        first.attribution.raw,
        given.attribution.raw,
        first.prediction.crop_box,
        given.prediction.crop_box,
    )
    overlap, rank = unbroken(percent(found.overlap)), minus(found.rank_correlation)
    st.html(caption(f"Overlap {overlap}, rank correlation {rank} with the first map (computed)"))


def _draw_figures(given: Explanation, *, together: bool) -> None:
    attribution = given.attribution
    height, width = attribution.grid
    facts = (
        f"{height} × {width} values at {place(given)}",
        f"range {span(attribution)}",
        unbroken(f"{attribution.milliseconds:,.0f} ms measured")
        + (" for all classes together" if together else ""),
    )
    st.html(caption(" · ".join(facts)))


def wait(how: How) -> str:
    """What stands in the place of a map until it is there."""
    if how.method.supports_stages:
        return f"{how.method.title} …"
    return f"{how.method.title}: PyTorch works on it in a process of its own, for some seconds …"


def draw_verdict(given: tuple[Explanation, ...]) -> None:
    """Say which of these maps are weak; the first time it waits for a network with random weights.

    Raises DoesNotFit if there is no room for that.
    """
    maps = [explained.attribution for explained in given]
    ranges = [service().reference_range(one) for one in maps]
    weak = [one for one, usual in zip(maps, ranges, strict=True) if one.is_weak_beside(usual)]
    if not weak:
        return
    if len(given) == 1:
        st.warning(f"{_WEAK} Here it is {_number(weak[0].range)} against {_number(ranges[0])}.")
    else:
        names = ", ".join(stage_name(one.stage, len(given)).lower() for one in weak)
        st.warning(f"{_WEAK} Weak here: {names}.")


def draw_measured(given: tuple[Explanation, ...]) -> None:
    """Say how often such maps point at the object, where that was measured for this network.

    Raises InvalidInput for a damaged record.
    """
    for explained in given:
        measured, attribution = packaged_maps().get(explained.weights), explained.attribution
        if measured is None or measured.random is None or measured.centre is None:
            continue
        found = measured.found
        if (attribution.method, attribution.stage) == (found.subject, found.stage):
            others = (measured.random.pointing.percent, measured.centre.pointing.percent)
            st.caption(
                f"On {found.photos:,} photos with boxes this map points at the object "
                f"{found.pointing.percent} %, a random one {others[0]} % and the middle of the "
                f"picture {others[1]} % of the time. :small[{widgets.source('measured')}]"
            )


def span(attribution: Attribution) -> str:
    """The smallest and the largest value of the map."""
    return f"{_number(attribution.low)} … {_number(attribution.high)}"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def stage_name(stage: int | None, count: int) -> str:
    """What the strip of `count` stages calls one of them."""
    return {0: "Stem", count - 1: LAST}.get(stage or 0, f"Stage {stage}")
