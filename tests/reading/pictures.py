"""Picture formats by the depth of their values, with what becomes of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from effnet_core.errors import ImageError
from effnet_core.images import decode_reduced

SHARES = np.array([[0.0, 0.25, 0.5, 1.0]])
"""How bright the pixels of every picture of the table are, of its white."""

DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
"""X, Y, Z of its red, green and blue, adapted to D50 (as in Apple's profile of that name)."""

_MORE, _BODY = 256, 512  # where values that do not fit into a TIFF's directory lie, and the pixels


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of picture: `make` gives the bytes of one whose pixels are SHARES of white.

    `tolerance` is by how many of 255 levels they may be off, `note` a part of what is said of it,
    and `refused` a part of the sentence of what is not read.
    """

    format: str
    values: str
    make: Callable[[], bytes] = field(repr=False)
    tolerance: int = 1
    note: str = ""
    refused: str = ""

    @property
    def outcome(self) -> str:
        """What becomes of it, by decoding it."""
        try:
            found = decode_reduced(self.make(), shorter_edge=None)
        except ImageError as error:
            return f"Not read: “{error}”"
        size = "" if found.is_whole else ", at half its size"
        return f"8-bit sRGB{size}" + "".join(f". “{note}”" for note in found.notes)


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def shares_of(white: float, dtype: str, channels: int = 1) -> npt.NDArray[Any]:
    """SHARES of a white, in every channel."""
    values = SHARES * white
    if not dtype.startswith("f"):
        values = np.round(values)
    return np.repeat(values.astype(dtype)[..., None], channels, axis=2).squeeze()[None][0:1]


def of_mode(mode: str, format_: str, **options: Any) -> bytes:
    """SHARES of 8-bit white in a Pillow mode, 16 × 16 pixels each, so that JPEG keeps them."""
    grey = np.kron(np.round(SHARES * 255), np.ones((16, 16))).astype(np.uint8)
    return encoded(Image.fromarray(grey).convert("RGB").convert(mode), format_, **options)


def grey_tiff(white: float, dtype: str) -> bytes:
    """SHARES of a white as grey of this type in a TIFF."""
    return encoded(Image.fromarray(shares_of(white, dtype)), "TIFF")


def deep_png(white: int, channels: int) -> bytes:
    """SHARES of a white in a PNG of 16 bits and 1 (grey), 2, 3 or 4 channels; alpha is whole."""
    pixels = shares_of(white, ">u2", channels).reshape(1, 4, channels)
    if channels in (2, 4):
        pixels[..., -1] = 65_535
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", 4, 1, 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def deep_tiff(white: int, order: str = "<", planes: int = 1) -> bytes:
    """SHARES of a white in a TIFF of three channels of 16 bits, uncompressed.

    `order` is "<" for the low byte first, and `planes` 2 where each channel is in a strip of its
    own.
    """
    pixels = shares_of(white, f"{order}u2", 3).reshape(1, 4, 3)
    body, strips = (pixels, 1) if planes == 1 else (np.moveaxis(pixels, 2, 0), 3)
    length = pixels.nbytes // strips
    tags = {
        256: (4,), 257: (1,), 258: (16, 16, 16), 259: (1,), 262: (2,), 277: (3,), 278: (1,),
        273: tuple(_BODY + strip * length for strip in range(strips)), 279: (length,) * strips,
        284: (planes,),
    }  # fmt: skip
    directory, more = struct.pack(f"{order}H", len(tags)), b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place, more = _MORE + len(more), more + packed
            packed = struct.pack(f"{order}I", place)
        directory += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + directory
    return (head.ljust(_MORE, b"\0") + more).ljust(_BODY, b"\0") + body.tobytes()


def wide_profile() -> bytes:
    """A profile of Display P3: that of sRGB with other primaries."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", made, 128)
    for entry in range(132, 132 + 12 * count, 12):
        name, place = struct.unpack_from(">4sI", made, entry)
        if name == b"desc":
            start = bytes(made).index("sRGB built-in".encode("utf-16-be"), place)
            made[start : start + 26] = "Display P3   ".encode("utf-16-be")
        if name in (b"rXYZ", b"gXYZ", b"bXYZ"):
            primary = DISPLAY_P3["rgb".index(chr(name[0]))]
            struct.pack_into(">3i", made, place + 8, *(round(65_536 * value) for value in primary))
    return bytes(made)


