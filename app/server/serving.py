"""Start the app: `python -m app.server`, `make app` and `effnet app` all come through `serve`.

Streamlit reads no settings file by name, so `settings` hands it ours; see streamlit_config.toml.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit import runtime

from app.server import memory, warm
from app.server.first_paint import Styled, carried
from app.server.headers import Headers
from app.server.health import ROUTES
from app.server.origins import Origins
from app.server.settings import settings
from app.server.uploads import Uploads
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.files import asset
from effnet_core.host import require_free

MAIN = Path(__file__).parents[1] / "main.py"
MIDDLEWARE = (
    Middleware(Headers),
    Middleware(Origins),
    Middleware(Uploads),
    Middleware(Styled),
)
"""Of the whole server; the first is outermost."""


@asynccontextmanager
async def at_work(_: st.App) -> AsyncIterator[None]:
    """What goes on beside the server, until it ends: with it ends what is worked on for pages."""
    warm.start()
    reaping = asyncio.create_task(_reap())
    yield
    reaping.cancel()
    if "effnet_core.service" in sys.modules:  # else nobody has asked for anything
        from app import resources

        resources.shared_service().close()


async def _reap() -> None:
    await asyncio.to_thread(warm.wait_for_first)
    from app.server.reaping import Reaper  # what it imports would hold up the first page

    await Reaper(runtime.get_instance()).run()


def check_port(address: str, port: int) -> None:
    """Raise EffnetError with a sentence when the server could not listen there."""
    if not 1 <= port <= 65535:
        raise InvalidInput(f"{port} is not a port: choose a number from 1 to 65535.")
    other = port % 65535 + 1
    instead = f"choose another, for example `make app PORT={other}` or `effnet app --port {other}`"
    require_free(address, port, instead)


def serve(port: int | None = None) -> None:
    """Serve the app until it is stopped; `port` wins over the settings file and the environment.

    Raises EffnetError with a sentence when a setting is wrong or the port is taken.
    """
    chosen = settings(asset("streamlit_config.toml"), os.environ)
    if port is not None:
        chosen["server.port"] = port
    check_port(str(chosen["server.address"]), int(str(chosen["server.port"])))
    memory.restrain()
    carried.set()
    app = st.App(MAIN, lifespan=at_work, routes=ROUTES, middleware=MIDDLEWARE)
    app.run(config=chosen)


def main() -> int:
    """Read the command line of `python -m app.server`; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.server", description="Serve the app.")
    parser.add_argument("--port", type=int, help="instead of the one in streamlit_config.toml")
    try:
        serve(parser.parse_args().port)
    except EffnetError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, InvalidInput) else 1
    return 0
