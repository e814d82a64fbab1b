"""The paper's Figure 7 on one's own picture: one network, and four ways to scale it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import replies, widgets
from app.markup import caption, plain, title
from app.models import facts
from app.pictures import Picture
from app.resources import service
from app.text import percent
from app.views.explain.controls import Drawing
from effnet_core.attribution.boxes import view_box
from effnet_core.attribution.metrics import energy_inside
from effnet_core.attribution.render import strongest
from effnet_core.cost.report import deepest_stage

if TYPE_CHECKING:
    from effnet_core.service import Explanation
    from effnet_core.service.scaling_figure import Panel

_WIDTH = 140


def draw(picture: Picture, class_names: tuple[str, ...], drawing: Drawing) -> None:
    """Draw the five maps of one class side by side; nothing where not all five models exist.

    The class is the first of `class_names`, those explained above, that the models know, else the
    one that the compound network finds most probable.
    """
    from effnet_core.service.scaling_figure import scaling_figure

    panels = scaling_figure()
    if not panels:
        return
    widgets.heading("One network, scaled four ways", "computed")
    with widgets.told():
        _draw_class(panels, picture, _class_index(panels, picture, class_names), drawing)


def _draw_class(panels: tuple[Panel, ...], picture: Picture, index: int, drawing: Drawing) -> None:
    name = panels[0].model.classes[index]
    with st.spinner("Five networks look at the picture …", show_time=True):
        explained = [
            given
            for panel in panels
            for given in replies.explanations(
                picture,
                panel.model,
                index,
                "grad-cam",
                deepest_stage(service().spec(panel.model.id)),
            )
        ]
    st.caption(
        f"Grad-CAM of “{plain(name)}”, each on its own scale, as in Figure 7 of "
        "[the paper](https://arxiv.org/abs/1905.11946), but at the deepest stage of at least 5 × 5 "
        "values: the last feature maps of networks this small have one to four. The other four "
        "were scaled up from the baseline to about the same cost: by depth, width or resolution "
        "alone, or by all three at once. All five were trained here."
    )
    with st.container(horizontal=True, key="figure-7"):
        for panel, given in zip(panels, explained, strict=True):
            _draw_panel(panel, given, picture, drawing)


def _class_index(panels: tuple[Panel, ...], picture: Picture, names: tuple[str, ...]) -> int:
    classes = panels[0].model.classes
    known = next((name for name in names if name in classes), None)
    if known is not None:
        return classes.index(known)
    return replies.prediction(picture, panels[-1].model).top[0].index


def _draw_panel(panel: Panel, given: Explanation, picture: Picture, drawing: Drawing) -> None:
    attribution, model = given.attribution, panel.model
    usual = service().reference_range(attribution)
    side, (rows, columns) = model.preprocessing.crop, attribution.grid
    alt = f"Grad-CAM of “{given.target.label}”, {panel.title.lower()}: {strongest(attribution)}."
    told = (
        f"gives it {percent(given.target.probability)}",
        *facts(model.params, side),
        f"{rows} × {columns} values" + (", weak" if attribution.is_weak_beside(usual) else ""),
        *_energy(given, picture, panel),
    )
    with st.container(width=_WIDTH, gap="xsmall"):
        st.image(drawing.overlay(given), width="stretch", alt=alt, output_format="PNG")
        st.html(title(panel.title) + "".join(map(caption, told)))


def _energy(given: Explanation, picture: Picture, panel: Panel) -> tuple[str, ...]:
    """What part of the map and of the view is in the picture's box; () where none is in view."""
    if picture.box is None:
        return ()
    box = view_box(picture.box, picture.size, panel.model.preprocessing)
    if box is None:
        return ()
    size = (panel.model.preprocessing.crop,) * 2
    inside, even = energy_inside(given.attribution.raw, box, size), box.share(size)
    return (f"{percent(inside)} in the subject's box, an even map {percent(even)}",)
