"""Drawing a map: enlarged to the picture, coloured, laid over it; and saying where it is strong.

Unsigned drawings show the positive part alone (what speaks for the class), as Grad-CAM's final
ReLU does, from 0 to the largest value. Signed ones show both sides of 0 with a diverging colour
map. Numbers stay those of the raw map: `colour_scale` gives the range that the colours stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from effnet_core.attribution.result import Attribution
from effnet_core.errors import InvalidInput

COLOUR_MAPS = ("viridis", "magma", "inferno", "cividis")
"""Perceptually uniform sequential colour maps."""
DIVERGING_COLOUR_MAP = "berlin"
"""Perceptually uniform, dark at 0; used for every signed drawing."""
ENLARGEMENTS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}
"""How a map grows to the picture's size; "nearest" shows its grid as it is."""
_ROWS, _COLUMNS = ("upper", "", "lower"), ("left", "centre", "right")


@dataclass(frozen=True, kw_only=True)
class ColourScale:
    """The values between which the colours run; several maps drawn with one scale compare."""

    low: float
    high: float
    colour_map: str
    signed: bool

    def colours(self, count: int = 16) -> tuple[str, ...]:
        """`count` colours from `low` to `high` as "#rrggbb", for a colour bar."""
        table = _table(self.colour_map)[np.linspace(0, 255, count).round().astype(int)]
        return tuple("#" + bytes(row).hex() for row in table)


def colour_scale(
    *attributions: Attribution, colour_map: str = "viridis", signed: bool = False
) -> ColourScale:
    """The scale on which the maps given fit together.

    Unsigned from 0 to the largest value; signed from −m to m, m being the largest absolute value,
    with the diverging colour map. Raises InvalidInput for an unknown colour map.
    """
    if colour_map not in COLOUR_MAPS:
        raise InvalidInput(
            f"The colour map must be one of {', '.join(COLOUR_MAPS)}; got {colour_map!r:.40}."
        )
    highest = max((attribution.high for attribution in attributions), default=0.0)
    lowest = min((attribution.low for attribution in attributions), default=0.0)
    if signed:
        most = max(highest, -lowest)
        return ColourScale(low=-most, high=most, colour_map=DIVERGING_COLOUR_MAP, signed=True)
    return ColourScale(low=0.0, high=max(highest, 0.0), colour_map=colour_map, signed=False)


def heatmap(
    attribution: Attribution,
    size: tuple[int, int],
    *,
    colour_map: str = "viridis",
    signed: bool = False,
    scale: ColourScale | None = None,
    enlargement: str = "bilinear",
) -> Image.Image:
    """The map alone as an RGB picture of (width, height) `size`.

    The raw map is enlarged first and coloured afterwards, so no colour is invented between two.
    A given `scale` replaces `colour_map` and `signed`. Raises InvalidInput.
    """
    chosen = scale or colour_scale(attribution, colour_map=colour_map, signed=signed)
    if enlargement not in ENLARGEMENTS:
        raise InvalidInput(
            f"The enlargement must be one of {', '.join(ENLARGEMENTS)}; got {enlargement!r:.40}."
        )
    large = Image.fromarray(attribution.raw).resize(size, ENLARGEMENTS[enlargement])
    span = chosen.high - chosen.low
    at_zero = 0.5 if chosen.signed else 0.0  # a map without any positive value has no span
    values = np.asarray(large, dtype=np.float64)
    position = (values - chosen.low) / span if span > 0 else np.full(values.shape, at_zero)
    levels = (position.clip(0, 1) * 255).round().astype(int)  # bicubic may overshoot
    return Image.fromarray(_table(chosen.colour_map)[levels])


def overlay(
    view: Image.Image,
    attribution: Attribution,
    *,
    opacity: float = 0.5,
    colour_map: str = "viridis",
    signed: bool = False,
    scale: ColourScale | None = None,
    enlargement: str = "bilinear",
) -> Image.Image:
    """The heatmap over the model's view, an RGB picture of the view's size.

    `opacity` 0 is the view, 1 the heatmap. Raises InvalidInput outside that range, and as
    `heatmap` does.
    """
    if not 0 <= opacity <= 1:
        raise InvalidInput(f"The opacity must lie between 0 and 1; got {opacity}.")
    coloured = heatmap(
        attribution,
        view.size,
        colour_map=colour_map,
        signed=signed,
        scale=scale,
        enlargement=enlargement,
    )
    return Image.blend(view.convert("RGB"), coloured, opacity)


def strongest(attribution: Attribution) -> str:
    """Where the positive part lies: "strongest in the upper left", of a grid of thirds.

    The mean of each ninth of the map decides, so that single pixels do not.
    """
    positive = Image.fromarray(attribution.raw.clip(min=0))
    ninths = np.asarray(positive.resize((3, 3), Image.Resampling.BOX))
    if ninths.max() <= 0:
        return "nothing speaks for the class"
    if ninths.min() > 0.8 * ninths.max():
        return "spread evenly"
    row, column = divmod(int(ninths.argmax()), 3)
    return f"strongest in the {_ROWS[row]} {_COLUMNS[column]}".replace("  ", " ")


@cache
def _table(colour_map: str) -> npt.NDArray[np.uint8]:
    """256 RGB colours, (256, 3)."""
    from matplotlib import colormaps

    colours = np.asarray(colormaps[colour_map](np.arange(256)))[:, :3]
    return (colours * 255).round().astype(np.uint8)
