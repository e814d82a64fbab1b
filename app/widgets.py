"""Controls and labels that the pages share.

Every control made here is named by its field's key, keeps its value when the page is left and
carries it in the URL. Every number on a page says where it comes from: `source("computed")`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import plotly.graph_objects as go
import streamlit as st

from app.markup import plain
from app.state import Choice, Field, Number, Several, refusals
from effnet_core.errors import EffnetError

Source = Literal["computed", "published", "measured", "predicted"]
_COLOURS: dict[Source, str] = {
    "computed": "blue",
    "published": "gray",
    "measured": "green",
    "predicted": "violet",
}

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


def slider(control: Number, *, on_change: Callable[..., None] | None = None) -> float:
    """Draw a slider for `control` and return its value."""
    kind = int if control.whole else float
    return st.slider(
        control.label,
        kind(control.low),
        kind(control.high),
        kind(control.default),
        kind(control.step),
        format=control.format,
        key=control.key,
        help=control.help,
        on_change=on_change or "rerun",
        bind="query-params",
        persist_state="session",
    )


def number(control: Number) -> float:
    """Draw a number box for `control` and return its value."""
    kind = int if control.whole else float
    return st.number_input(
        control.label,
        kind(control.low),
        kind(control.high),
        kind(control.default),
        kind(control.step),
        format=control.format,
        key=control.key,
        help=control.help,
        required=True,
        bind="query-params",
        persist_state="session",
    )


def segmented(control: Choice, **options: Any) -> str:
    """Draw a segmented control (two to five modes) and return the chosen option."""
    return cast(
        str,
        st.segmented_control(
            control.label, control.options, **(_choice(control) | {"required": True} | options)
        ),
    )


def pills(control: Choice, **options: Any) -> str:
    """Draw pills (a handful of equals, such as variants) and return the chosen option."""
    return cast(
        str,
        st.pills(
            control.label, control.options, **(_choice(control) | {"required": True} | options)
        ),
    )


def select(control: Choice, **options: Any) -> str:
    """Draw a drop-down list and return the chosen option."""
    chosen = _choice(control)
    chosen["index"] = control.options.index(chosen.pop("default"))
    return cast(str, st.selectbox(control.label, control.options, **(chosen | options)))


def several(control: Several, **options: Any) -> tuple[str, ...]:
    """Draw a searchable list of which any number can be chosen; return the chosen options."""
    chosen = _choice(control) | {"default": list(control.default)}
    chosen["placeholder"] = control.placeholder
    return tuple(st.multiselect(control.label, control.options, **(chosen | options)))


def _choice(control: Choice | Several) -> dict[str, Any]:
    return {
        "default": control.default,
        "format_func": control.shown,
        "key": control.key,
        "help": control.help,
        "bind": "query-params",
        "persist_state": "session",
    }


def chart(figure: go.Figure, alt: str, *, key: str, **options: Any) -> Any:
    """Draw a figure at the height in its layout; `alt` tells its message in words."""
    return st.plotly_chart(
        figure, key=key, alt=alt, height=int(figure.layout.height), config=CHART_CONFIG, **options
    )


def download(
    label: str, data: str | bytes | Callable[[], str | bytes], file: str, **options: Any
) -> None:
    """Draw a button that saves `data` under the name `file`; it leaves the page as it is."""
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    st.download_button(label, data, file, kind, on_click="ignore", **options)


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
