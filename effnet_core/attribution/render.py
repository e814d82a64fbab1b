"""Drawing a map: enlarged to the picture, coloured, laid over it; and saying where it is strong.

Unsigned drawings show the positive part alone (what speaks for the class), as Grad-CAM's final
ReLU does, from 0 to the largest value. Signed ones show both sides of 0 with a diverging colour
map; `signed_overlay` lets the picture through where nothing is for or against. Numbers stay those
of the raw map: `colour_scale` and `signed_scale` give the range that the colours stand for.
"""

from __future__ import annotations

import io
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
    if signed:
        return signed_scale(*(attribution.raw for attribution in attributions))
    highest = max((attribution.high for attribution in attributions), default=0.0)
    return ColourScale(low=0.0, high=max(highest, 0.0), colour_map=colour_map, signed=False)


def signed_scale(*maps: npt.NDArray[np.floating]) -> ColourScale:
    """The scale from −m to m on which signed maps (h, w) fit, m the largest absolute value."""
    most = max((float(np.abs(values).max()) for values in maps), default=0.0)
    return ColourScale(low=-most, high=most, colour_map=DIVERGING_COLOUR_MAP, signed=True)


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
    return _coloured(_enlarged(attribution.raw, size, enlargement), chosen)


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
    _require_opacity(opacity)
    coloured = heatmap(
        attribution,
        view.size,
        colour_map=colour_map,
        signed=signed,
        scale=scale,
        enlargement=enlargement,
    )
    return Image.blend(view.convert("RGB"), coloured, opacity)


def signed_overlay(
    view: Image.Image,
    values: npt.NDArray[np.floating],
    *,
    opacity: float = 0.8,
    scale: ColourScale | None = None,
    enlargement: str = "bilinear",
) -> Image.Image:
    """Signed values (h, w), such as a ledger's cells, over the model's view, of the view's size.

    0 is transparent, the ends of the scale have `opacity`, in proportion between. `scale` is a
    `signed_scale`, by default that of the values. Raises InvalidInput.
    """
    _require_opacity(opacity)
    chosen = scale or signed_scale(values)
    large = _enlarged(values.astype(np.float32), view.size, enlargement)
    strength = np.abs(large) / chosen.high if chosen.high > 0 else np.zeros(large.shape)
    mask = Image.fromarray((255 * opacity * strength.clip(0, 1)).round().astype(np.uint8))
    return Image.composite(_coloured(large, chosen), view.convert("RGB"), mask)


def png_bytes(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    data = io.BytesIO()
    image.save(data, format="PNG")
    return data.getvalue()


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


def _enlarged(
    raw: npt.NDArray[np.float32], size: tuple[int, int], enlargement: str
) -> npt.NDArray[np.float64]:
    """The map (h, w) at (width, height) `size`."""
    if enlargement not in ENLARGEMENTS:
        raise InvalidInput(
            f"The enlargement must be one of {', '.join(ENLARGEMENTS)}; got {enlargement!r:.40}."
        )
    large = Image.fromarray(raw).resize(size, ENLARGEMENTS[enlargement])
    return np.asarray(large, dtype=np.float64)


def _coloured(values: npt.NDArray[np.float64], scale: ColourScale) -> Image.Image:
    """Values (h, w) as an RGB picture in the colours of their scale."""
    span = scale.high - scale.low
    at_zero = 0.5 if scale.signed else 0.0  # a map without any positive value has no span
    position = (values - scale.low) / span if span > 0 else np.full(values.shape, at_zero)
    levels = (position.clip(0, 1) * 255).round().astype(int)  # bicubic may overshoot
    return Image.fromarray(_table(scale.colour_map)[levels])


def _require_opacity(opacity: float) -> None:
    if not 0 <= opacity <= 1:
        raise InvalidInput(f"The opacity must lie between 0 and 1; got {opacity}.")


@cache
def _table(colour_map: str) -> npt.NDArray[np.uint8]:
    """256 RGB colours, (256, 3)."""
    from matplotlib import colormaps

    colours = np.asarray(colormaps[colour_map](np.arange(256)))[:, :3]
    return (colours * 255).round().astype(np.uint8)
