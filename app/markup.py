"""Text from outside (file names, class names, sentences about them) shown as text, never as markup.

What is drawn with `st.html` passes through `html.escape`; what Streamlit reads as Markdown passes
through `plain`. Every function here that returns markup escapes its arguments itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from app.text import percent

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_BREAKS = re.compile(r"(?<=\w)[._](?=\w)")
# Control characters, line separators, and those that reverse the direction of writing.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str) -> str:
    """Return `text` without line breaks, control characters and direction overrides."""
    return _INVISIBLE.sub(" ", text).strip()


def plain(text: str) -> str:
    """Return Markdown that shows `text` as it is: every ASCII punctuation mark is escaped."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text))


def html(text: str) -> str:
    """Return HTML that shows `text` as it is."""
    return escape(one_line(text))


def breakable(text: str) -> str:
    """Return HTML that shows `text` as it is; where a word has no room, it breaks at a mark.

    So does a file's name before its ending, or after a line below: "minivan" and ".JPEG".
    """
    return _BREAKS.sub(r"<wbr>\g<0>", html(text))


def title(text: str, *details: str) -> str:
    """Return the head of a card: a name, and details beneath it on one line."""
    below = f'<p class="details">{html(" · ".join(details))}</p>' if details else ""
    return f'<div class="card-title"><h3 title="{html(text)}">{breakable(text)}</h3>{below}</div>'


def facts(texts: Iterable[str], classes: str = "") -> str:
    """Return short facts in a row, each on a ground of its own; `classes` are more for the row."""
    items = "".join(f'<span role="listitem">{html(text)}</span>' for text in texts)
    return f'<div class="facts{classes}" role="list">{items}</div>'


def caption(text: str) -> str:
    """Return small print."""
    return f'<p class="details">{html(text)}</p>'


def bars(
    rows: Sequence[tuple[str, float]], *, count: int, chosen: int | None = None, name: str
) -> str:
    """Return a table of labels with their probabilities in [0, 1] as bars, `count` rows high.

    Rows that a model with few classes lacks stay empty, so that cards side by side align. `chosen`
    is the row to stand out; `name` tells what the table holds to those who cannot see it.
    """
    filled = [_bar(label, value, number == chosen) for number, (label, value) in enumerate(rows)]
    empty = ['<tr aria-hidden="true"><td>&nbsp;</td><td></td></tr>'] * (count - len(filled))
    body = "".join((*filled[:count], *empty))
    return (
        f'<table class="answers"><caption>{html(name)}</caption><thead><tr><th scope="col">Class'
        f'</th><th scope="col">Probability</th></tr></thead><tbody>{body}</tbody></table>'
    )


def _bar(label: str, value: float, chosen: bool) -> str:
    shown, width = html(label), f"{100 * value:.2f}%"
    emphasis = ' class="chosen"' if chosen else ""
    return (
        f'<tr{emphasis}><th scope="row" title="{shown}">{shown}</th><td>{html(percent(value))}'
        f'<span class="track"><span class="bar" style="width: {width}"></span></span></td></tr>'
    )
