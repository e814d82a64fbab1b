"""Which of a network's classes a photo's class is, where each names its classes in its own way.

A name may be words ("Windsor tie", also as the folder "Windsor_tie"), a WordNet id ("n04591157"),
or both ("n04591157_Windsor_tie"). Blanks and underscores do not count, and case only where it is
all that tells two classes apart: ImageNet's Cardigan is a dog.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch

from effnet_core.data.tables import read
from effnet_core.datasets.photo_files import LabelledPhotos
from effnet_core.errors import DataError
from effnet_core.weights.published import imagenet_classes

LACKING = "The model has no such class."
AMBIGUOUS = "Several of the model's classes have this name."

_WNID = re.compile(r"(n\d{8})(?:[\s_:,.-]+(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A class of the photos that is none of the model's: its id and name, its photos, and why."""

    class_id: str
    name: str
    photos: int
    reason: str


@cache
def imagenet_wnids() -> tuple[str, ...]:
    """The WordNet ids of ImageNet-1k's classes, in the order of `imagenet_classes`."""
    return tuple(row["wnid"] for row in read("imagenet_classes.csv"))


def for_classes(
    photos: LabelledPhotos, classes: tuple[str, ...]
) -> tuple[LabelledPhotos, tuple[LeftOut, ...]]:
    """The photos of `classes`, labelled into them and in the same order, and what is left out.

    Equal lists of names match by place. Otherwise a class of the photos is found by its WordNet id
    (which alone decides where all of `classes` have one, as ImageNet-1k's do), its name, its id,
    the words beside its WordNet id, or ImageNet-1k's name for that. Several classes of the photos
    may be one of `classes`. Raises DataError if not one photo is left.
    """
    if photos.classes == classes:
        return photos, ()
    names = _Names(classes)
    found = [
        names.number(class_id, name)
        for class_id, name in zip(photos.class_ids, photos.classes, strict=True)
    ]
    numbers = torch.tensor([-1 if isinstance(number, str) else number for number in found])
    labels = numbers[photos.labels]
    kept = (labels >= 0).nonzero()[:, 0]
    if not len(kept):
        raise DataError(
            f"None of the photos' classes ({_some(photos.classes)}) is one of the model's "
            f"{len(classes):,} ({_some(classes)}); give the folders the names of the model's "
            "classes, or the model the names of its own."
        )
    left_out = _left_out(photos, found)
    if len(kept) < len(photos):
        photos = photos.subset(kept)
    known = dataclasses.replace(photos, labels=labels[kept], classes=classes, class_ids=classes)
    return known, left_out


def _left_out(photos: LabelledPhotos, found: list[int | str]) -> tuple[LeftOut, ...]:
    """The classes with photos for which there is a reason in place of a number."""
    counts = photos.labels.bincount(minlength=len(found)).tolist()
    return tuple(
        LeftOut(class_id=class_id, name=name, photos=count, reason=number)
        for class_id, name, count, number in zip(
            photos.class_ids, photos.classes, counts, found, strict=True
        )
        if count and isinstance(number, str)
    )


class _Names:
    """The classes of a network, found by whatever is said of them."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        by_words: dict[str, set[int]] = defaultdict(set)
        by_folded: dict[str, set[int]] = defaultdict(set)
        by_wnid: dict[str, set[int]] = defaultdict(set)
        is_imagenet = classes == imagenet_classes()
        for number, label in enumerate(classes):
            wnid, words = _parts(label)
            for text in (_plain(label), words):
                by_words[text].add(number)
                by_folded[text.casefold()].add(number)
            if is_imagenet:
                wnid = imagenet_wnids()[number]
            if wnid:
                by_wnid[wnid].add(number)
        self._words: Mapping[str, set[int]] = by_words
        self._folded: Mapping[str, set[int]] = by_folded
        self._wnids: Mapping[str, set[int]] = by_wnid
        self._all_have_wnids = sum(map(len, by_wnid.values())) == len(classes)

    def number(self, class_id: str, name: str) -> int | str:
        """The class's number in the network, or in a sentence why it has none."""
        id_wnid, id_words = _parts(class_id)
        name_wnid, name_words = _parts(name)
        wnid = id_wnid or name_wnid
        texts = [_plain(name), _plain(class_id), name_words, id_words, _category(wnid)]
        matches = [self._wnids.get(wnid, set())]
        if not (wnid and self._all_have_wnids):
            for text in filter(None, texts):
                matches += [self._words.get(text, set()), self._folded.get(text.casefold(), set())]
        for numbers in matches:
            if len(numbers) == 1:
                return next(iter(numbers))
        return AMBIGUOUS if any(matches) else LACKING


def _parts(text: str) -> tuple[str, str]:
    """The WordNet id that a name begins with, and the words; "" for what it lacks."""
    found = _WNID.fullmatch(text.strip())
    if found is None:
        return "", _plain(text)
    return found[1].lower(), _plain(found[2] or "")


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").split())


def _category(wnid: str) -> str:
    """ImageNet-1k's name for a WordNet id, "" where it has none."""
    if wnid not in imagenet_wnids():
        return ""
    return _plain(imagenet_classes()[imagenet_wnids().index(wnid)])


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:3])
    return shown + (", …" if len(names) > 3 else "")
