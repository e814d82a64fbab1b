"""Which folders divide a data set, by their names and by what lies in them.

Names alone do not tell: "train" may be a split beside "val", and a vehicle beside "bus". A split
holds folders of photos, a class holds photos; where both readings hold, whoever brings the photos
is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from effnet_core.errors import DataError

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = get_args(Split)
Part: TypeAlias = Literal["train", "val", "test"]
"""What a folder is for; "test" is left out, being neither for training nor for choices."""

FoldersAre = Literal["splits", "classes"]
"""What the folders at the top are, where somebody says it."""

WORDS: Mapping[Part, str] = {
    "train": "train training trainval trainset",
    "val": "val valid validate validation valset dev eval evaluation holdout",
    "test": "test testing testset pred predict prediction predictions unlabeled unlabelled",
}
"""The words for each part, in any case; others and numbers may stand before and after them."""

_PART_OF: Mapping[str, Part] = {
    word: part for part, words in WORDS.items() for word in words.split()
}
_NO_MEANING = "set sets data dataset folder split files images image imgs img photos pictures"
_OF_NO_MEANING = frozenset(_NO_MEANING.split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")


class AmbiguousFolders(DataError):
    """The folders may be splits or classes; whoever brings them has to say which."""


@dataclass(frozen=True)
class Name:
    """A folder's name: the part that it names, and its other words.

    `exact` is whether there are none that mean anything.
    """

    part: Part
    others: frozenset[str]

    @property
    def exact(self) -> bool:
        """Whether no other word stands in it."""
        return not self.others


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What is known of a folder at the top: `photos` directly in it, and `in_folders` below.

    `subfolders` are the folders just below it that hold photos.
    """

    photos: int
    in_folders: int
    subfolders: frozenset[str] = frozenset()

    @property
    def has_photos(self) -> bool:
        """Whether there are any, however deep."""
        return bool(self.photos or self.in_folders)


@dataclass(frozen=True, kw_only=True)
class Division:
    """The folder of each split, and the folders that are left out; none where there are classes."""

    splits: Mapping[Split, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def divided(self) -> bool:
        """Whether there are splits at all."""
        return bool(self.splits or self.left_out)


def named(folder: str) -> Name | None:
    """What a folder's name says of a split; None where it says nothing, or two things at once."""
    words = [word.casefold() for word in _WORD.findall(folder)]
    parts = [_PART_OF[word] for word in words if word in _PART_OF]
    if len(parts) != 1:
        return None
    others = frozenset(words) - frozenset(_PART_OF) - _OF_NO_MEANING
    return Name(parts[0], others)


def is_split(folder: str) -> bool:
    """Whether a folder that stands alone is for training or choices, by its bare name."""
    found = _PART_OF.get(folder.casefold())
    return found is not None and found != "test"


def divide(
    folders: Mapping[str, Folder], folders_are: FoldersAre | None = None, *, certain: bool = False
) -> Division:
    """Tell splits from classes among the folders at the top.

    `folders_are` overrules what names and contents say; `certain` is for a form whose splits are
    known. Raises AmbiguousFolders where either could be, and DataError where there are splits that
    cannot be told apart.
    """
    names = {folder: name for folder in folders if (name := named(folder)) is not None}
    if folders_are == "splits" and not names:
        raise DataError("No folder is called as a split; call them train and val.")
    if folders_are == "classes":
        return Division()
    if not names or (not certain and folders_are is None and not _are_splits(names, folders)):
        if folders_are is None and not certain:
            _require_unlike(folders)
        return Division()
    return _division(names, folders)


def _require_unlike(folders: Mapping[str, Folder]) -> None:
    """Raise AmbiguousFolders where what would be classes all hold the same folders."""
    held = {name: folder for name, folder in folders.items() if folder.has_photos}
    below = {folder.subfolders for folder in held.values()}
    if len(held) < 2 or len(below) != 1 or any(folder.photos for folder in held.values()):
        return
    (inner,) = below
    if len(inner) < 2:
        return
    within, top = (", ".join(repr(n[:60]) for n in sorted(names)[:3]) for names in (inner, held))
    if all(named(name) is not None for name in inner):
        raise AmbiguousFolders(
            f"Every folder at the top ({top}) holds folders called as if for splits ({within}), "
            "and splits are read around classes alone: put the classes into folders train and val, "
            "or say that the folders are classes to take each one's photos together."
        )
    raise AmbiguousFolders(
        f"All folders at the top ({top}) hold the same folders ({within}), as splits do; call them "
        "train and val if they are splits, or say that they are classes."
    )


def _are_splits(names: Mapping[str, Name], folders: Mapping[str, Folder]) -> bool:
    """Whether the folders that are called as splits are some; raises AmbiguousFolders."""
    if not any(folder.has_photos for folder in folders.values()):
        return len(names) == len(folders)
    others = [name for name, one in folders.items() if name not in names and one.has_photos]
    judged = [folders[folder] for folder, name in names.items() if name.part != "test"]
    parts = {name.part for name in names.values()}
    alike = len({name.others for name in names.values()}) == 1
    if not any(folder.in_folders for folder in judged):
        if others or len(parts) == 1 or not alike:
            return False
        raise _ambiguous(names, "but hold no folders of classes")
    if len(parts) == 1:
        if not any(name.exact for name in names.values()):
            return False
        if others:
            raise _ambiguous(names, f"and beside them lies {others[0][:60]!r}")
        return True
    if not alike:
        raise _ambiguous(names, "and by other words that differ")
    if others and any(folder.photos and not folder.in_folders for folder in judged):
        raise _ambiguous(names, "but one of them holds no folders of classes")
    return True


def _ambiguous(names: Mapping[str, Name], why: str) -> AmbiguousFolders:
    shown = ", ".join(repr(name[:60]) for name in sorted(names)[:3])
    return AmbiguousFolders(
        f"Folders are called as if for splits ({shown}), {why}; say whether they are splits or "
        "classes."
    )


def _division(names: Mapping[str, Name], folders: Mapping[str, Folder]) -> Division:
    splits: dict[Split, str] = {}
    left_out = []
    for folder in sorted(folders):
        part = names[folder].part if folder in names else "test"
        if part == "test":
            left_out.append(folder)
        elif part in splits:
            raise DataError(f"Two folders are called as if for {part}; keep one of them.")
        else:
            splits[part] = folder
    ordered = {split: splits[split] for split in SPLITS if split in splits}
    return Division(splits=ordered, left_out=tuple(left_out))
