"""How far a picture is decoded for a network, and what the network sees of it.

Of a picture that was decoded whole that is `images.model_view`, to the digit what torchvision and
timm make of it. Of a large JPEG decoded at a fraction it is nearly the same, much sooner.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from effnet_core.images import (
    INTERPOLATIONS,
    Decoded,
    Preprocessing,
    decode_reduced,
    model_view,
    resized_crop,
)
from effnet_core.limits import MAX_PIXELS

SMOOTH = ("bilinear", "bicubic")
"""The interpolations that hardly show who made a picture smaller at first."""

REDUCED_EDGES = (600, 1200)
"""The shorter edges that a JPEG keeps when it is decoded at a fraction of its size, for networks
that resize to half as many pixels at most: B0 to B2, and up to B7."""


def edge_for(preprocessing: Preprocessing) -> int | None:
    """Of `REDUCED_EDGES` the one that a JPEG keeps for this network; None where it comes whole.

    It is at least twice what the network resizes to, so that what it sees hardly depends on who
    made the picture smaller at first.
    """
    if preprocessing.interpolation not in SMOOTH:
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

    The picture is resized to what its full size would be resized to. One so long and thin that
    resizing all of it would pass `MAX_PIXELS` is left to `model_view`.
    """
    width, height, left, top = resized_crop(picture.size, preprocessing)
    view = picture.image
    if picture.is_whole or width * height > MAX_PIXELS:
        view = model_view(view, preprocessing)
    else:
        # Of every n pixels one was decoded; the last may reach beyond what the file shows.
        edges = zip(picture.size, picture.image.size, strict=True)
        right, bottom = (full / -(-full // reduced) for full, reduced in edges)
        crop, filter_ = preprocessing.crop, INTERPOLATIONS[preprocessing.interpolation]
        view = view.resize((width, height), filter_, box=(0, 0, right, bottom))
        view = view.crop((left, top, left + crop, top + crop))
    pixels = np.asarray(view)
    pixels.flags.writeable = False
    return pixels
