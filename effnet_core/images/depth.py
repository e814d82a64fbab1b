"""More than eight bits a channel to eight: which value is white is taken from what is there."""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from effnet_core.errors import ImageError

WHITES: tuple[int, ...] = (255, 1023, 4095, 16_383, 65_535)
"""The whites of 8, 10, 12, 14 and 16 bits, which cameras and scanners put into wider integers."""

_BITS_PER_SAMPLE, _PLANES = 258, 284  # TIFF tags
_DARK = 63  # upper byte of the white of 14 bits
_UNKNOWN_WHITE = (
    "The picture holds 32-bit values whose white is unknown; expected values from 0 to 1, or from "
    "0 to 65,535."
)
_OTHER_BYTE = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


def is_deep_grey(image: Image.Image) -> bool:
    """Whether a picture is grey of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def eight_bit_grey(image: Image.Image) -> tuple[Image.Image, str]:
    """Deep grey scaled to 8 bits, and a sentence where its white is not that of the format.

    A TIFF of 9 to 15 bits says its own white. Otherwise the white is the least of `WHITES` that no
    value exceeds, and 1 for floats that do not exceed that. Raises ImageError for values below 0
    or above every white, and for floats that are no numbers.
    """
    values, floats = np.asarray(image), image.mode == "F"
    if (floats and not np.isfinite(values).all()) or values.min() < 0:
        raise ImageError(_UNKNOWN_WHITE)
    bits, largest = _declared_bits(image), float(values.max())
    if not floats and 8 < bits < 16:
        white, usual = 2**bits - 1, True
    else:
        white = _white((1, *WHITES) if floats else WHITES, largest)
        usual = white == (1 if floats else WHITES[-1])
    if largest > white:
        raise ImageError(_UNKNOWN_WHITE)
    if floats:
        scaled = np.round(values.astype(np.float64) * (255 / white)).astype(np.uint8)
    else:  # by a table: a value costs two bytes of memory instead of sixteen
        scaled = np.round(np.arange(largest + 1) * (255 / white)).astype(np.uint8)[values]
    picture = Image.fromarray(scaled)
    return picture, "" if usual else _sentence("grey", bits, largest, white)


def is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether a picture not yet loaded has 16 bits a channel, of which Pillow keeps the upper 8.

    Raises ImageError for those that it takes for what they are not.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_PLANES) == 2:
        deep = max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) > 8
        if deep and any(tile.codec_name == "raw" for tile in image.tile):
            raise ImageError(
                "The TIFF holds its 16-bit colours one after the other; save it with the colours "
                "of each pixel together, or with 8 bits a channel."
            )
    return any(";16" in _rawmode(tile) for tile in image.tile) and not is_deep_grey(image)


def eight_bit_colour(image: Image.Image, again: ImageFile.ImageFile) -> str:
    """Scale a loaded picture of `is_deep_colour`, in place, if its values use fewer than 16 bits.

    Where the upper bytes are those of 14 bits at most, the lower ones are read from the same file,
    opened `again`. The sentence is as of `eight_bit_grey`. Raises ImageError where they cannot be.
    """
    bands = image.getbands()
    colours = len(bands) - (bands[-1] == "A")
    pixels = np.array(image)
    if pixels[..., :colours].max() > _DARK:
        return ""
    again.tile = [_swapped(tile) for tile in again.tile]
    try:
        again.load()
    except ValueError:
        raise ImageError(
            "The picture holds 16-bit grey with transparency, of which only the lowest bits are "
            "used; save it with 8 bits a channel."
        ) from None
    values = pixels[..., :colours].astype(np.uint16) * 256 + np.asarray(again)[..., :colours]
    largest = int(values.max())
    white = _white(WHITES, largest)
    if white == WHITES[-1]:
        return ""
    pixels[..., :colours] = np.round(values * (255 / white))
    image.frombytes(pixels.tobytes())
    return _sentence("colour", 16, largest, white)


def _declared_bits(image: Image.Image) -> int:
    """Bits of a value as the file says, where they are not those of 16-bit grey."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0])
    return 16


def _white(whites: tuple[int, ...], largest: float) -> int:
    return next((white for white in whites if largest <= white), whites[-1])


def _sentence(what: str, bits: int, largest: float, white: int) -> str:
    return (
        f"The {what} values of {bits} bits end at {largest:,.6g}, so that {white:,} was taken for "
        "white."
    )


def _rawmode(tile: ImageFile._Tile) -> str:
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return str(arguments[0]) if arguments else ""


def _swapped(tile: ImageFile._Tile) -> ImageFile._Tile:
    """The tile read by the other order of bytes, so that what Pillow keeps is the lower one."""
    rawmode = _rawmode(tile)
    other = rawmode[:-1] + _OTHER_BYTE[rawmode[-1]]
    arguments = (other, *tile.args[1:]) if isinstance(tile.args, tuple) else other
    return tile._replace(args=arguments)
