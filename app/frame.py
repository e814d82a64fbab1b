"""What surrounds every page: heading, style sheet, history, and the guard against tracebacks."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.server import first_paint
from app.sharing import SCRIPT, share
from app.widgets import told

LOGGER = logging.getLogger("effnet.app")
HISTORY, PHONE = (
    Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")
    for name in ("history", "phone")
)


def page(title: str, question: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorate a view's `render()`: draw its heading and let no traceback reach the page.

    `question` is the one question the page answers. An EffnetError is shown as its sentence; any
    other exception is logged under an id, and the page says that id. Streamlit's own stop and
    rerun signals pass through, since they are no `Exception`. A callback (`on_click=`) runs
    outside this guard: it must not raise.
    """

    def decorate(render: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(render)
        def guarded() -> None:
            if not first_paint.carried.is_set():
                st.html(first_paint.STYLE_ELEMENT)
            st.container(key="heading").html(
                f'<header class="page-heading"><h1>{title}</h1>{share()}'
                f"<h2>{question}</h2></header>"
                f'<script>document.body.dataset.page = "{title.lower()}";'
                f"{HISTORY}{PHONE}{SCRIPT}</script>",
                unsafe_allow_javascript=True,
            )
            try:
                with told():
                    render()
            except Exception:
                report = uuid.uuid4().hex[:8]
                LOGGER.exception("The page %s failed; report %s", title, report)
                st.error(
                    f"Something went wrong on this page. Nothing was lost: reload to try again. "
                    f"The server's log describes it under report {report}."
                )

        return guarded

    return decorate
