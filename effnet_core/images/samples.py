"""Sample pictures to try without a photo at hand: free ones that scikit-image's wheel carries.

Nothing is downloaded; a picture that the installed scikit-image lacks is not offered.
Credits and licences are those of scikit-image's own documentation of each picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from effnet_core.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture: `name` identifies it, `file` is its name in scikit-image's data folder.

    `classes` are the ImageNet names that would be right for the subject; none where ImageNet has no
    class for it. `box` holds the subject's first and last pixels (x_min, y_min, x_max, y_max), set
    by hand for this project; None where nobody has.
    """

    name: str
    title: str
    subject: str
    credit: str
    licence: str
    alt: str
    file: str
    classes: tuple[str, ...] = ()
    box: tuple[int, int, int, int] | None = None


_CC0 = "CC0 1.0"
_PUBLIC_DOMAIN = "public domain"

_SAMPLES = (
    Sample(
        name="coffee",
        title="Cup of coffee",
        subject="espresso in a cup",
        credit="Rachel Michetti, courtesy of Pikolo Espresso Bar",
        licence=_CC0,
        alt="Espresso in a red and white cup, with a spoon on its red saucer, on a wooden table.",
        file="coffee.png",
        classes=("espresso", "cup"),
        box=(172, 18, 408, 307),
    ),
    Sample(
        name="chelsea",
        title="Chelsea the cat",
        subject="tabby cat",
        credit="Stefan van der Walt",
        licence=_CC0,
        alt="Close-up of the face of a sandy tabby cat with green eyes and long whiskers.",
        file="chelsea.png",
        classes=("tabby", "tiger cat"),
    ),
    Sample(
        name="rocket",
        title="Rocket on its launch pad",
        subject="Falcon 9 rocket",
        credit="SpaceX",
        licence=_PUBLIC_DOMAIN,
        alt="A white Falcon 9 rocket stands lit on its launch pad between tall towers at dusk.",
        file="rocket.jpg",
    ),
    Sample(
        name="astronaut",
        title="Astronaut Eileen Collins",
        subject="astronaut",
        credit="NASA",
        licence=_PUBLIC_DOMAIN,
        alt="An astronaut in an orange suit smiles between a flag and a model of a space shuttle.",
        file="astronaut.png",
    ),
    Sample(
        name="camera",
        title="Photographer",
        subject="camera on a tripod",
        credit="Lav Varshney",
        licence=_CC0,
        alt="Black-and-white photo of a man in a coat looking through a camera on a tripod.",
        file="camera.png",
        classes=("tripod",),
    ),
)


def sample_images() -> tuple[Sample, ...]:
    """The pictures that the installed scikit-image carries; empty when it is not installed."""
    folder = _folder()
    if folder is None:
        return ()
    return tuple(sample for sample in _SAMPLES if folder.joinpath(sample.file).is_file())


def load_sample(name: str) -> bytes:
    """The file of one of `sample_images`, by name. Raises `InvalidInput` for any other name."""
    available = {sample.name: sample.file for sample in sample_images()}
    folder = _folder()
    if folder is None or name not in available:
        raise InvalidInput(
            f"There is no sample picture {name!r}; there are: {', '.join(available) or 'none'}."
        )
    return folder.joinpath(available[name]).read_bytes()


def _folder() -> Traversable | None:
    """scikit-image's data folder; importing the bare package loads none of its algorithms."""
    try:
        return files("skimage").joinpath("data")
    except ModuleNotFoundError:
        return None
