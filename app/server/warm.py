"""What the first page needs, made ready in a thread while the browser still loads its scripts.

Importing it imports neither pandas nor Plotly: the server listens at once.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading

FIRST_PAGE = "app.views.scale.page"
# Two sessions that import pandas at the same moment, as Plotly does, can find it half made: what
# draws tables or Plotly's charts waits for these. None imports torch.
TABLES = ("pandas", "plotly.graph_objects")

# How long imports keep the server from handing out the browser's scripts: many small files.
_SWITCH_S = 0.0005
# The first page is drawn by then; imports at the same time would hold it up.
_LATER_S = 3.0

_first, _all, _wanted = threading.Event(), threading.Event(), threading.Event()
_first.set()
_all.set()


def start() -> None:
    """Begin; sessions that come meanwhile wait for it."""
    _first.clear()
    _all.clear()
    threading.Thread(target=_prepare, name="first page", daemon=True).start()


def wait_for_first() -> None:
    """Return once the first page is ready, at once where nobody has called `start`."""
    _first.wait()


def wait() -> None:
    """Return once everything is ready: before anything draws a table or one of Plotly's charts."""
    _wanted.set()
    _all.wait()


def _prepare() -> None:
    """Import, compute what everybody sees first, and leave both out of every later collection."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        importlib.import_module(FIRST_PAGE).prepare()
        _first.set()
        _wanted.wait(_LATER_S)
        for module in TABLES:
            importlib.import_module(module)
        freeze()
    finally:
        sys.setswitchinterval(usual)
        _first.set()
        _all.set()


def freeze() -> None:
    """Leave all that is loaded now out of later collections, which it would make slow."""
    gc.collect()
    gc.freeze()
