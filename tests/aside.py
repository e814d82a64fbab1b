"""A coroutine run to its end while a browser's event loop may be running in this thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(made: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns or raises, in a thread of its own."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, made).result()
