"""From the bytes of a picture to the input of a network; without torch.

NumPy and Pillow are imported when something is first asked for: the list of samples needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from effnet_core.images.decoding import (
        FORMATS,
        FORMATS_SENTENCE,
        Decoded,
        decode,
        decode_reduced,
    )
    from effnet_core.images.preprocessing import (
        IMAGENET_MEAN,
        IMAGENET_STD,
        INTERPOLATIONS,
        Preprocessing,
        channel_planes,
        crop_box,
        model_view,
        resized_crop,
        to_input,
    )

__all__ = [
    "FORMATS",
    "FORMATS_SENTENCE",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "INTERPOLATIONS",
    "Decoded",
    "Preprocessing",
    "channel_planes",
    "crop_box",
    "decode",
    "decode_reduced",
    "model_view",
    "resized_crop",
    "to_input",
]


def __getattr__(name: str) -> object:
    """Load what works on pictures on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from effnet_core.images import decoding, preprocessing

    return getattr(decoding if hasattr(decoding, name) else preprocessing, name)