def in_srgb(image: Image.Image) -> Image.Image:
    """An RGB picture as those who honour its profile see it: by Pillow, if that is Adobe's."""
    profile = image.info.get("icc_profile")
    if profile is None or b"Adobe RGB" not in profile:
        return image.convert("RGB")
    converted = ImageCms.profileToProfile(
        image.convert("RGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert converted is not None
    return converted


def large_jpeg(**options: Any) -> bytes:
    """SHARES of white, 48 million pixels as a telephone takes them."""
    grey = Image.fromarray(np.round(SHARES * 255).astype(np.uint8))
    return encoded(grey.resize((8064, 6048), Image.Resampling.NEAREST), "JPEG", **options)


def of_brand(brand: bytes) -> bytes:
    """The beginning of a file in the container that HEIC, AVIF and films share."""
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + brand + bytes(400)


PICTURES: tuple[Row, ...] = (
    *(
        Row(format=format_, values=values, make=partial(of_mode, mode, format_.split()[0], **more),
            tolerance=tolerance)
        for format_, values, mode, tolerance, more in (
            ("JPEG", "8-bit colour", "RGB", 3, {}),
            ("JPEG", "8-bit grey", "L", 3, {}),
            ("JPEG", "8-bit CMYK", "CMYK", 4, {}),
            ("JPEG progressive", "8-bit colour", "RGB", 3, {"progressive": True}),
            ("PNG", "8-bit colour", "RGB", 0, {}),
            ("PNG", "8-bit colour with transparency", "RGBA", 0, {}),
            ("PNG", "8-bit grey", "L", 0, {}),
            ("PNG", "palette", "P", 26, {}),
            ("WebP", "8-bit colour", "RGB", 4, {}),
            ("AVIF", "8-bit colour", "RGB", 4, {}),
            ("AVIF", "8-bit colour with transparency", "RGBA", 4, {}),
            ("AVIF", "8-bit grey", "L", 4, {}),
            ("GIF", "palette", "L", 0, {}),
            ("BMP", "8-bit colour", "RGB", 0, {}),
            ("TIFF", "8-bit colour", "RGB", 0, {}),
            ("TIFF", "8-bit CMYK", "CMYK", 0, {}),
        )
    ),
    *(
        Row(format="PNG", values=f"16-bit {name}{holding}", make=partial(deep_png, white, channels),
            note=note)
        for channels, name in ((1, "grey"), (3, "colour"), (4, "colour with transparency"))
        for white, holding, note in (
            (65_535, "", ""),
            (16_383, " that holds 14 bits", "16,383 was taken for white"),
            (4095, " that holds 12 bits", "4,095 was taken for white"),
            (1023, " that holds 10 bits", "1,023 was taken for white"),
            (255, " that holds 8 bits", "255 was taken for white"),
        )
    ),
    Row(format="PNG", values="16-bit grey with transparency", make=partial(deep_png, 65_535, 2)),
    Row(format="PNG", values="16-bit grey with transparency that holds 12 bits",
        make=partial(deep_png, 4095, 2), refused="save it with 8 bits a channel"),
    *(
        Row(format="TIFF", values=values, make=partial(grey_tiff, white, dtype), note=note,
            refused=refused)
        for values, white, dtype, note, refused in (
            ("16-bit grey", 65_535, "u2", "", ""),
            ("16-bit grey that holds 12 bits", 4095, "u2", "4,095 was taken for white", ""),
            ("32-bit integers to 255", 255, "i4", "255 was taken for white", ""),
            ("32-bit integers to 4,095", 4095, "i4", "4,095 was taken for white", ""),
            ("32-bit integers to 65,535", 65_535, "i4", "", ""),
            ("32-bit integers to 1,000,000", 10**6, "i4", "", "32-bit values whose white"),
            ("floats to 1", 1, "f4", "", ""),
            ("floats to 255", 255, "f4", "255 was taken for white", ""),
            ("floats to 65,535", 65_535, "f4", "65,535 was taken for white", ""),
            ("floats below 0", -1, "f4", "", "32-bit values whose white"),
            ("floats that are no numbers", float("nan"), "f4", "", "32-bit values whose white"),
        )
    ),
    Row(format="TIFF", values="16-bit colour", make=partial(deep_tiff, 65_535)),
    Row(format="TIFF", values="16-bit colour that holds 12 bits", make=partial(deep_tiff, 4095),
        note="4,095 was taken for white"),
    Row(format="TIFF", values="16-bit colour that holds 12 bits, high byte first",
        make=partial(deep_tiff, 4095, ">"), note="4,095 was taken for white"),
    Row(format="TIFF", values="16-bit colour, one colour after the other",
        make=partial(deep_tiff, 65_535, "<", 2), refused="one after the other"),
    Row(format="JPEG", values="8-bit colour in Display P3", tolerance=4,
        make=lambda: of_mode("RGB", "JPEG", icc_profile=wide_profile()), note="to sRGB"),
    Row(format="JPEG", values="48 million pixels", make=large_jpeg, tolerance=3),
    Row(format="JPEG progressive", values="48 million pixels",
        make=partial(large_jpeg, progressive=True), refused="of a JPEG that is not progressive"),
    *(
        Row(format=format_, values="any", make=partial(bytes, start),
            refused=f"The file is {kind}, whatever its name")
        for format_, kind, start in (
            ("HEIC", "HEIC", of_brand(b"heic")),
            ("JPEG XL", "JPEG XL", b"\xff\x0a" + bytes(99)),
            ("JPEG 2000", "JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99)),
            ("Photoshop", "Photoshop", b"8BPS\0\1" + bytes(99)),
            ("Canon CR3", "camera raw", of_brand(b"crx ")),
            ("Canon CR2", "camera raw", b"II*\0\x10\0\0\0CR\2\0" + bytes(99)),
            ("SVG", "SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("PDF", "PDF", b"%PDF-1.7\n"),
        )
    ),
)  # fmt: skip
