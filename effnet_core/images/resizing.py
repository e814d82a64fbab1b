"""What a network sees of a picture, resized by torch: several times faster than by Pillow.

`images.model_view` equals torchvision's transforms on Pillow images to the digit; `resized_view`
its transforms on tensors. They differ by a level of 255 at some of the values (0.3 % where 500
pixels become 341), for torch rounds an interpolation's weights to 16 bits; by more, 7 at most in
1,500 drawn sizes, at under 0.1 %.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt

from effnet_core.images import (
    Decoded,
    Preprocessing,
    decode_reduced,
    model_view,
    resized_crop,
)
from effnet_core.limits import MAX_PIXELS

# Pillow gives its bytes read-only, and nothing here writes.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")

FAST = ("bilinear", "bicubic")
"""The interpolations that torch has for bytes."""

REDUCED_EDGES = (600, 1200)
"""The shorter edges that a JPEG keeps when it is decoded at a fraction of its size, for networks
that resize to half as many pixels at most: B0 to B2, and up to B7."""


def edge_for(preprocessing: Preprocessing) -> int | None:
    """Of `REDUCED_EDGES` the one that a JPEG keeps for this network; None where it comes whole.

    It is at least twice what the network resizes to, so that what it sees hardly depends on who
    made the picture smaller at first.
    """
    if preprocessing.interpolation not in FAST:
        return None
    return next((edge for edge in REDUCED_EDGES if 2 * preprocessing.resize <= edge), None)


def decode_for(
    data: bytes, preprocessing: Preprocessing, *, first: Decoded | None = None
) -> Decoded:
    """A picture's bytes, decoded as far as this network needs; raises ImageError as `decode`.

    `first` is the same picture as `decode_first` gives it, taken where that is far enough.
    """
    edge = edge_for(preprocessing)
    if first is not None and (first.is_whole or edge == REDUCED_EDGES[0]):
        return first
    return decode_reduced(data, shorter_edge=edge)


def decode_first(data: bytes) -> Decoded:
    """A picture before its network is known, decoded as far as most need; raises ImageError."""
    return decode_reduced(data, shorter_edge=REDUCED_EDGES[0])


def resized_view(picture: Decoded, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """What the network sees, before normalising: RGB pixels, read-only uint8 (crop, crop, 3).

    The picture is resized to what its full size would be resized to. Interpolations that torch has
    not got, and pictures so long and thin that resizing all of them would pass `MAX_PIXELS`, are
    left to `model_view`.
    """
    width, height, left, top = resized_crop(picture.size, preprocessing)
    if preprocessing.interpolation not in FAST or width * height > MAX_PIXELS:
        return np.asarray(model_view(picture.image, preprocessing))
    import torch  # here: who decodes alone needs none of it

    pixels = torch.from_numpy(np.asarray(picture.image)).permute(2, 0, 1)  # (3, H, W)
    whole = picture.is_whole
    with torch.inference_mode():
        resized = torch.nn.functional.interpolate(
            pixels[None],
            (height, width) if whole else None,
            None if whole else _scales(picture, width, height),
            mode=preprocessing.interpolation,
            antialias=True,
        )
    right, bottom = left + preprocessing.crop, top + preprocessing.crop
    view = resized[0].permute(1, 2, 0).numpy()[top:bottom, left:right].copy()
    view.flags.writeable = False
    return view


def _scales(picture: Decoded, width: int, height: int) -> tuple[float, float]:
    """(down, across) by which a reduced picture's pixels are resized to (width, height).

    The last of them may reach beyond the edges of what the file shows, so sizes alone say it wrong.
    """
    pairs = zip(picture.size, picture.image.size, (width, height), strict=True)
    # Of every n pixels one was decoded; torch rounds sizes down, hence a billionth more.
    across, down = (
        math.ceil(full / reduced) * wanted / full * (1 + 1e-9) for full, reduced, wanted in pairs
    )
    return down, across
