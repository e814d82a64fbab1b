"""The folders of a source, told apart: those of splits, opened, and those beside them."""

from __future__ import annotations

from effnet_core.datasets.splits import Folder, FoldersAre, Split, divide, named
from effnet_core.datasets.trees import Tree
from effnet_core.errors import DataError
from effnet_core.images.kinds import is_picture


def divided_tree(
    tree: Tree, folders_are: FoldersAre | None, *, official: bool
) -> tuple[dict[Split, Tree], bool, tuple[str, ...]]:
    """The tree of each split, whether there are splits at all, and the folders beside them.

    Without splits all is "train". Raises what `divide` raises, and DataError without any folder.
    """
    inside = tree.by_folder()
    if not inside:
        raise DataError(
            "There is no folder in the source; put the photos of each class in a folder of its "
            "name."
        )
    beside: tuple[str, ...] = ()
    if not official and folders_are is None:
        inside, beside = _around_splits(inside)
    opened = {
        name: _opened(part, name) if named(name) is not None else part
        for name, part in inside.items()
    }
    known = {name: _known(part) for name, part in opened.items()}
    division = divide(known, folders_are, certain=official)
    if not division.divided:
        return {"train": tree}, False, ()
    splits = {split: opened[name] for split, name in division.splits.items()}
    return splits, True, (*division.left_out, *beside)


def _around_splits(inside: dict[str, Tree]) -> tuple[dict[str, Tree], tuple[str, ...]]:
    """What lies in the one folder that holds photos, if that is splits alone, and its neighbours.

    images/train beside labels/train, as data sets for detectors are kept.
    """
    holding = [name for name, part in inside.items() if any(map(is_picture, part.files))]
    if len(holding) == 1 < len(inside):
        below = inside[holding[0]].by_folder()
        if len(below) > 1 and all(named(name) is not None for name in below):
            return below, tuple(name for name in inside if name != holding[0])
    return inside, ()


def _opened(tree: Tree, name: str) -> Tree:
    """What lies in a folder of this name, which may hold itself: a/a/… is a/…"""
    top = [path for path in tree.folders if "/" not in path]
    while len(top) == 1 and top[0].casefold() == name.casefold():
        if loose_photos(tree):
            break
        tree = tree.below(top[0])
        top = [path for path in tree.folders if "/" not in path]
    return tree


def loose_photos(tree: Tree) -> int:
    """How many photos lie at the top, in no folder."""
    return sum("/" not in path and is_picture(path) for path in tree.files)


def _known(tree: Tree) -> Folder:
    loose = loose_photos(tree)
    holding = {path.partition("/")[0] for path in tree.files if "/" in path and is_picture(path)}
    return Folder(
        photos=loose,
        in_folders=sum(map(is_picture, tree.files)) - loose,
        subfolders=frozenset(holding),
    )
