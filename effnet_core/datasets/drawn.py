"""A small data set drawn by code: four shapes, for a first run without photos of one's own.

Shape is the only thing that tells the classes apart: colours, size, place, turn and background are
drawn alike for all of them.
"""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "star", "triangle")
"""The classes, in the order of their names."""

SIDE = 64
PER_CLASS = 200

_FINE = 4  # drawn so many times larger, then reduced: smooth edges
_CORNERS = {"circle": 90, "square": 4, "star": 10, "triangle": 3}
_INNER = 0.45  # radius of a star's inner corners, as a share of that of its points
_DARK, _LIGHT = (0, 90), (165, 256)
_UNEVEN = 25


def drawn_zip(per_class: int = PER_CLASS, *, seed: int = 0) -> bytes:
    """A zip with a folder of `per_class` PNG files for each of SHAPES; a function of its arguments.

    The pictures are those of `draw`, each by numbers of its own.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for place, shape in enumerate(SHAPES):
            for number in range(per_class):
                picture = draw(shape, np.random.default_rng((seed, place, number)))
                file = io.BytesIO()
                picture.save(file, "PNG")
                entry = zipfile.ZipInfo(f"{shape}/{shape}-{number:03}.png")  # dated 1980, always
                archive.writestr(entry, file.getvalue())
    return buffer.getvalue()


def draw(shape: str, generator: np.random.Generator) -> Image.Image:
    """One of SHAPES, dark on light or light on dark; RGB, SIDE × SIDE. The rest is drawn by lot.

    The background is a little uneven, the shape turned by up to 17 degrees and whole in the
    picture, with a radius from 0.28 to 0.42 of its side.
    """
    ground, colour = (_DARK, _LIGHT) if generator.integers(2) else (_LIGHT, _DARK)
    coarse = generator.integers(*ground, 3) + generator.integers(-_UNEVEN, _UNEVEN + 1, (6, 6, 3))
    image = Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize((SIDE * _FINE,) * 2)
    radius = generator.uniform(0.28, 0.42) * SIDE * _FINE
    centre = generator.uniform(radius, SIDE * _FINE - radius, 2)
    red, green, blue = generator.integers(*colour, 3).tolist()
    outline = _outline(shape, centre, radius, generator.uniform(-0.3, 0.3))
    ImageDraw.Draw(image).polygon(outline, fill=(red, green, blue))
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def _outline(
    shape: str, centre: npt.NDArray[np.float64], radius: float, turn: float
) -> list[tuple[float, float]]:
    """Corners in pixels, evenly around the centre; a circle has so many that none is seen."""
    corners = _CORNERS[shape]
    upright = math.pi / 4 if shape == "square" else -math.pi / 2
    found = []
    for corner in range(corners):
        angle = upright + turn + 2 * math.pi * corner / corners
        reach = radius * (_INNER if shape == "star" and corner % 2 else 1.0)
        x, y = centre + reach * np.array([math.cos(angle), math.sin(angle)])
        found.append((float(x), float(y)))
    return found
