"""The server's settings: those of streamlit_config.toml, over which STREAMLIT_* variables win."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click import BadParameter
from click.types import convert_type
from streamlit import config as streamlit_config

from effnet_core.errors import InvalidInput

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
