"""Uploaded files are let go once they are taken in, and large pictures made smaller before that.

What a picture's file was is remembered here.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from cachetools import LRUCache
from streamlit.runtime.scriptrunner import get_script_run_ctx

from effnet_core.images.keeping import is_kept_whole, reduce

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_REFUSALS = Path(__file__).with_name("arrivals.js").read_text(encoding="utf-8")
_REMEMBERED = 4096
"""So many pictures, of which no bytes are held."""


@dataclass(frozen=True)
class Arrival:
    """Sentences on a picture's file, which is not kept: how it was read, what became of it."""

    notes: tuple[str, ...]


_known: LRUCache[bytes, Arrival] = LRUCache(_REMEMBERED)
_lock = threading.Lock()


def smaller(data: bytes) -> bytes:
    """A picture's file as it is kept: itself if it is small or was made so; raises ImageError."""
    if is_kept_whole(data) or known_of(data) is not None:
        return data
    reduced = reduce(data)
    with _lock:
        _known[_digest(reduced.data)] = Arrival((*reduced.notes, reduced.in_words))
    return reduced.data


def known_of(data: bytes) -> Arrival | None:
    """What is known of the file that `smaller` made `data` of; None for any other."""
    with _lock:
        return _known.get(_digest(data))


def let_go(files: Iterable[UploadedFile]) -> None:
    """Give back the memory of this session's uploads: Streamlit would keep them as long as it."""
    context = get_script_run_ctx()
    if context is None:
        return
    for file in files:
        # not part of the protocol, which a manager outside this process could hold to as well
        if remove := getattr(context.uploaded_file_mgr, "remove_file", None):
            remove(context.session_id, file.file_id)


def tell_refusals() -> None:
    """Have the page say in a sentence why the server refused an upload."""
    st.html(f"<script>{_REFUSALS}</script>", unsafe_allow_javascript=True)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
