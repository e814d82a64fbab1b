"""What a network sees of a picture, resized by torch: several times faster than by Pillow.

`images.model_view` equals torchvision's transforms on Pillow images to the digit; `quick_view` its
transforms on tensors. They differ by a level of 255 at some of the values (0.3 % where 500 pixels
become 341), for torch rounds an interpolation's weights to 16 bits; by more, 7 at most in 1,500
drawn sizes, at under 0.1 %.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from effnet_core.images import (
    MAX_PIXELS,
    Decoded,
    Preprocessing,
    decode,
    decode_reduced,
    model_view,
    resized_crop,
)

# Pillow gives its bytes read-only, and nothing here writes.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")

FAST = ("bilinear", "bicubic")
"""The interpolations that torch has for bytes."""

REDUCED_EDGE = 1200
"""The shortest edge that a JPEG is decoded to at a fraction of its size: twice B7's resolution."""


def takes_reduced(preprocessing: Preprocessing) -> bool:
    """Whether a picture of `REDUCED_EDGE` still is at least twice what the network's is resized to.

    Then what the network sees hardly depends on who made the picture smaller at first.
    """
    return preprocessing.interpolation in FAST and 2 * preprocessing.resize <= REDUCED_EDGE


def decode_for(data: bytes, preprocessing: Preprocessing) -> Decoded:
    """A picture's bytes, decoded as far as this network needs; raises ImageError as `decode`."""
    if takes_reduced(preprocessing):
        return decode_reduced(data, shorter_edge=REDUCED_EDGE)
    image = decode(data)
    return Decoded(image, image.size)


def quick_view(picture: Decoded, preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    """What the network sees, before normalising: RGB pixels, read-only uint8 (crop, crop, 3).

    The picture is resized to what its full size would be resized to. Interpolations that torch has
    not got, and pictures so long and thin that resizing all of them would pass `MAX_PIXELS`, are
    left to `model_view`.
    """
    width, height, left, top = resized_crop(picture.size, preprocessing)
    if preprocessing.interpolation not in FAST or width * height > MAX_PIXELS:
        return np.asarray(model_view(picture.image, preprocessing))
    pixels = torch.from_numpy(np.asarray(picture.image)).permute(2, 0, 1)  # (3, H, W)
    with torch.inference_mode():
        resized = functional.interpolate(
            pixels[None], (height, width), mode=preprocessing.interpolation, antialias=True
        )
    right, bottom = left + preprocessing.crop, top + preprocessing.crop
    view = resized[0].permute(1, 2, 0).numpy()[top:bottom, left:right].copy()
    view.flags.writeable = False
    return view
