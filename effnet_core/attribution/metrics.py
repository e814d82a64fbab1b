"""How good a map is: does it find the object, and do the pixels it marks decide?

Every function takes a map (h, w) at any grid size, and enlarges it as `render` does, bilinearly to
the model's view, before anything is measured; one that has the view's size already is taken as it
is. As in a drawing, only the positive part of the enlarged map counts, what speaks for the class;
insertion and deletion alone also rank what lies below zero. No torch here: a network is a function
from pictures to probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from effnet_core.attribution.boxes import Box
from effnet_core.errors import InvalidInput

STEPS = 12
"""Equal parts of the picture that insertion and deletion exchange one after another."""
BLUR_PER_SIDE = 0.05
"""Standard deviation of the blur that insertion starts from, as a part of the shorter side."""

Floats = npt.NDArray[np.floating]


def enlarged(values: Floats, size: tuple[int, int]) -> Floats:
    """The map (h, w) at (height, width) `size`, bilinearly; itself where that is its size."""
    if values.shape == size:
        return values
    height, width = size
    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def pointing_game(
    values: Floats, box: Box, size: tuple[int, int], *, tolerance: float = 0.0
) -> float:
    """Whether the map's largest value lies on the object (arXiv 1608.00507, section 4.1).

    The mean over photos is the paper's accuracy, hits / (hits + misses). A pixel is a hit if its
    centre is at most `tolerance` pixels from the box. Deviations: the paper allows 15 pixels
    around outlines in photos of some 500; here it is 0 by default, since a box is roomier than an
    outline. Where several pixels share the largest value, as the corner of an enlarged coarse map
    does, the result is their part on the object: what drawing one of them would give on average.
    A map without positive values thus gets what a blind guess would. `size` is (height, width).
    """
    positive = enlarged(values, size).clip(min=0)
    hits = box.distances(size) <= tolerance
    return float(hits[positive == positive.max()].mean())


def energy_inside(values: Floats, box: Box, size: tuple[int, int]) -> float:
    """The part of the map that lies in the box: the energy-based pointing game.

    Σ_{box} L / (Σ_{box} L + Σ_{elsewhere} L), L the positive part of the map (Score-CAM, arXiv
    1910.01279, section 4.3). Pixels that the box's edge cuts count by their part inside. Deviation:
    0 / 0, a map without positive values, gives the box's part of the picture, as an even map does.
    """
    positive = enlarged(values, size).astype(np.float64).clip(min=0)
    total = positive.sum()
    if total <= 0:
        return box.share(size)
    return float((positive * box.coverage(size)).sum() / total)


@dataclass(frozen=True)
class Curve:
    """The class's probability (`confidences`) against the part of the pixels exchanged."""

    fractions: tuple[float, ...]
    confidences: tuple[float, ...]

    @property
    def area(self) -> float:
        """Area under the curve by the trapezoidal rule, 0 to 1."""
        return float(np.trapezoid(self.confidences, self.fractions))


def blurred(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The picture (3, H, W) out of focus, where insertion starts; as `pixels.baseline` blurs."""
    from scipy.ndimage import gaussian_filter

    sigma = BLUR_PER_SIDE * min(picture.shape[1:])
    found: npt.NDArray[np.float32] = gaussian_filter(
        picture, sigma, mode="mirror", radius=math.ceil(2 * sigma), axes=(1, 2)
    )
    return found


def exchanged(
    values: Floats,
    start: npt.NDArray[np.float32],
    end: npt.NDArray[np.float32],
    steps: int = STEPS,
) -> npt.NDArray[np.float32]:
    """What lies between two pictures (3, H, W), (steps − 1, 3, H, W), strongest pixels first.

    Insertion goes from the blurred picture to the normalised one, deletion from that to zeros, the
    training set's mean colour (RISE, arXiv 1806.07421, section 4.2, whose authors' program deletes
    to the same). At step k the ⌊k·H·W / steps⌋ pixels with the map's largest values are from `end`.
    Equal values come in an order drawn once for all maps of a size, so that no direction is
    favoured. Deviation from RISE: 224 steps there, each as many pixels as a photo is wide. Raises
    InvalidInput unless there are 1 step to one a pixel.
    """
    height, width = start.shape[1:]
    pixels = height * width
    if not 1 <= steps <= pixels:
        raise InvalidInput(f"The steps must be from 1 to one a pixel, {pixels:,}; got {steps}.")
    large = enlarged(values, (height, width)).ravel()
    tie_break = np.random.default_rng(0).permutation(pixels)
    places = np.empty(pixels, dtype=np.int64)  # of each pixel, 0 for the strongest
    places[np.lexsort((tie_break, -large))] = np.arange(pixels)
    counts = np.arange(1, steps) * pixels // steps  # (steps − 1,)
    taken = places < counts[:, None]
    return np.where(taken.reshape(-1, 1, height, width), end, start)


def curve(confidences: Sequence[float], size: tuple[int, ...]) -> Curve:
    """The curve of the probabilities on the first picture, those of `exchanged`, and the last.

    `size` is that of the pictures, (height, width).
    """
    steps, pixels = len(confidences) - 1, math.prod(size)
    fractions = tuple(k * pixels // steps / pixels for k in range(steps + 1))
    return Curve(fractions, tuple(float(value) for value in confidences))


def explained(values: Floats, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Grad-CAM++'s "explanation map" E = L ∘ I, (3, H, W): the picture where the map is strong.

    L is the map's positive part divided by its largest value, I the picture (arXiv 1710.11063,
    section 4.1). Deviation: I is normalised, so what L hides turns to the mean colour, as in
    `deletion`, and not to black. Without positive values all is hidden.
    """
    size = (picture.shape[1], picture.shape[2])
    positive = enlarged(values, size).astype(np.float32).clip(min=0)
    most = positive.max()
    return picture * (positive / most if most > 0 else positive)


def drop(whole: float, kept: float) -> float:
    """max(0, Y − O) / Y, whose mean over photos is Grad-CAM++'s average drop; less is better.

    Y is the class's probability on the `whole` picture and O on what is `kept` of it, `explained`
    (arXiv 1710.11063, section 4.1, there in per cent). 0 where Y is 0.
    """
    return max(0.0, whole - kept) / whole if whole > 0 else 0.0


def increase(whole: float, kept: float) -> float:
    """1 if Y < O else 0, whose mean over photos is Grad-CAM++'s increase in confidence.

    More is better; symbols as in `drop` (arXiv 1710.11063, section 4.1, there in per cent).
    """
    return float(whole < kept)
