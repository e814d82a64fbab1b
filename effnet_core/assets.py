"""Where the files that stand beside the packages are, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_BUNDLED = Path(__file__).parent / "bundled"
_CHECKOUT = Path(__file__).parents[1]


def asset(path: str) -> Path:
    """Return the place of a bundled file, such as "assets/favicon.png" or "streamlit_config.toml".

    Raises FileNotFoundError when the file was not carried into the wheel.
    """
    place = (_BUNDLED if _BUNDLED.is_dir() else _CHECKOUT) / path
    if not place.exists():
        raise FileNotFoundError(f"The installation is incomplete: {path} is missing at {place}.")
    return place
