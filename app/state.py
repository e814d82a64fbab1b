"""URL ↔ state: what a page's controls hold, declared as data.

Every control has a key. Streamlit keeps its value under that key in the session (so that it
survives a change of page) and in the URL (so that a view can be shared); see `app.widgets`. A
default is left out of the URL, and a value the control cannot hold falls back to its default:
`refusals` says so in a sentence.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import streamlit as st
from streamlit.errors import StreamlitAPIException

from app.text import minus

_MANY = 40
"""More options than a sentence can name."""


def is_finite(text: str) -> bool:
    """Whether `text` from a URL is a number that is not infinite."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number between `low` and `high`; whole when `step` is an int."""

    key: str
    label: str
    default: float
    low: float
    high: float
    step: float
    format: str | None = None
    help: str | None = None

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are accepted."""
        return isinstance(self.step, int)

    def accepts(self, text: str) -> bool:
        """Whether `text` from a URL is a value of this control."""
        if not is_finite(text):
            return False
        value = float(text)
        return self.low <= value <= self.high and (not self.whole or value.is_integer())

    def instead_of(self, text: str) -> str:
        """What is used in place of a refused `text`: the default, or a fraction's whole part."""
        if self.whole and text.partition(".")[0].isdigit() and self.accepts(text.partition(".")[0]):
            return text.partition(".")[0]
        return minus(self.default)

    @property
    def rule(self) -> str:
        """What a value must be, to follow "must be"."""
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} between {minus(self.low)} and {minus(self.high)}"


@dataclass(frozen=True, kw_only=True)
class _Options:
    """Options by name; `labels` are shown in their place, and carried by the URL, where given."""

    key: str
    label: str
    options: tuple[str, ...]
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    help: str | None = None

    def shown(self, option: str) -> str:
        """The text that stands for `option` on the page and in the URL."""
        return self.labels.get(option, option)


@dataclass(frozen=True, kw_only=True)
class Choice(_Options):
    """One of `options`."""

    default: str

    def accepts(self, text: str) -> bool:
        """Whether `text` from a URL is a value of this control."""
        return text in {self.shown(option) for option in self.options}

    def instead_of(self, text: str) -> str:
        """What is used in place of a refused `text`: the default."""
        return self.shown(self.default)

    @property
    def rule(self) -> str:
        """What a value must be, to follow "must be"."""
        if len(self.options) > _MANY:
            return f"one of the {len(self.options):,} in its list"
        return "one of " + ", ".join(self.shown(option) for option in self.options)


Field = Number | Choice


@dataclass(frozen=True, kw_only=True)
class Several(_Options):
    """Any of `options`, each a parameter of its own in the URL."""

    default: tuple[str, ...] = ()
    placeholder: str | None = None

    def refusal(self, texts: Sequence[str]) -> str | None:
        """A sentence about the texts of a URL that are none of the options."""
        known = {self.shown(option) for option in self.options}
        unknown = [text for text in texts if text and text not in known]
        if not unknown:
            return None
        given = " and ".join(f"“{text[:40]}”" for text in unknown[:3])
        return f"{self.label}: the address says {given}, which is none of them and is left out."


def value(control: Field) -> float | str:
    """Return what `control` holds now, on whichever page: its default until someone moves it."""
    held = st.session_state.get(control.key)
    return control.default if held is None else held


def is_set(control: Field) -> bool:
    """Whether `control` holds anything but its default, or the address says something of it."""
    return control.key in st.query_params or value(control) != control.default


def put(key: str, value: str | list[str]) -> None:
    """Give a control another value, in the address too; call it before the control is drawn.

    Streamlit writes the address for a control that this page has drawn before, and refuses to let
    anyone else do so; for one that it has not, the address must be written here.
    """
    st.session_state[key] = value
    if value:
        with contextlib.suppress(StreamlitAPIException):
            st.query_params[key] = value


def refusals(fields: Iterable[Field | Several]) -> tuple[str, ...]:
    """Return one sentence for every URL parameter that its control cannot hold.

    Call it before the controls are drawn: drawing them takes a refused parameter out of the URL.
    """
    return tuple(
        sentence
        for control in fields
        if (sentence := _refusal(control, st.query_params.get_all(control.key)))
    )


def _refusal(control: Field | Several, texts: Sequence[str]) -> str | None:
    if isinstance(control, Several):
        return control.refusal(texts)
    if not texts or (len(texts) == 1 and control.accepts(texts[0])):
        return None
    given = " and ".join(f"“{text[:40]}”" for text in texts[:3])
    return (
        f"{control.label}: the address says {given}, which cannot be used; "
        f"{control.instead_of(texts[0])} is used instead. It must be {control.rule}."
    )
