from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import app
from app.state import Choice, Number
from tests.app.reading import seen

PHI = Number(key="phi", label="φ", default=0.0, low=-6, high=10, step=0.1)
CLASSES = Number(key="classes", label="Classes", default=10, low=1, high=99, step=1)
SIZE = Choice(
    key="size", label="Size", options=("s", "l"), default="s", labels={"s": "small", "l": "large"}
)


def test_a_fraction_for_a_whole_number_loses_it_and_the_page_says_so() -> None:
    app = run(classes="7.9")
    assert app.text[0].value == "(0.0, 7, 's') (0.0, 7, 's')"
    assert "“7.9”, which cannot be used; 7 is used" in seen(app.warning[0])


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_accepts_its_range_and_nothing_else(value: float) -> None:
    assert PHI.accepts(str(value)) == (-6 <= value <= 10)


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "99", "1,5", "<script>", "1e9"])
def test_a_number_refuses_bad_text(text: str) -> None:
    assert not PHI.accepts(text)


def test_a_whole_number_refuses_fractions() -> None:
    assert CLASSES.accepts("12")
    assert not CLASSES.accepts("1.5")


def test_a_choice_accepts_what_it_shows() -> None:
    assert SIZE.accepts("large")
    assert not SIZE.accepts("l")
    assert SIZE.rule == "one of small, large"


def page() -> None:
    import streamlit as st

    from app import widgets
    from app.state import Choice, Number, value

    phi = Number(key="phi", label="φ", default=0.0, low=-6, high=10, step=0.1)
    whole = Number(key="classes", label="Classes", default=10, low=1, high=99, step=1)
    size = Choice(key="size", label="Size", options=("s", "l"), default="s", labels={"l": "large"})
    widgets.show_refusals((phi, whole, size))
    drawn = (widgets.slider(phi), widgets.number(whole), widgets.segmented(size))
    st.text(f"{drawn} {(value(phi), value(whole), value(size))}")


def run(**parameters: Any) -> AppTest:
    app = AppTest.from_function(page)
    for key, text in parameters.items():
        app.query_params[key] = text
    return app.run()


def test_the_url_seeds_every_control() -> None:
    app = run(phi="2.55", classes="7", size="large")
    assert app.text[0].value == "(2.55, 7, 'l') (2.55, 7, 'l')"
    assert not app.warning


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("phi", "abc", "φ: the address says “abc”, which cannot be used; 0 is used instead."),
        ("phi", "99", "the address says “99”"),
        ("phi", "nan", "the address says “nan”"),
        ("classes", "0.5", "It must be a whole number between 1 and 99"),
        ("size", "huge", "It must be one of s, large"),
        ("phi", ["1", "2"], "“1” and “2”"),
    ],
)
def test_a_bad_value_in_the_url_gets_a_sentence_and_the_default(
    key: str, text: Any, said: str
) -> None:
    app = run(**{key: text})
    assert app.text[0].value == "(0.0, 10, 's') (0.0, 10, 's')"
    assert said in seen(app.warning[0])
    assert not app.exception


def fields_of_all_pages() -> dict[str, str]:
    """Every number on a page: its key, and the module and name that it is found by."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(app.__path__, "app."):
        for name, held in vars(importlib.import_module(module.name)).items():
            if isinstance(held, Number):
                found.setdefault(held.key, f"{module.name}:{name}")
    return found


def one_number(place: str) -> None:
    import importlib

    import streamlit as st

    from app import widgets

    module, _, name = place.partition(":")
    control = getattr(importlib.import_module(module), name)
    widgets.show_refusals([control])
    st.text(repr(widgets.number(control)))


@pytest.mark.parametrize("place", fields_of_all_pages().values())
def test_no_number_in_an_address_breaks_a_page(place: str) -> None:
    module, _, name = place.partition(":")
    control = getattr(importlib.import_module(module), name)

    @settings(max_examples=5, deadline=None)
    @given(
        st.sampled_from(["inf", "-1e999", "nan", "9" * 400, "1e400", "-0", "٣", "0x10", "1_0"])
        | st.floats().map(str)
        | st.text(max_size=8)
    )
    def holds(text: str) -> None:
        page = AppTest.from_function(one_number, kwargs={"place": place})
        page.query_params[control.key] = text
        page.run()
        assert not page.exception
        assert control.low <= float(page.text[0].value) <= control.high

    holds()
