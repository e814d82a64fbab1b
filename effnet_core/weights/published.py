"""The published weights that can be downloaded: torchvision's sets for B0–B7 and V2-S/M/L.

Every fact here (URL, hash prefix, size, classes, transform, metrics) is torchvision's own, kept as
data so that a list needs no torchvision; only titles and ids' short forms are ours.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache

from effnet_core.architecture.aliases import named
from effnet_core.architecture.names import canonical_name
from effnet_core.data.tables import Row, read
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing

LICENCE = (
    "torchvision is BSD-3-Clause; it notes that weights may also carry terms of the data they were "
    "trained on (ImageNet: non-commercial research)."
)
IMAGENET_CLASSES = 1000
MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """One downloadable set of weights with everything that belongs to it.

    `size_bytes` is the published size, which torchvision rounds to 0.001 MiB. `metrics` holds
    (test set, top-1 %, top-5 %) as published, measured with `preprocessing`. `hash_prefix` is the
    leading hex digits of the file's SHA-256, as its name states them.
    """

    id: str
    architecture: str
    title: str
    url: str
    file_name: str
    hash_prefix: str
    size_bytes: int
    params: int
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    metrics: tuple[tuple[str, float, float], ...]
    recipe: str
    licence: str
    origin: str
    default: bool


@cache
def catalog() -> tuple[WeightsEntry, ...]:
    """All entries, B0 to B7 and then V2-S to V2-L."""
    return tuple(map(_entry, read("weights_torchvision.csv")))


def find(text: str) -> WeightsEntry:
    """The entry meant by an id ("EfficientNet_B0_Weights.IMAGENET1K_V1") or an architecture.

    An architecture ("b0", "efficientnet_b0", "v2-s") means its default set. Case does not matter.
    Raises InvalidInput, naming near matches, for anything else.
    """
    wanted = text.strip().lower()
    for entry in catalog():
        if entry.id.lower() == wanted:
            return entry
    name = _architecture_name(wanted)
    for entry in catalog():
        if entry.default and entry.architecture == name:
            return entry
    known = {entry.id.lower(): entry.id for entry in catalog()}
    known |= {entry.architecture: entry.architecture for entry in catalog()}
    near = [known[match] for match in difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "`effnet weights list` shows them all."
    raise InvalidInput(f"No weights are called {text[:80]!r}; {hint}")


@cache
def imagenet_classes() -> tuple[str, ...]:
    """ImageNet-1k's 1,000 class names in index order, as torchvision's weights list them."""
    return tuple(row["name"] for row in read("imagenet_classes.csv"))


def triple(text: str) -> tuple[float, float, float]:
    """Red, green and blue of a data file's cell."""
    red, green, blue = map(float, text.split())
    return red, green, blue


def _architecture_name(text: str) -> str:
    """The project's name for `text`, or "" if it names no architecture with torchvision weights.

    A name that timm or transformers alone has asks for other weights than torchvision's, so it
    finds none here; a dash is how many people write.
    """
    try:
        found = named(text)
    except InvalidInput:
        return ""
    return found.variant if found.library in ("own", "torchvision", "lukemelas") else ""


def _entry(row: Row) -> WeightsEntry:
    model, _, recipe = row["id"].partition("_Weights.")
    architecture = named(model).variant
    file_name = row["url"].rpartition("/")[2]
    prefix = re.search(r"-([0-9a-f]{8,})\.pth$", file_name)
    if prefix is None:
        raise AssertionError(f"torchvision names {file_name} without a hash")
    return WeightsEntry(
        id=row["id"],
        architecture=architecture,
        title=f"EfficientNet{'' if 'v2' in architecture else '-'}{architecture.upper()}, "
        f"torchvision {recipe}",
        url=row["url"],
        file_name=file_name,
        hash_prefix=prefix.group(1),
        size_bytes=round(float(row["size_mib"]) * MEBIBYTE),
        params=int(row["params"]),
        classes=imagenet_classes(),
        preprocessing=Preprocessing(
            resize=int(row["resize"]),
            crop=int(row["crop"]),
            interpolation=row["interpolation"],
            mean=triple(row["mean"]),
            std=triple(row["std"]),
        ),
        metrics=(("ImageNet-1K", float(row["top1"]), float(row["top5"])),),
        recipe=row["recipe"],
        licence=LICENCE,
        origin=f"torchvision, {row['url']}",
        default=bool(row["default"]),
    )


def is_published(name: str) -> bool:
    """Whether `name` means an architecture or a catalog entry."""
    if name.lower() in {entry.id.lower() for entry in catalog()}:
        return True
    try:
        canonical_name(name)
    except InvalidInput:
        return False
    return True
