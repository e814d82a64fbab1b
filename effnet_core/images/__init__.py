"""From the bytes of a picture to the input of a network; without torch."""

from effnet_core.images.decoding import FORMATS, FORMATS_SENTENCE, Decoded, decode, decode_reduced
from effnet_core.images.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INTERPOLATIONS,
    Preprocessing,
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
    "crop_box",
    "decode",
    "decode_reduced",
    "model_view",
    "resized_crop",
    "to_input",
]
