"""Untrusted bytes to an RGB picture, and the preprocessing that belongs to a set of weights.

`decode` is the boundary: whatever the bytes are, it gives an upright 8-bit RGB picture without
metadata, or raises `ImageError` with a sentence. `model_view` and `to_input` then do what the
networks were tested with: resize the shorter edge, crop the centre, normalise. Both equal
torchvision's and timm's evaluation transforms on Pillow images to the digit.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

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

from effnet_core.errors import ImageError, InvalidInput

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
MAX_PIXELS = 40_000_000
MAX_BYTES = 128_000_000  # MAX_PIXELS uncompressed, and some room
MAX_JPEG_SCANS = 64  # a progressive JPEG has about 10; each scan passes over every pixel again
INTERPOLATIONS: dict[str, Image.Resampling] = {
    name: Image.Resampling[name.upper()]
    for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_TILE_WIDTH, _TILE_HEIGHT, _BITS_PER_SAMPLE = 322, 323, 258  # TIFF tags

# What Pillow only warns of is refused here (size) or of no consequence (damaged metadata).
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a picture becomes the input of a network.

    The shorter edge is resized to `resize` pixels with `interpolation` (one of `INTERPOLATIONS`),
    the central `crop` × `crop` pixels are cut out, and each channel, scaled to [0, 1], is
    normalised with `mean` and `std` (red, green, blue). `resize` is never below `crop`, so no
    border is ever invented. Raises `InvalidInput`.
    """

    resize: int
    crop: int
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if not (_is_whole(self.resize) and _is_whole(self.crop) and 1 <= self.crop <= self.resize):
            raise InvalidInput(
                "The crop must be at least 1 pixel and at most the resized shorter edge, both "
                f"whole numbers, but the crop is {self.crop} and the edge {self.resize}."
            )
        if self.interpolation not in INTERPOLATIONS:
            raise InvalidInput(
                f"The interpolation must be one of {', '.join(INTERPOLATIONS)}, "
                f"not {self.interpolation!r}."
            )
        if not (_is_triple(self.mean) and _is_triple(self.std) and min(self.std) > 0):
            raise InvalidInput(
                "The mean and the standard deviation must be three numbers each (red, green, "
                f"blue), the latter above 0, but they are {self.mean} and {self.std}."
            )

    @classmethod
    def imagenet(
        cls, resolution: int, *, crop_ratio: float = 0.875, interpolation: str = "bicubic"
    ) -> Preprocessing:
        """The usual ImageNet evaluation: resize to ⌊resolution / crop_ratio⌋, crop `resolution`."""
        if not 0 < crop_ratio <= 1:
            raise InvalidInput(f"The crop ratio must be above 0 and at most 1, not {crop_ratio}.")
        resize = math.floor(resolution / crop_ratio)
        return cls(resize=resize, crop=resolution, interpolation=interpolation)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `to_dict`, for untrusted metadata. Raises `InvalidInput`."""
        fields = dict(values)
        for name in ("mean", "std"):
            if isinstance(fields.get(name), (list, tuple)):
                fields[name] = tuple(fields[name])
        try:
            return cls(**fields)
        except TypeError as error:
            raise InvalidInput(
                "Preprocessing needs resize and crop, and may give interpolation, mean and std, "
                f"but it gives {', '.join(map(str, fields)) or 'nothing'}."
            ) from error


def decode(data: bytes, *, max_side: int | None = None) -> Image.Image:
    """An upright 8-bit RGB picture from the bytes of a file; of an animation, the first frame.

    Size is judged from the header, before any pixel is decoded. Transparency is laid on white,
    16-bit grey is scaled (not clipped), CMYK and palettes are converted; metadata is dropped and
    colour profiles are not applied, as in the networks' training.
    With `max_side` the longer edge is at most that many pixels: large JPEGs are then decoded at a
    fraction of their size, much faster and nearly equal to a full decode. None is exact.
    Raises `ImageError`: wrong format, over `MAX_PIXELS` or `MAX_BYTES`, damaged, cut short.
    """
    image = _open(data)
    _refuse_oversized(image)
    try:
        if max_side is not None:
            image.draft(None, (2 * max_side, 2 * max_side))
        image.load()
        rgb = _to_rgb(_upright(image))
    except ImageError:
        raise
    except Exception as error:  # on damaged data Pillow's decoders raise a dozen unrelated types
        raise ImageError(
            f"The {image.format} file is damaged or cut short; expected a complete picture."
        ) from error
    if max_side is not None:
        rgb.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    return rgb


def model_view(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """What the network sees, before normalising: crop × crop RGB pixels of an RGB picture.

    Equals torchvision's and timm's evaluation transforms exactly, except on pictures so long
    and thin that the resized picture would pass `MAX_PIXELS`: there only the crop is resized.
    """
    crop = preprocessing.crop
    filter_ = INTERPOLATIONS[preprocessing.interpolation]
    width, height, left, top = _resized_crop(image.size, preprocessing)
    if width * height > MAX_PIXELS:
        return image.resize((crop, crop), filter_, box=crop_box(image.size, preprocessing))
    return image.resize((width, height), filter_).crop((left, top, left + crop, top + crop))


def crop_box(
    size: tuple[int, int], preprocessing: Preprocessing
) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the model's view, in pixels of a picture of (width, height).

    Fractions of a pixel are kept: the crop is cut after resizing.
    """
    width, height, left, top = _resized_crop(size, preprocessing)
    per_x, per_y = size[0] / width, size[1] / height
    right, bottom = left + preprocessing.crop, top + preprocessing.crop
    return (
        left * per_x,
        top * per_y,
        min(right * per_x, float(size[0])),
        min(bottom * per_y, float(size[1])),
    )


def to_input(view: Image.Image, preprocessing: Preprocessing) -> npt.NDArray[np.float32]:
    """The normalised network input, float32 (3, crop, crop), of a `model_view`."""
    pixels = np.asarray(view, dtype=np.float32) / np.float32(255)  # (crop, crop, 3)
    mean = np.asarray(preprocessing.mean, dtype=np.float32)
    std = np.asarray(preprocessing.std, dtype=np.float32)
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1))


def _open(data: bytes) -> ImageFile.ImageFile:
    """The file's header, read by one of the six allowed formats and no other."""
    if not data:
        raise ImageError(f"The file is empty; expected a picture ({FORMATS_SENTENCE}).")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"The file is larger than the {MAX_BYTES / 1e6:.0f} MB that are accepted; please send "
            "a smaller version."
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
        if all(_is_whole(edge) for edge in tile):
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


def _resized_crop(size: tuple[int, int], p: Preprocessing) -> tuple[int, int, int, int]:
    """(width, height) after resizing the shorter edge, and (left, top) of the crop in it.

    The longer edge is truncated and the crop's corner rounded half to even, as torchvision does.
    """
    short = min(size)
    width, height = (p.resize if edge == short else p.resize * edge // short for edge in size)
    return width, height, round((width - p.crop) / 2), round((height - p.crop) / 2)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_triple(values: object) -> bool:
    return (
        isinstance(values, tuple)
        and len(values) == 3
        and all(isinstance(v, Real) and math.isfinite(v) for v in values)
    )
