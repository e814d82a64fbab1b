"""What is kept of answers: for whom, by what, and how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from cachetools import LRUCache

from app import replies
from tests.app.reading import healthy, opened

NAMES = ("first.png", "second.png")
DOCUMENTS = """
from dataclasses import replace
import streamlit as st
from app import pictures, replies
from effnet_core.weights.bundled import bundled_models

given, model = pictures.sample("coffee"), bundled_models()[0]
for title in {names}:
    picture = replace(given, title=title)
    st.text(replies.document(picture, model, 0, None))
    st.text(replies.judged_document(picture, model, 0, "grad-cam", "last"))
"""


class Said:
    """A service that says what it was asked for."""

    def document(self, request: Any, title: str, **given: Any) -> str:
        return f"{title} {sorted(given)}"

    def trust(self, request: Any) -> str:
        return "trusted"


def test_a_document_has_the_name_of_its_file_whoever_has_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replies, "service", Said)
    app = healthy(opened(DOCUMENTS.format(names=NAMES)))
    expected = [f"{name} {given}" for name in NAMES for given in ([], ["shown", "trust"])]
    assert [text.value for text in app.text] == expected


@dataclass(frozen=True)
class Files:
    onnx: bytes
    other: str = "no file"


def test_files_are_kept_for_all_sessions_within_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Exporting:
        def export(self, weights: str) -> Files:
            made.append(weights)
            return Files(bytes(100))

        def witness(self, files: Files, stem: str) -> Files:
            made.append(stem)
            return files

    replies.rest()
    monkeypatch.setattr(replies, "service", Exporting)
    monkeypatch.setattr(replies, "_files", LRUCache(250, replies._files.getsizeof))
    one, other = Named("one", "a"), Named("other", "b")
    for _ in range(2):
        replies.exported(one)
        replies.witnessed(one, "stem")
    assert made == ["one", "stem"]
    replies.exported(replace(one, sha256="c"))
    replies.exported(other)  # two in all
    assert made == ["one", "stem", "one", "other"]
    assert replies._files.currsize == 200
    replies.rest()
    assert not replies._files


@dataclass(frozen=True)
class Named:
    id: str
    sha256: str
