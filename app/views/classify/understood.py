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
_ASSUMED = "{} (assumed: its tensors fit; padding and batch-norm are not told. Change it below)"


def draw(
    files: list[UploadedFile], options: Callable[[], dict[str, Any]]
) -> tuple[Understood, dict[str, Any]] | None:
    """Show what was understood of `files` with the form's `options`, or the sentence why not.

    Returns it with the options that make it a network; an architecture that nothing says is
    assumed, if the tensors fit one. None where that makes no network. What was read last is kept: a
    rerun for another control reads nothing again.
    """
    try:
        chosen = options()
        found = _understood(files, chosen)
        assumed = found.guess if found.architecture is None else ""
        if assumed:
            chosen = chosen | {"architecture": assumed}
            found = _understood(files, chosen)
    except EffnetError as error:
        st.error(plain(str(error)))
        return None
    rows = "".join(
        f"<dt>{html(what)}</dt><dd>{html(_ASSUMED.format(assumed) if _is(what, assumed) else how)}"
        "</dd>"
        for what, how in found.in_words
    )
    st.html(f'<p class="details">What was recognised</p><dl class="facts">{rows}</dl>')
    if found.architecture is None:
        st.warning("Choose the architecture below: nothing in the file tells which it is.")
        return None
    return found, chosen


def _is(what: str, assumed: str) -> bool:
    return bool(assumed) and what == "Architecture"


def contents(files: list[UploadedFile]) -> Mapping[str, bytes]:
    """The files' bytes by their names."""
    return {file.name: file.getvalue() for file in files}


def _understood(files: list[UploadedFile], options: dict[str, Any]) -> Understood:
    asked = tuple(file.file_id for file in files), repr(options)
    known: dict[Any, Understood | EffnetError] = st.session_state.setdefault(_LAST, {})
    answer = known.get(asked)
    if answer is None:
        with st.spinner("Reading the checkpoint …"):
            try:
                answer = resources.service().understand_checkpoint(contents(files), **options)
            except EffnetError as error:
                answer = error
        others = list(known)[:-1]  # at most two: as the file says, and with what is assumed
        for each in others:
            del known[each]
        known[asked] = answer
    if isinstance(answer, EffnetError):
        raise answer
    return answer
