"""The preprocessing that belongs to a set of weights: resize, crop the centre, normalise.

`model_view` and `to_input` equal torchvision's and timm's evaluation transforms on Pillow images
to the digit.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from effnet_core.errors import InvalidInput
from effnet_core.files import Unfit, conform
from effnet_core.limits import MAX_EDGE, MAX_MEAN, MAX_PIXELS, MIN_STD

INTERPOLATIONS: dict[str, Image.Resampling] = {
    name: Image.Resampling[name.upper()]
    for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a picture becomes the input of a network.

    The shorter edge is resized to `resize` pixels with `interpolation` (one of `INTERPOLATIONS`),
    or both edges where `squash`, whatever the picture's proportions; the central `crop` × `crop`
    pixels are cut out, and each channel, scaled to [0, 1], is normalised with `mean` and `std`
    (red, green, blue). One number each stands for a network that is fed grey. `resize` is never
    below `crop`, so no border is ever invented. Raises
    `InvalidInput`.
    """

    resize: int
    crop: int
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    squash: bool = False

    def __post_init__(self) -> None:
        whole = type(self.resize) is int and type(self.crop) is int
        if not (whole and 1 <= self.crop <= self.resize <= MAX_EDGE):
            raise InvalidInput(
                "The crop must be at least 1 pixel and at most the resized shorter edge, both "
                f"whole numbers up to {MAX_EDGE:,}, but the crop is {self.crop!s:.40} and the edge "
                f"{self.resize!s:.40}."
            )
        if self.interpolation not in INTERPOLATIONS:
            raise InvalidInput(
                f"The interpolation must be one of {', '.join(INTERPOLATIONS)}, "
                f"not {self.interpolation!r}."
            )
        if not (
            _are_colours(self.mean, self.std)
            and max(map(abs, self.mean)) <= MAX_MEAN
            and MIN_STD <= min(self.std) <= max(self.std) <= MAX_MEAN
        ):
            raise InvalidInput(
                "The mean and the standard deviation must be three numbers each (red, green, "
                f"blue; one each for grey), the latter from {MIN_STD:g} to {MAX_MEAN:g}, but they "
                f"are {self.mean!s:.120} and {self.std!s:.120}."
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

    @property
    def channels(self) -> int:
        """How many channels the network is fed: 3 (red, green, blue), or 1 (grey)."""
        return len(self.mean)

    def for_channels(self, channels: int) -> Preprocessing:
        """The same for a network that takes so many: grey has the mean of the three numbers."""
        if channels == self.channels:
            return self
        mean, std = (
            (math.fsum(values) / len(values),) * channels for values in (self.mean, self.std)
        )
        return replace(self, mean=mean, std=std)

    @property
    def in_words(self) -> str:
        """Every step, as read-outs say it."""
        mean, std = (" ".join(f"{value:g}" for value in three) for three in (self.mean, self.std))
        edge = "both edges" if self.squash else "shorter edge"
        return (
            f"{edge} to {self.resize} px ({self.interpolation}), central crop of {self.crop} "
            f"px, {'grey, ' if self.channels == 1 else ''}mean {mean}, std {std}"
        )

    def at(self, crop: int) -> Preprocessing:
        """The same for another crop: the shorter edge keeps its proportion to it."""
        return replace(self, crop=crop, resize=round(crop * self.resize / self.crop))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> Preprocessing:
        """The inverse of `to_dict`, for untrusted metadata. Raises `InvalidInput`."""
        try:
            return conform(values, cls)
        except Unfit as error:
            raise InvalidInput(
                "Preprocessing needs resize and crop, and may give interpolation, mean and std: "
                f"{error}."
            ) from None


def model_view(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """What the network sees, before normalising: crop × crop RGB pixels of an RGB picture.

    Equals torchvision's and timm's evaluation transforms exactly, except on pictures so long
    and thin that the resized picture would pass `MAX_PIXELS`: there only the crop is resized.
    """
    crop = preprocessing.crop
    filter_ = INTERPOLATIONS[preprocessing.interpolation]
    width, height, left, top = resized_crop(image.size, preprocessing)
    if width * height > MAX_PIXELS:
        return image.resize((crop, crop), filter_, box=crop_box(image.size, preprocessing))
    return image.resize((width, height), filter_).crop((left, top, left + crop, top + crop))


def crop_box(
    size: tuple[int, int], preprocessing: Preprocessing
) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the model's view, in pixels of a picture of (width, height).

    Fractions of a pixel are kept: the crop is cut after resizing.
    """
    width, height, left, top = resized_crop(size, preprocessing)
    per_x, per_y = size[0] / width, size[1] / height
    right, bottom = left + preprocessing.crop, top + preprocessing.crop
    return (
        left * per_x,
        top * per_y,
        min(right * per_x, float(size[0])),
        min(bottom * per_y, float(size[1])),
    )


def resized_crop(size: tuple[int, int], preprocessing: Preprocessing) -> tuple[int, int, int, int]:
    """(width, height) after resizing the shorter edge or both, and (left, top) of the crop in it.

    The longer edge is truncated and the crop's corner rounded half to even, as torchvision does.
    """
    resize, crop, short = preprocessing.resize, preprocessing.crop, min(size)
    width, height = (
        resize if preprocessing.squash or edge == short else resize * edge // short for edge in size
    )
    return width, height, round((width - crop) / 2), round((height - crop) / 2)


def to_input(
    view: Image.Image | npt.NDArray[np.uint8], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """The normalised network input, float32 (channels, crop, crop), of a `model_view`'s pixels."""
    pixels = channel_planes(view, preprocessing)
    found = np.empty(pixels.shape, np.float32)
    for plane, values, mean, std in zip(
        found, pixels, preprocessing.mean, preprocessing.std, strict=True
    ):
        np.divide(values, np.float32(255), out=plane)
        plane -= np.float32(mean)
        plane /= np.float32(std)
    return found


def channel_planes(
    view: Image.Image | npt.NDArray[np.uint8], preprocessing: Preprocessing
) -> npt.NDArray[np.uint8]:
    """What each input channel sees, uint8 (channels, crop, crop), of a `model_view` or its pixels.

    Grey is the luma of ITU-R 601-2, as Pillow and torchvision take it.
    """
    if preprocessing.channels == 1:
        picture = view if isinstance(view, Image.Image) else Image.fromarray(view)
        return np.asarray(picture.convert("L"))[np.newaxis]
    return np.asarray(view).transpose(2, 0, 1)


def _are_colours(*values: object) -> bool:
    """Whether they are three finite numbers each, or one each."""
    return {_finite_count(each) for each in values} in ({1}, {3})


def _finite_count(values: object) -> int:
    """How many numbers a tuple of finite numbers has; 0 for anything else."""
    if not isinstance(values, tuple):
        return 0
    finite = all(isinstance(value, Real) and math.isfinite(value) for value in values)
    return len(values) if finite else 0
