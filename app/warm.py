"""What the first page needs, made ready in a thread while the browser still loads its scripts.

Importing it imports neither pandas nor Plotly: the server listens at once.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading

# None of these imports torch. Two sessions that import pandas at the same moment, as plotly does,
# can find it half made.
FIRST_PAGE = ("pandas", "plotly.graph_objects", "app.views.scale")

# How long imports keep the server from handing out the browser's scripts: many small files.
_SWITCH_S = 0.0005

_ready = threading.Event()
_ready.set()


def start() -> None:
    """Begin; sessions that come meanwhile wait for it in `wait`."""
    _ready.clear()
    threading.Thread(target=_prepare, name="first page", daemon=True).start()


def wait() -> None:
    """Return once the first page is ready, at once where nobody has called `start`."""
    _ready.wait()


def _prepare() -> None:
    """Import, compute what everybody sees first, and leave both out of every later collection."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        for module in FIRST_PAGE:
            importlib.import_module(module)
        importlib.import_module("app.views.scale").prepare()
        freeze()
    finally:
        sys.setswitchinterval(usual)
        _ready.set()


def freeze() -> None:
    """Leave all that is loaded now out of later collections, which it would make slow."""
    gc.collect()
    gc.freeze()
