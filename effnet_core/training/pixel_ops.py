"""The operations that augmentation policies are made of, on batches with one magnitude a picture.

Each takes pictures, uint8 (N, 3, side, side) with side ≥ 3, and magnitudes, float32 (N,), and
returns new pictures of the same shape: those of torchvision's `transforms.v2` on each picture
alone. Geometric operations take the nearest pixel and leave black (0) where there is none, as its
`AutoAugment` does unless told otherwise (the paper's own code leaves grey, 128).

Two roundings depend on the processor, there as here: where a blend of two colours is a whole
number but for float32's last digit, truncation may give the number below it; and a place halfway
between two pixels may fall to either.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Operation = Callable[[Tensor, Tensor], Tensor]
Row = tuple[Tensor | float, Tensor | float, Tensor | float]


def identity(images: Tensor, _: Tensor) -> Tensor:
    """The pictures as they are."""
    return images


def shear_x(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Each row moved left by magnitude × its distance from the upper edge."""
    slope = magnitudes.double()
    return _warped(images, (1, slope, slope * images.shape[-1] / 2), (0, 1, 0))


def shear_y(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Each column moved up by magnitude × its distance from the left edge."""
    slope = magnitudes.double()
    return _warped(images, (1, 0, 0), (slope, 1, slope * images.shape[-1] / 2))


def translate_x(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Moved right by as many pixels as the magnitude says, truncated towards 0."""
    return _warped(images, (1, 0, -magnitudes.trunc().double()), (0, 1, 0))


def translate_y(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Moved down by as many pixels as the magnitude says, truncated towards 0."""
    return _warped(images, (1, 0, 0), (0, 1, -magnitudes.trunc().double()))


def rotate(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Turned about the centre by so many degrees, counter-clockwise."""
    angles = magnitudes.double() * (math.pi / 180)
    cos, sin = angles.cos(), angles.sin()
    return _warped(images, (cos, -sin, 0), (sin, cos, 0))


def brightness(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Every value times 1 + magnitude."""
    return _bytes(images * (1 + _each(magnitudes)))


def color(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Moved away from the picture's grey version by the magnitude (towards it if negative)."""
    return _away_from(_grey(images), images, magnitudes)


def contrast(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Moved away from the mean grey of the picture by the magnitude."""
    return _away_from(_grey(images).mean((1, 2, 3), keepdim=True), images, magnitudes)


def sharpness(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Moved away from a blurred version by the magnitude; the outermost pixels stay.

    The blur is the mean of 3 × 3 pixels in which the central one counts five times, rounded.
    """
    changed = images.float()
    inner = changed[..., 1:-1, 1:-1]
    columns = changed[..., :-2, :] + changed[..., 1:-1, :] + changed[..., 2:, :]
    sums = columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]
    blurred = sums.add_(inner, alpha=4).div_(13).round_()
    inner.addcmul_(blurred.sub_(inner), -_each(magnitudes))
    return _bytes(changed)


def posterize(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Only the highest bits of each value kept, as many as the magnitude says (0…8)."""
    return images & (256 - 2 ** (8 - _each(magnitudes))).to(torch.uint8)


def solarize(images: Tensor, magnitudes: Tensor) -> Tensor:
    """Values from the magnitude (0…255) upwards inverted."""
    threshold = _each(magnitudes).ceil().to(torch.uint8)
    return torch.where(images >= threshold, ~images, images)


def autocontrast(images: Tensor, _: Tensor) -> Tensor:
    """Each channel stretched to 0…255; a channel of one value stays."""
    low = images.amin((2, 3), keepdim=True).float()
    high = images.amax((2, 3), keepdim=True).float()
    flat = low == high
    scale = ((high - low) * (1 / 255)).masked_fill_(flat, 1)
    return _bytes((images - low.masked_fill_(flat, 0)).div_(scale))


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Each channel's values spread evenly, as Pillow's `ImageOps.equalize` does.

    A value becomes (pixels below it + half a step) / step, where a step is 1/255 of the pixels
    that are not of the highest value; a channel with a step below one pixel stays.
    """
    planes = images.flatten(0, 1).flatten(1).int()  # (3N, pixels)
    count = len(planes)
    offsets = torch.arange(0, 256 * count, 256, device=images.device, dtype=torch.int32)
    places = planes.add_(offsets.unsqueeze(1)).flatten()
    histogram = torch.bincount(places, minlength=256 * count).view(count, 256)
    values = torch.arange(256, device=images.device)
    highest = ((histogram > 0) * values).amax(1, keepdim=True)
    step = (histogram.sum(1, keepdim=True) - histogram.gather(1, highest)) // 255
    below = histogram.cumsum(1) - histogram
    spread = ((below + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, spread, values).to(torch.uint8)
    return table.flatten().index_select(0, places).view_as(images)


def invert(images: Tensor, _: Tensor) -> Tensor:
    """Every value taken from 255."""
    return ~images


OPERATIONS: dict[str, Operation] = {
    "Identity": identity,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateX": translate_x,
    "TranslateY": translate_y,
    "Rotate": rotate,
    "Brightness": brightness,
    "Color": color,
    "Contrast": contrast,
    "Sharpness": sharpness,
    "Posterize": posterize,
    "Solarize": solarize,
    "AutoContrast": autocontrast,
    "Equalize": equalize,
    "Invert": invert,
}
"""Every operation under the name that the policies' papers give it."""


def _warped(images: Tensor, across: Row, down: Row) -> Tensor:
    """The pixel for (x, y) taken from (across · (x, y, 1), down · (x, y, 1)).

    Places are in pixels from the picture's centre; a row's entries are numbers or float64 (N,).
    """
    side = images.shape[-1]
    entries = [
        torch.as_tensor(entry, dtype=torch.float32, device=images.device).expand(len(images))
        for entry in (*across, *down)
    ]
    # (2, 3, N, 1, 1), for places from −1 to 1, of which torchvision rounds each product and sum
    factors = (torch.stack(entries) / (side / 2)).view(2, 3, -1, 1, 1)
    x = torch.arange(side, device=images.device) - (side - 1) / 2
    grid = x * factors[:, 0] + x.unsqueeze(1) * factors[:, 1] + factors[:, 2]  # (2, N, side, side)
    moved = F.grid_sample(
        images.float(), grid.permute(1, 2, 3, 0), mode="nearest", align_corners=False
    )
    return moved.to(torch.uint8)


def _away_from(base: Tensor, images: Tensor, magnitudes: Tensor) -> Tensor:
    """(1 + m) · images − m · base, as one multiplication and one fused multiply-add a value."""
    m = _each(magnitudes)
    return _bytes((images * (1 + m)).addcmul_(base, -m))


def _grey(images: Tensor) -> Tensor:
    """Luma (N, 1, side, side), float32 whole numbers, with torchvision's weights."""
    red, green, blue = images.unbind(1)
    luma = red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)
    return luma.floor_().unsqueeze(1)


def _each(magnitudes: Tensor) -> Tensor:
    return magnitudes.view(-1, 1, 1, 1)


def _bytes(values: Tensor) -> Tensor:
    return values.clamp_(0, 255).to(torch.uint8)
