"""The controls: picture, method, stage and how maps are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import streamlit as st
from streamlit.errors import StreamlitAPIException

from app import pictures, widgets
from app.markup import plain
from app.pages import page
from app.pictures import Picture
from app.replies import Stage
from app.state import Choice, Number
from app.views.explain import parameters
from effnet_core.attribution import METHODS, Attribution, Method, Value, find_method
from effnet_core.attribution.render import COLOUR_MAPS, ColourScale, colour_scale, overlay
from effnet_core.images.samples import sample_images

if TYPE_CHECKING:
    from PIL import Image

    from effnet_core.service import Explanation, ModelCard

PART = Choice(
    key="part",
    label="Explained by",
    options=("maps", "ledger", "trust", "sizes", "probe", "numbers"),
    default="maps",
    labels={
        "maps": "Maps",
        "ledger": "Ledger",
        "trust": "Trust",
        "sizes": "Sizes",
        "probe": "Probe",
        "numbers": "Numbers",
    },
)
METHOD = Choice(
    key="method",
    label="Method",
    options=tuple(method.id for method in METHODS),
    default=METHODS[0].id,
    labels={method.id: method.title for method in METHODS},
)
# The deepest EfficientNets have seven stages between the stem and the last feature map.
_DEEPEST = 7
STAGE = Choice(
    key="layer",
    label="Where in the network",
    options=("last", "all", *map(str, range(_DEEPEST + 1))),
    default="last",
    labels={"last": "Last feature map", "all": "Every stage", "0": "0 (stem)"},
    help="Stages count as torchvision's features do: 0 is the stem; the last feature map is what "
    "the head convolution puts out. Early stages see edges and texture, late ones whole parts.",
)
OPACITY = Number(
    key="opacity", label="Opacity of the map", default=0.5, low=0.0, high=1.0, step=0.05
)
COLOURS = Choice(key="colours", label="Colours", options=COLOUR_MAPS, default=COLOUR_MAPS[0])
SIGN = Choice(
    key="sign",
    label="Drawn",
    options=("for", "both"),
    default="for",
    labels={"for": "For the class", "both": "For and against"},
    help="What speaks for the class, from 0 up; or both sides of 0 with a diverging colour map.",
)
SCALES = Choice(
    key="scales",
    label="Scale of the maps",
    options=("own", "shared"),
    default="own",
    labels={"own": "Each its own", "shared": "One for all"},
    help="On its own scale each map shows where the network looked; on one for all, how strongly.",
)
ACROSS = Choice(
    key="across",
    label="Scale across maps",
    options=("shared", "own"),
    default="shared",
    labels={"shared": "One for all", "own": "Each its own"},
    help="On one scale for all, maps show who looked how strongly; on their own, where each did.",
)
FIELDS = (PART, METHOD, SIGN, OPACITY, COLOURS, SCALES, ACROSS)


@dataclass(frozen=True, kw_only=True)
class How:
    """What is asked about every picture, model and class: method, parameters, stage."""

    method: Method
    parameters: tuple[tuple[str, Value], ...]
    stage: Stage

    @property
    def every_stage(self) -> bool:
        """Whether a strip of all stages is asked for."""
        return self.stage == "all"

    @property
    def all_classes_at_once(self) -> bool:
        """Whether one feature map gives the maps of all classes: Grad-CAM at the last stage."""
        return self.method.id == "grad-cam" and self.stage == "last"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How maps are drawn: no map is computed anew when these change."""

    opacity: float
    colours: str
    signed: bool

    def scale(self, *attributions: Attribution) -> ColourScale:
        """The scale of colours that these maps share."""
        return colour_scale(*attributions, colour_map=self.colours, signed=self.signed)

    def overlay(self, given: Explanation, scale: ColourScale | None = None) -> Image.Image:
        """A map over what the model saw, on the scale given or on its own."""
        return overlay(
            given.prediction.view,
            given.attribution,
            opacity=self.opacity,
            colour_map=self.colours,
            signed=self.signed,
            scale=scale,
        )


def choose_drawing() -> Drawing:
    """Draw sign, opacity and colours."""
    signed = widgets.segmented(SIGN, width="stretch") == "both"
    opacity = widgets.slider(OPACITY)
    colours = COLOURS.default if signed else widgets.select(COLOURS)
    return Drawing(opacity=opacity, colours=colours, signed=signed)


def choose_picture() -> Picture:
    """Draw the choice of one picture: this session's own, then the samples."""
    every = (*pictures.uploads(), *(pictures.sample(entry.name) for entry in sample_images()))
    offered = {pictures.name(picture): picture for picture in every}
    address = [text for text in st.query_params.get_all(pictures.EXPLAINED) if text not in offered]
    if address:
        st.warning(
            plain(f"The picture “{address[0][:80]}” is not in this session.")
            + " Uploaded pictures are not part of an address: upload it again on Classify."
        )
    if pictures.made_room():
        st.warning(pictures.MADE_ROOM)
    chosen = st.selectbox("Picture", list(offered), key=pictures.EXPLAINED, **widgets.KEPT)
    picture = offered.get(chosen, every[0])
    st.page_link(page("classify"), label="Upload your own on Classify", icon=":material/upload:")
    if picture in pictures.uploads():
        st.caption("Known to this session alone: this page's address shows others a sample.")
    for note in picture.notes:
        st.caption(plain(note))
    return picture


def choose_how(cards: Sequence[ModelCard], *, one_map: bool = False) -> How:
    """Draw method, parameters and stage, of those that every one of the models has.

    With `one_map` there is no choice of every stage at once: the last is then the one.
    """
    method = find_method(widgets.select(METHOD))
    _describe(method)
    chosen = parameters.choose(method)
    stage: Stage = "last"
    if method.supports_stages:
        stage = _choose_stage(cards, one_map=one_map)
    else:
        st.caption("This method looks at the input itself, pixel by pixel: it has no stages.")
    return How(method=method, parameters=chosen, stage=stage)


def _describe(method: Method) -> None:
    st.caption(f"{method.summary} {method.note} [Paper]({method.paper})")


def _choose_stage(cards: Sequence[ModelCard], *, one_map: bool) -> Stage:
    deepest = min((card.stage_count for card in cards if card.stage_count), default=_DEEPEST)
    if st.query_params.get_all(STAGE.key) == [str(deepest + 1)]:
        with suppress(StreamlitAPIException):  # an address that gives the last one its number
            del st.query_params[STAGE.key]
    options = tuple(o for o in STAGE.options if not o.isdigit() or int(o) <= deepest)
    if one_map:
        options = tuple(option for option in options if option != "all")
    if st.session_state.get(STAGE.key) not in (None, *options):
        st.session_state[STAGE.key] = STAGE.default
    offered = dataclasses.replace(STAGE, options=options)
    widgets.show_refusals([offered])
    chosen = widgets.select(offered)
    return int(chosen) if chosen.isdigit() else cast(Stage, chosen)
