"""Start the app: `python -m app.server`, `make app` and `effnet app` all come through `serve`.

Streamlit reads no settings file by name, so `settings` hands it ours; see streamlit_config.toml.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from click import BadParameter
from click.types import convert_type
from streamlit import config as streamlit_config

from app import warm
from app.headers import MIDDLEWARE
from app.health import ROUTES
from effnet_core.errors import EffnetError, InvalidInput
from effnet_core.files import asset

MAIN = Path(__file__).with_name("main.py")

Setting = str | int | float | bool | list[Any]


def settings(file: Path, environment: Mapping[str, str]) -> dict[str, Setting]:
    """Return the settings in `file`, keyed "section.option"; STREAMLIT_* variables win over it.

    Raises InvalidInput when the file is not TOML or a variable is not of its option's type.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}.") from error
    return _flatten(table) | _from_environment(environment)


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Setting]:
    """Turn nested tables into one dict with dotted keys."""
    flat: dict[str, Setting] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _from_environment(environment: Mapping[str, str]) -> dict[str, Setting]:
    """Return the options that STREAMLIT_* variables set, read as `streamlit run` reads them."""
    # The public list would read the settings now and warn, at the start, that they have changed.
    options = streamlit_config._config_options_template
    found: dict[str, Setting] = {}
    for name, option in options.items():
        text = environment.get(option.env_var)
        if text is None or option.sensitive:  # Streamlit itself reads the sensitive ones
            continue
        try:
            convert = convert_type(option.type)
            found[name] = (
                [convert(part) for part in text.split()] if option.multiple else convert(text)
            )
        except BadParameter as error:
            raise InvalidInput(
                f"{option.env_var}={text} cannot be used: {error.message}"
            ) from error
    return found


@asynccontextmanager
async def warming(_: st.App) -> AsyncIterator[None]:
    """Make the first page ready beside the server, which answers meanwhile."""
    warm.start()
    yield


def check_port(address: str, port: int) -> None:
    """Raise EffnetError with a sentence when the server could not listen there."""
    if not 1 <= port <= 65535:
        raise InvalidInput(f"{port} is not a port: choose a number from 1 to 65535.")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            other = port % 65535 + 1
            raise EffnetError(
                f"Port {port} on {address} cannot be used ({error.strerror}): choose another, "
                f"for example `make app PORT={other}` or `effnet app --port {other}`."
            ) from error


def serve(port: int | None = None) -> None:
    """Serve the app until it is stopped; `port` wins over the settings file and the environment.

    Raises EffnetError with a sentence when a setting is wrong or the port is taken.
    """
    chosen = settings(asset("streamlit_config.toml"), os.environ)
    if port is not None:
        chosen["server.port"] = port
    check_port(str(chosen["server.address"]), int(str(chosen["server.port"])))
    app = st.App(MAIN, lifespan=warming, routes=ROUTES, middleware=MIDDLEWARE)
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


if __name__ == "__main__":
    sys.exit(main())
