"""Untrusted bytes to an RGB picture: `decode` is the boundary.

Whatever the bytes are, it gives an upright 8-bit RGB picture without metadata, or raises
`ImageError` with a sentence.
"""

from __future__ import annotations

import io
import time
import warnings
from dataclasses import dataclass

# Naming the plugins keeps Pillow from ever loading the others (EPS starts Ghostscript).
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from effnet_core.errors import ImageError
from effnet_core.images.colour import to_srgb, wide_profile
from effnet_core.images.costly import LIMITS, refuse_costly
from effnet_core.images.depth import (
    eight_bit_colour,
    eight_bit_grey,
    is_deep_colour,
    is_deep_grey,
)
from effnet_core.images.kinds import kind_of
from effnet_core.limits import MAX_PICTURE_BYTES, MAX_PIXELS

_PLUGINS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    AvifImagePlugin.AvifImageFile,
)
FORMATS: tuple[str, ...] = tuple(str(plugin.format) for plugin in _PLUGINS)
FORMATS_SENTENCE = "AVIF, JPEG, PNG, WebP, GIF, BMP or TIFF"

# What Pillow only warns of is refused here (size) or of no consequence (damaged metadata).
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Decoded:
    """A picture, upright RGB, and the (width, height) that its file's pixels have, upright.

    `image` has fewer where a JPEG was decoded at a fraction of its size. `milliseconds` is how long
    that took. `notes` are sentences: what was made of the file's values that another program might
    have made otherwise.
    """

    image: Image.Image
    size: tuple[int, int]
    milliseconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether `image` has all pixels of the file."""
        return self.image.size == self.size


def decode(data: bytes) -> Image.Image:
    """An upright 8-bit RGB picture from the bytes of a file; of an animation, the first frame.

    Size is judged from the header, before any pixel is decoded; a JPEG of more than MAX_PIXELS
    comes at half its size. Transparency is laid on white, deeper values are scaled to 8 bits as
    `depth` explains (not clipped), colours of wide profiles are converted to sRGB, CMYK and
    palettes to RGB; metadata is dropped, and other profiles are not applied, as in the networks'
    training. Raises `ImageError`: wrong format, over the limits of `limits`, damaged, cut short.
    """
    return decode_reduced(data, shorter_edge=None).image


def opened(data: bytes) -> ImageFile.ImageFile:
    """A picture of which the header alone was read, by one of the allowed formats and no other.

    Raises ImageError. What is costly or damaged further on is refused when it is decoded.
    """
    if not data:
        raise ImageError(f"The file is empty; expected a picture ({FORMATS_SENTENCE}).")
    if len(data) > MAX_PICTURE_BYTES:
        raise ImageError(
            f"The file is larger than the {MAX_PICTURE_BYTES / 1e6:.0f} MB that are accepted; "
            "please send a smaller version."
        )
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"The picture has far too many pixels; at most {LIMITS}. Please send a smaller one."
        ) from error
    except Exception as error:  # on damaged headers Pillow raises a dozen unrelated types
        kind = kind_of(data)
        what = f"{kind}, whatever its name" if kind else "not a readable picture"
        raise ImageError(f"The file is {what}; expected {FORMATS_SENTENCE}.") from error
    return image


def decode_reduced(
    data: bytes,
    *,
    shorter_edge: int | None,
    as_stored: bool = False,
    header: ImageFile.ImageFile | None = None,
) -> Decoded:
    """As `decode`, but a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, several times faster.

    The smallest is taken whose shorter edge has at least `shorter_edge` pixels; a smaller picture,
    every other format, and without an edge every picture, comes as by `decode`. `as_stored` leaves
    colours of wide profiles as the file has them, as data sets are read by all who train on them.
    `header` is what `opened` gave of the same bytes. Raises what `decode` raises.
    """
    start = time.perf_counter()
    image = header or opened(data)
    refuse_costly(image, data)
    size = image.size
    try:
        _draft(image, shorter_edge)
        deep = is_deep_colour(image)
        image.load()
        lying = image.size
        told = eight_bit_colour(image, opened(data)) if deep else ""
        upright = _upright(image)
        rgb, notes = _to_rgb(upright, as_stored=as_stored)
    except ImageError:
        raise
    except Exception as error:  # on damaged data Pillow's decoders raise a dozen unrelated types
        raise ImageError(
            f"The {image.format} file is damaged or cut short; expected a complete picture."
        ) from error
    size = size if upright.size == lying else size[::-1]
    milliseconds = (time.perf_counter() - start) * 1e3
    return Decoded(rgb, size, milliseconds, tuple(filter(None, (told, *notes))))


def _draft(image: ImageFile.ImageFile, shorter_edge: int | None) -> None:
    """Have a JPEG decoded no further than is asked for, and within the limit."""
    short = min(image.size)
    edge = short if shorter_edge is None else shorter_edge
    if image.width * image.height > MAX_PIXELS:
        edge = min(edge, short // 2)
    if edge < short:
        image.draft(None, (edge, edge))


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says, in place."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # noqa: BLE001 - damaged metadata says nothing against the pixels
        return image
    return image


def _to_rgb(image: Image.Image, *, as_stored: bool) -> tuple[Image.Image, tuple[str, ...]]:
    """Any mode to plain 8-bit RGB without metadata, and what there is to be told of it."""
    depth = colour = ""
    profile = None if as_stored else wide_profile(image)
    if is_deep_grey(image):
        image, depth = eight_bit_grey(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        rgb = Image.new("RGB", image.size, "white")
        rgb.paste(rgba, mask=rgba)
    else:
        rgb = image.convert("RGB")
    if profile is not None:
        rgb, colour = to_srgb(rgb, profile)
    rgb.info = {}
    return rgb, (depth, colour)
