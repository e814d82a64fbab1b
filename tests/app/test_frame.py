from __future__ import annotations

import logging
import threading

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from app.server import first_paint
from tests.app.reading import seen


def page(failure: str) -> None:
    import streamlit as st

    from app.frame import page as framed
    from effnet_core.errors import InvalidInput

    @framed("Try", "Does the guard hold?")
    def render() -> None:
        if failure == "stop":
            st.text("before")
            st.stop()
        if failure == "known":
            raise InvalidInput("φ must be a number.")
        if failure == "unknown":
            raise ZeroDivisionError("a secret detail")
        st.text("drawn")

    render()
    st.text("after")


def run(failure: str) -> AppTest:
    return AppTest.from_function(page, args=(failure,)).run()


def test_a_page_draws() -> None:
    app = run("")
    assert [text.value for text in app.text] == ["drawn", "after"]


def test_a_page_brings_the_style_sheet_where_no_first_page_carries_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_paint, "carried", threading.Event())
    brought: list[str] = []
    monkeypatch.setattr(streamlit, "html", brought.append)
    run("")
    assert brought == [first_paint.STYLE_ELEMENT]
    first_paint.carried.set()
    run("")
    assert len(brought) == 1


def test_a_known_error_is_its_sentence() -> None:
    app = run("known")
    assert [seen(error) for error in app.error] == ["φ must be a number."]
    assert not app.exception


def test_an_unknown_error_is_logged_under_an_id_and_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, "effnet.app"):
        app = run("unknown")
    assert not app.exception
    said = seen(app.error[0])
    assert "secret" not in said and "Traceback" not in said
    report = said.rsplit("report ", 1)[1].rstrip(".")
    assert report in caplog.text and "a secret detail" in caplog.text


def test_stop_passes_through() -> None:
    app = run("stop")
    assert [text.value for text in app.text] == ["before"]
    assert not app.error and not app.exception
