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
    opened = {
        name: _opened(part, name) if named(name) is not None else part
        for name, part in inside.items()
    }
    known = {name: _known(part) for name, part in opened.items()}
    division = divide(known, folders_are, certain=official)
    if not division.divided:
        return {"train": tree}, False, ()
    splits = {split: opened[name] for split, name in division.splits.items()}
    return splits, True, division.left_out


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
    return Folder(photos=loose, in_folders=sum(map(is_picture, tree.files)) - loose)
