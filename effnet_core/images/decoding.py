"""Untrusted bytes to an RGB picture: `decode` is the boundary.

Whatever the bytes are, it gives an upright 8-bit RGB picture without metadata, or raises
`ImageError` with a sentence.
"""

from __future__ import annotations

import io
import time
import warnings
from dataclasses import dataclass

import numpy as np

# Naming the plugins keeps Pillow from ever loading the others (EPS starts Ghostscript).
from PIL import (
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
from effnet_core.limits import MAX_JPEG_SCANS, MAX_PICTURE_BYTES, MAX_PIXELS

_PLUGINS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
)
FORMATS: tuple[str, ...] = tuple(str(plugin.format) for plugin in _PLUGINS)
FORMATS_SENTENCE = "JPEG, PNG, WebP, GIF, BMP or TIFF"
_TILE_WIDTH, _TILE_HEIGHT, _BITS_PER_SAMPLE = 322, 323, 258  # TIFF tags

# What Pillow only warns of is refused here (size) or of no consequence (damaged metadata).
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Decoded:
    """A picture, upright RGB, and the (width, height) that its file's pixels have, upright.

    `image` has fewer where a JPEG was decoded at a fraction of its size. `milliseconds` is how long
    that took.
    """

    image: Image.Image
    size: tuple[int, int]
    milliseconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether `image` has all pixels of the file."""
        return self.image.size == self.size


def decode(data: bytes) -> Image.Image:
    """An upright 8-bit RGB picture from the bytes of a file; of an animation, the first frame.

    Size is judged from the header, before any pixel is decoded. Transparency is laid on white,
    16-bit grey is scaled (not clipped), CMYK and palettes are converted; metadata is dropped and
    colour profiles are not applied, as in the networks' training.
    Raises `ImageError`: wrong format, over the limits of `limits`, damaged, cut short.
    """
    return decode_reduced(data, shorter_edge=None).image


def decode_reduced(data: bytes, *, shorter_edge: int | None) -> Decoded:
    """As `decode`, but a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, several times faster.

    The smallest is taken whose shorter edge has at least `shorter_edge` pixels; a smaller picture,
    every other format, and without an edge every picture, comes whole. Raises what `decode` raises.
    """
    start = time.perf_counter()
    image = _open(data)
    _refuse_oversized(image)
    size = image.size
    try:
        if shorter_edge is not None:
            image.draft(None, (shorter_edge, shorter_edge))
        image.load()
        lying = image.size
        upright = _upright(image)
        rgb = _to_rgb(upright)
    except ImageError:
        raise
    except Exception as error:  # on damaged data Pillow's decoders raise a dozen unrelated types
        raise ImageError(
            f"The {image.format} file is damaged or cut short; expected a complete picture."
        ) from error
    size = size if upright.size == lying else size[::-1]
    return Decoded(rgb, size, (time.perf_counter() - start) * 1e3)


def _open(data: bytes) -> ImageFile.ImageFile:
    """The file's header, read by one of the six allowed formats and no other."""
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
            f"The picture has far more than the {MAX_PIXELS / 1e6:.0f} million pixels that are "
            "accepted; please send a smaller version."
        ) from error
    except Exception as error:  # on damaged headers Pillow raises a dozen unrelated types
        raise ImageError(
            f"The file is not a readable picture; expected {FORMATS_SENTENCE}."
        ) from error
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise ImageError(
            f"The JPEG has more than {MAX_JPEG_SCANS} scans; expected one saved the usual way."
        )
    return image


def _refuse_oversized(image: ImageFile.ImageFile) -> None:
    """Refuse by the header alone: the picture's size, and the size of a TIFF's tiles."""
    sizes = [image.size]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tile = (image.tag_v2.get(_TILE_WIDTH, 0), image.tag_v2.get(_TILE_HEIGHT, 0))
        if all(type(edge) is int for edge in tile):
            sizes.append(tile)
    for width, height in sizes:
        if width * height > MAX_PIXELS:
            raise ImageError(
                f"The picture has {width * height / 1e6:,.0f} million pixels "
                f"({width:,} × {height:,}); at most {MAX_PIXELS / 1e6:.0f} million are accepted."
            )


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says, in place."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # noqa: BLE001 - damaged metadata says nothing against the pixels
        return image
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode to plain 8-bit RGB without metadata."""
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bit_grey(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(rgba, mask=rgba)
    rgb = image.convert("RGB")
    rgb.info = {}
    return rgb


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits, scaled so that the format's white stays white."""
    bits = 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = min(16, image.tag_v2.get(_BITS_PER_SAMPLE, (bits,))[0])
    white = 2**bits - 1
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > white:
        raise ImageError(
            "The picture holds 32-bit values whose white is unknown; expected 8 or 16 bits a "
            "channel."
        )
    scale = np.round(np.arange(white + 1) * (255 / white)).astype(np.uint8)
    return Image.fromarray(scale[values])
