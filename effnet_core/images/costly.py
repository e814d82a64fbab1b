"""Small files that would cost much: refused by their headers, before any pixel is decoded."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import ImageFile, JpegImagePlugin, TiffImagePlugin

from effnet_core.errors import ImageError
from effnet_core.images.depth import is_deep_colour, is_deep_grey
from effnet_core.limits import (
    MAX_AVIF_PIXELS,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_CLEAR_PIXELS,
    MAX_DEEP_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_JPEG_SCANS,
    MAX_PACKED_BYTES,
    MAX_PIXELS,
    MAX_SCANNED_PIXELS,
    MAX_SIDE,
)

_TILE_WIDTH, _TILE_HEIGHT, _COMPRESSION = 322, 323, 259  # TIFF tags
_UNPACKED = (1, None)
_START_OF_SCAN = 0xDA
_SEQUENTIAL, _OTHER_FRAMES = (0xC0, 0xC1), (0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xD0))
_PNG_PIXELS = b"IDAT"
LIMITS = (
    f"{MAX_PIXELS / 1e6:.0f} million pixels ({MAX_JPEG_PIXELS / 1e6:.0f} of a JPEG that is not "
    f"progressive, {MAX_CLEAR_PIXELS / 1e6:.0f} of a WebP or with transparency, "
    f"{MAX_DEEP_PIXELS / 1e6:.0f} with more than 8 bits a channel, {MAX_AVIF_PIXELS / 1e6:.0f} of "
    "an AVIF)"
)
"""What is accepted, to follow "at most"."""


def refuse_costly(image: ImageFile.ImageFile, data: bytes) -> None:
    """Raise ImageError for a picture beyond the limits of its kind; `image` is not yet loaded."""
    for width, height in _sizes(image):
        _refuse_oversized(width, height, *_most(image, data))
    _refuse_scans(image, data)
    if image.format == "PNG":
        _refuse_chunks(data)
    if len(data) > MAX_PACKED_BYTES and _is_packed(image):
        raise ImageError(
            f"The {image.format} has {len(data) / 1e6:,.0f} MB to unpack; at most "
            f"{MAX_PACKED_BYTES / 1e6:.0f} are accepted. Save it as JPEG, or smaller."
        )


def _is_jpeg(image: ImageFile.ImageFile) -> bool:
    return isinstance(image, JpegImagePlugin.JpegImageFile)


def _is_packed(image: ImageFile.ImageFile) -> bool:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2.get(_COMPRESSION) not in _UNPACKED
    return image.format == "PNG"


def _sizes(image: ImageFile.ImageFile) -> Iterator[tuple[int, int]]:
    """The picture's size, and that of a TIFF's tiles."""
    yield image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tile = (image.tag_v2.get(_TILE_WIDTH, 0), image.tag_v2.get(_TILE_HEIGHT, 0))
        if all(type(edge) is int for edge in tile):
            yield tile


def _most(image: ImageFile.ImageFile, data: bytes) -> tuple[int, str]:
    """How many pixels are accepted of such a picture, and of what in words.

    A JPEG in one scan is decoded row by row, at a fraction without its full size ever being in
    memory; of any other the coefficients are all held first.
    """
    if _is_jpeg(image):
        many = f"{MAX_JPEG_PIXELS / 1e6:.0f} of a JPEG that is not progressive"
        return (MAX_JPEG_PIXELS if _is_one_scan(data) else MAX_PIXELS), f" ({many})"
    if image.format == "AVIF":
        return MAX_AVIF_PIXELS, " of an AVIF"
    if is_deep_grey(image) or is_deep_colour(image):
        return MAX_DEEP_PIXELS, " of a picture with more than 8 bits a channel"
    if image.format == "WEBP" or image.has_transparency_data:
        kind = "a WebP" if image.format == "WEBP" else "a picture with transparency"
        return MAX_CLEAR_PIXELS, f" of {kind}"
    return MAX_PIXELS, ""


def _refuse_oversized(width: int, height: int, most: int, words: str) -> None:
    if width * height > most:
        raise ImageError(
            f"The picture has {width * height / 1e6:,.0f} million pixels ({width:,} × {height:,}); "
            f"at most {min(most, MAX_PIXELS) / 1e6:.0f} million are accepted{words}."
        )
    if max(width, height) > MAX_SIDE and width * height > MAX_SIDE:
        raise ImageError(
            f"The picture is {width:,} × {height:,} pixels; a side may have {MAX_SIDE:,}."
        )


def scans(image: ImageFile.ImageFile, data: bytes) -> float:
    """How often a JPEG's pixels are passed over, or those of a TIFF of JPEGs; 1 for any other."""
    parts = 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(_COMPRESSION) not in (6, 7):
            return 1.0
        parts = max(1, len(image.tile))
    elif not _is_jpeg(image):
        return 1.0
    return max(1.0, data.count(b"\xff\xda") / parts)


def _refuse_scans(image: ImageFile.ImageFile, data: bytes) -> None:
    """Refuse a picture whose pixels are passed over again and again."""
    count, pixels = scans(image, data), image.width * image.height
    if count > MAX_JPEG_SCANS or count * pixels > MAX_SCANNED_PIXELS:
        raise ImageError(
            f"The {image.format} passes over its {pixels / 1e6:,.1f} million pixels in "
            f"{count:,.0f} scans; expected one saved the usual way."
        )


def _refuse_chunks(data: bytes) -> None:
    """Refuse a PNG of very many pieces, or with much besides its pixels."""
    place, chunks, others = 8, 0, 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunks += 1
        if data[place + 4 : place + 8] != _PNG_PIXELS:
            others += min(length, len(data) - place)
        if chunks > MAX_CHUNKS or others > MAX_CHUNK_BYTES:
            raise ImageError(
                "The PNG holds little but text or very many small pieces; save the picture anew."
            )
        place += 12 + length


def _is_one_scan(data: bytes) -> bool:
    """Whether a JPEG's first scan is its only one: sequential, with all channels of the frame."""
    channels = 0
    for marker, begin in _segments(data):
        if marker in _OTHER_FRAMES:
            return False
        if marker in _SEQUENTIAL:
            channels = data[begin + 5]  # after precision, height and width
        elif marker == _START_OF_SCAN:
            return data[begin] == channels
    return False


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its contents begin) of a JPEG's segments up to its first scan."""
    place = 2
    while place + 10 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        yield marker, place + 4
        if marker == _START_OF_SCAN:
            return
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
