"""Every page draws where nothing can be kept, and says so in a sentence if it must."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.pages import NAMES


@pytest.fixture
def no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point cache and runs at a file."""
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("EFFNET_CACHE", str(file))
    monkeypatch.setenv("EFFNET_RUNS", str(file / "runs"))
    st.cache_resource.clear()
    yield file
    st.cache_resource.clear()


@pytest.mark.parametrize("page", NAMES)
def test_a_page_draws_without_a_folder_to_write_to(page: str, no_folder: Path) -> None:
    script = f"from app.views.{page}.page import render; render()"
    app = AppTest.from_string(script, default_timeout=120).run()
    assert not app.exception
    said = [error.value for error in app.error]
    if page == "train":  # runs have to be kept
        assert len(said) == 1 and "cannot be used" in said[0]
    else:
        assert said == []
