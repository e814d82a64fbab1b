"""Controls and labels that the pages share.

Every control made here is named by its field's key, keeps its value when the page is left and
carries it in the URL. Every number on a page says where it comes from: `source("computed")`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, cast

import plotly.graph_objects as go
import streamlit as st
from streamlit.errors import StreamlitAPIException

from app.charts.data import of_figure
from app.markup import html, plain
from app.sharing import chart_tools
from app.state import Choice, Field, Number, Several, is_finite, refusals
from app.text import as_csv
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

Source = Literal["computed", "published", "measured", "predicted"]
_COLOURS: dict[Source, str] = {
    "computed": "blue",
    "published": "gray",
    "measured": "green",
    "predicted": "violet",
}

KEPT: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}
"""Options of a control whose value the URL carries and that outlives a change of page."""

# The mode bar hides the chart at 390 px; the wheel belongs to the page.
CHART_CONFIG = {"displayModeBar": False, "scrollZoom": False}


def source(kind: Source) -> str:
    """Return Markdown for the small badge that says where a number comes from."""
    return f":{_COLOURS[kind]}-badge[{kind}]"


def heading(text: str, *kinds: Source, help: str | None = None) -> None:
    """Draw a section's heading with the badges of the numbers beneath it."""
    st.subheader(" ".join((text, *(f":small[{source(kind)}]" for kind in kinds))), help=help)


def show_refusals(fields: Iterable[Field | Several]) -> None:
    """Say which values in the URL could not be used; call it before the controls are drawn."""
    sentences = refusals(fields)
    if sentences:
        st.warning("  \n".join(map(plain, sentences)))


def slider(control: Number) -> float:
    """Draw a slider for `control` and return its value."""
    return st.slider(control.label, **_range(control))


def number(control: Number) -> float:
    """Draw a number box for `control` and return its value."""
    return st.number_input(control.label, **_range(control), required=True)


def segmented(control: Choice, **options: Any) -> str:
    """Draw a segmented control (two to five modes) and return the chosen option."""
    shared = _options(control) | {"required": True}
    return cast(str, st.segmented_control(control.label, **(shared | options)))


def pills(control: Choice, **options: Any) -> str:
    """Draw pills (a handful of equals, such as variants) and return the chosen option."""
    shared = _options(control) | {"required": True}
    return cast(str, st.pills(control.label, **(shared | options)))


def several_pills(control: Several) -> tuple[str, ...]:
    """Draw pills of which any number can be chosen; return the chosen options."""
    return tuple(st.pills(control.label, **_options(control), selection_mode="multi"))


def select(control: Choice, **options: Any) -> str:
    """Draw a drop-down list and return the chosen option."""
    shared = _options(control)
    shared["index"] = control.options.index(shared.pop("default"))
    return cast(str, st.selectbox(control.label, **(shared | options)))


def several(control: Several, **options: Any) -> tuple[str, ...]:
    """Draw a searchable list of which any number can be chosen; return the chosen options."""
    shared = _options(control) | {"placeholder": control.placeholder}
    return tuple(st.multiselect(control.label, **(shared | options)))


def _range(control: Number) -> dict[str, Any]:
    kind = int if control.whole else float
    return _kept(control) | {
        "min_value": kind(control.low),
        "max_value": kind(control.high),
        "value": kind(control.default),
        "step": kind(control.step),
        "format": control.format,
        "key": control.key,
        "help": control.help,
    }


def _kept(control: Number) -> dict[str, Any]:
    """`KEPT`, but for a number in the address that is infinite: Streamlit fails over it.

    It is taken out of the address, which the next run then reads.
    """
    if all(map(is_finite, st.query_params.get_all(control.key))):
        return KEPT
    with suppress(StreamlitAPIException):
        del st.query_params[control.key]
    return {name: option for name, option in KEPT.items() if name != "bind"}


def _options(control: Choice | Several) -> dict[str, Any]:
    several = isinstance(control, Several)
    return KEPT | {
        "options": control.options,
        "default": list(control.default) if several else control.default,
        "format_func": control.shown,
        "key": control.key,
        "help": control.help,
    }


def chart(figure: go.Figure, alt: str, *, key: str, **options: Any) -> Any:
    """Draw a figure at the height in its layout, with the ways to take it along.

    `alt` tells its message in words.
    """
    drawn = st.plotly_chart(
        figure, key=key, alt=alt, height=int(figure.layout.height), config=CHART_CONFIG, **options
    )
    chart_tools(key, lambda: as_csv(of_figure(figure)))
    return drawn


def download(
    label: str, data: str | bytes | Callable[[], str | bytes], file: str, **options: Any
) -> None:
    """Draw a button that saves `data` under the name `file`; it leaves the page as it is."""
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    st.download_button(label, data, file, kind, on_click="ignore", **options)


def sheet(label: str) -> DeltaGenerator:
    """Return a place for controls, which on a narrow screen is a sheet behind a button at the foot.

    One stands on a page; elsewhere it lies where it is made, and has no button.
    """
    opener = f"<details><summary>{html(label)}</summary></details>"
    st.container(key="opener").html(opener)
    return st.container(key="sheet")


def on_phone() -> bool:
    """Whether the page is read on a phone.

    There a chart that takes taps for clicks would hold the page fast under the finger that scrolls.
    """
    return "Mobi" in st.context.headers.get("User-Agent", "")


@contextmanager
def told() -> Iterator[None]:
    """Show an EffnetError raised inside as its sentence, here rather than at the page's end."""
    try:
        yield
    except EffnetError as error:
        st.error(plain(str(error)))
