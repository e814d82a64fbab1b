"""What the files of the upload form are taken for, shown before anything is computed with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import resources
from app.markup import html, plain
from effnet_core.errors import EffnetError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from effnet_core.weights.reading.understood import Understood

_LAST = "checkpoint_understood"


def draw(files: list[UploadedFile], options: Callable[[], dict[str, Any]]) -> bool:
    """Show what was understood of `files` with the form's `options`, or the sentence why not.

    Returns whether that makes a network. What was read last is kept: a rerun for another control
    reads nothing again.
    """
    try:
        found = _understood(files, options())
    except EffnetError as error:
        st.error(plain(str(error)))
        return False
    rows = "".join(f"<dt>{html(what)}</dt><dd>{html(how)}</dd>" for what, how in found.in_words)
    st.html(f'<p class="details">What was understood</p><dl class="facts">{rows}</dl>')
    if found.architecture is None:
        st.warning("Choose the architecture in the form: the file does not say it.")
    return found.architecture is not None


def contents(files: list[UploadedFile]) -> Mapping[str, bytes]:
    """The files' bytes by their names."""
    return {file.name: file.getvalue() for file in files}


def _understood(files: list[UploadedFile], options: dict[str, Any]) -> Understood:
    asked = tuple(file.file_id for file in files), repr(options)
    known = st.session_state.get(_LAST)
    if known is not None and known[0] == asked:
        answer: Understood | EffnetError = known[1]
    else:
        with st.spinner("Reading the checkpoint …"):
            try:
                answer = resources.service().understand_checkpoint(contents(files), **options)
            except EffnetError as error:
                answer = error
        st.session_state[_LAST] = asked, answer
    if isinstance(answer, EffnetError):
        raise answer
    return answer
