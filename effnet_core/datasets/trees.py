"""The files of folders and zips as one tree of paths; nothing is ever unpacked."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from effnet_core.datasets.splits import is_split
from effnet_core.datasets.zips import Read, entries, is_hidden
from effnet_core.errors import DataError
from effnet_core.images.kinds import is_picture
from effnet_core.limits import MAX_PHOTO_LIST_BYTES, MAX_PICTURE_BYTES, ZipLimits

LISTS = ("classes.csv", "boxes.csv", "wnids.txt", "words.txt")
"""Files at the top that say something of the photos."""

_SPLIT_OF_NAME = re.compile(r"(train|val)", re.IGNORECASE)


@dataclass(frozen=True)
class Tree:
    """Files by their relative paths ("a/b.png", no hidden ones), and all folders on the way.

    Reading a file raises DataError with a sentence about that file alone. `encoding` is what the
    names of a zip were taken to be written in, "" where that is no guess.
    """

    files: Mapping[str, Read] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    encoding: str = ""

    def below(self, folder: str) -> Tree:
        """The tree inside one folder at the top; empty where there is no such folder."""
        return self.by_folder().get(folder, Tree())

    def by_folder(self) -> dict[str, Tree]:
        """The trees inside all folders at the top, by their names in order."""
        files: dict[str, dict[str, Read]] = {p: {} for p in self.folders if "/" not in p}
        folders: dict[str, set[str]] = {name: set() for name in files}
        for path, read in self.files.items():
            name, slash, rest = path.partition("/")
            if slash:
                files[name][rest] = read
        for path in self.folders:
            name, slash, rest = path.partition("/")
            if slash:
                folders[name].add(rest)
        return {
            name: Tree(files[name], frozenset(folders[name]), self.encoding)
            for name in sorted(files)
        }

    def text(self, path: str) -> str | None:
        """A file's text (UTF-8), or None where there is no such file; raises DataError."""
        if path not in self.files:
            return None
        try:
            data = self.files[path]()
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        if len(data) > MAX_PHOTO_LIST_BYTES:
            accepted = f"{MAX_PHOTO_LIST_BYTES / 1e6:.0f} MB"
            raise DataError(f"{path} is larger than the {accepted} accepted.")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DataError(f"{path} is not text in UTF-8; save it as that.") from None


@contextmanager
def opened(
    sources: Sequence[Path | bytes], limits: ZipLimits | None = None
) -> Iterator[tuple[Tree, str]]:
    """Open one or more sources as one tree; yields it with a name for messages.

    A source is a folder, a zip, or the bytes of a zip. A folder of nothing but files, among them
    zips called train… or val…, stands for those zips with the other files beside them. Of several
    sources each is put below "train" or "val", as its own name begins. Folders that wrap all the
    rest of a source are taken off. Zips stay open within the block. Raises DataError.
    """
    limits = limits or ZipLimits()
    if not sources:
        raise DataError("No source of photos is given; name a folder or a zip.")
    with ExitStack() as stack:
        if len(sources) > 1:
            yield _merged(_parts(sources, stack, limits)), ", ".join(map(_name, sources))
            return
        (source,) = sources
        tree = _tree(source, stack, limits)
        shards = [] if tree.folders else sorted(filter(_is_shard, tree.files))
        if shards and isinstance(source, Path) and source.is_dir():
            parts = _parts([source / shard for shard in shards], stack, limits)
            yield _merged([tree, *parts]), _name(source)
        else:
            yield _unwrapped(tree), _name(source)


def _name(source: Path | bytes) -> str:
    return source.name or str(source) if isinstance(source, Path) else "The zip"


def _is_shard(path: str) -> bool:
    return "/" not in path and path.lower().endswith(".zip") and bool(_SPLIT_OF_NAME.match(path))


def _parts(sources: Iterable[Path | bytes], stack: ExitStack, limits: ZipLimits) -> Iterator[Tree]:
    """Each source's tree, below the split that its name begins with."""
    for source in sources:
        found = _SPLIT_OF_NAME.match(_name(source))
        if found is None:
            raise DataError(
                f"{_name(source)} is one of several sources, so its name must begin with train or "
                "val to say what it is for; rename it, or put all in one folder."
            )
        tree, split = _unwrapped(_tree(source, stack, limits)), found[0].lower()
        yield Tree(
            {f"{split}/{path}": read for path, read in tree.files.items()},
            frozenset({split, *(f"{split}/{path}" for path in tree.folders)}),
            tree.encoding,
        )


def _merged(trees: Iterable[Tree]) -> Tree:
    files: dict[str, Read] = {}
    folders: set[str] = set()
    encoding = ""
    for tree in trees:
        encoding = encoding or tree.encoding
        twice = files.keys() & tree.files.keys()
        if twice:
            raise DataError(f"Two of the sources hold {min(twice)!r}; take one of them out.")
        files.update(tree.files)
        folders |= tree.folders
    return Tree(files, frozenset(folders), encoding)


def _unwrapped(tree: Tree) -> Tree:
    """Without the folders that wrap everything, each the only one in the one around it.

    The folder of a split is kept, and so is that of the only class.
    """
    inner = tree
    while True:
        top = [path for path in inner.folders if "/" not in path]
        if len(top) > 1 or (top and is_split(top[0])):
            return inner
        if not top or any("/" not in path and _tells(path) for path in inner.files):
            return _once_unwrapped(tree)
        inner = inner.below(top[0])


def _once_unwrapped(tree: Tree) -> Tree:
    """Without the outermost folder, where that holds folders and there is nothing beside it."""
    top = [path for path in tree.folders if "/" not in path]
    if len(top) != 1 or any("/" not in path and _tells(path) for path in tree.files):
        return tree
    inner = tree.below(top[0])
    return inner if inner.folders else tree


def _tells(path: str) -> bool:
    """Whether a file beside a folder is a photo, or says something of photos."""
    return is_picture(path) or path in LISTS


def _tree(source: Path | bytes, stack: ExitStack, limits: ZipLimits) -> Tree:
    if isinstance(source, bytes):
        return Tree(*entries(io.BytesIO(source), _name(source), stack, limits))
    try:
        if source.is_dir():
            return _folder_tree(source)
        file = stack.enter_context(source.open("rb"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{str(source)[:200]!r} cannot be read ({reason}); check the path."
        ) from None
    return Tree(*entries(file, _name(source), stack, limits))


def _folder_tree(root: Path) -> Tree:
    """All files below `root`; links are followed, except those that lead back up."""
    files: dict[str, Read] = {}
    folders = set()
    for here, names, file_names in os.walk(root, followlinks=True, onerror=_raise_unreadable):
        real = Path(here).resolve()
        names[:] = [
            name
            for name in sorted(names)
            if not is_hidden(name) and not real.is_relative_to((Path(here) / name).resolve())
        ]
        below = Path(here).relative_to(root)
        folders |= {(below / name).as_posix() for name in names}
        for name in file_names:
            if not is_hidden(name):
                files[(below / name).as_posix()] = partial(_read_file, Path(here) / name)
    return Tree(files, frozenset(folders))


def _raise_unreadable(error: OSError) -> None:
    raise DataError(
        f"{error.filename} cannot be read ({error.strerror}); check its permissions."
    ) from error


def _read_file(path: Path, limit: int | None = None) -> bytes:
    try:
        if not path.is_file():
            raise DataError("It is not a regular file, or has gone.")
        with path.open("rb") as file:
            # One too many is refused where it is decoded.
            return file.read(MAX_PICTURE_BYTES + 1 if limit is None else limit)
    except OSError as error:
        raise DataError(f"It cannot be read ({error.strerror}).") from None
