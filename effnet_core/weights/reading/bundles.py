"""A weights file with what lies beside it: a file on disk, a folder, a zip, or files sent together.

Of several weights files the one by the name that libraries give the best is taken. Nothing but
weights files and the companions is read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from effnet_core import files
from effnet_core.datasets.zips import entries
from effnet_core.errors import CheckpointError
from effnet_core.files import readable_size
from effnet_core.limits import (
    MAX_COMPANION_BYTES,
    MAX_FOLDER_FILES,
    MAX_WEIGHTS_BYTES,
    MAX_ZIPPED_GROWTH,
    ZipLimits,
)
from effnet_core.weights.reading.companions import NAMES
from effnet_core.weights.tensor_files import SUFFIXES, ending, parse, read_file

Kind = Literal["file", "folder", "zip", "files"]
Read = Callable[[], bytes]

_PREFERRED = (
    "model.safetensors",
    "pytorch_model.safetensors",
    "pytorch_model.bin",
    "model.pth",
    "model_best.pth.tar",
    "best.ckpt",
    "best.pt",
    "best.pth",
)
"""What Hugging Face's libraries, timm and others call the weights that are meant to be used."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The bytes of a weights file, and of its companions by their names.

    `kind` is what it came as. Companions that merely lie beside a single file are not `meant`: one
    that speaks of another network is left out.
    """

    kind: Kind
    file_name: str
    data: bytes = field(repr=False)
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_meant(self) -> bool:
        """Whether the companions were given together with the weights."""
        return self.kind != "file"


def from_path(path: Path) -> Bundle:
    """A file, folder or zip on this disk; raises CheckpointError, or DataError for a bad zip."""
    if path.suffix.lower() == ".zip":
        return from_zip(read_file(path), path.name)
    if files.is_folder(str(path)):
        return _chosen(_listing(path), f"The folder {path.name or path}", "folder")
    data = read_file(path)
    places = {name: path.with_name(name) for name in NAMES}
    beside = {
        name: _companion(partial(read_file, place), name)
        for name, place in places.items()
        if files.is_file(str(place))
    }
    return Bundle(kind="file", file_name=path.name, data=data, beside=beside)


def from_zip(data: bytes, name: str) -> Bundle:
    """A zip's weights file; raises CheckpointError or, for what no honest zip holds, DataError."""
    most = min(MAX_WEIGHTS_BYTES, MAX_ZIPPED_GROWTH * len(data) + MAX_COMPANION_BYTES)
    limits = ZipLimits(entries=MAX_FOLDER_FILES, entry_bytes=most, total_bytes=most)
    with ExitStack() as stack:
        held, _, _ = entries(io.BytesIO(data), name, stack, limits)
        if not any(map(ending, held)) and any(path.endswith("data.pkl") for path in held):
            raise CheckpointError(
                f"{name} is a PyTorch file that is called a zip; give it the ending .pth."
            )
        return _chosen(held, name, "zip")


def from_files(sent: Mapping[str, bytes]) -> Bundle:
    """Files sent together, by their names; one zip is opened. Raises as `from_zip` does."""
    if len(sent) == 1:
        ((name, data),) = sent.items()
        if name.lower().endswith(".zip"):
            return from_zip(data, name)
        if not ending(name):
            parse(data, name)  # says what it is
    readers: dict[str, Read] = {
        PurePosixPath(name).name: partial(bytes, data) for name, data in sent.items()
    }
    kind: Kind = "file" if len(sent) == 1 else "files"
    return _chosen(readers, "What was sent", kind)


def _chosen(held: Mapping[str, Read], name: str, kind: Kind) -> Bundle:
    """The weights file that is meant among files by their paths, with its companions."""
    weights = [path for path in held if ending(path)]
    if not weights:
        raise CheckpointError(
            f"{name} holds no weights file; expected one of {', '.join(SUFFIXES)}."
        )
    depth = min(path.count("/") for path in weights)
    top = [path for path in weights if path.count("/") == depth]
    preferred = [path for each in _PREFERRED for path in top if PurePosixPath(path).name == each]
    if len(top) > 1 and not preferred:
        shown = ", ".join(f"{path:.60}" for path in sorted(top)[:4])
        raise CheckpointError(
            f"{name} holds {len(top)} weights files ({shown}{', …' if len(top) > 4 else ''}); "
            "give one of them alone."
        )
    path = (preferred or top)[0]
    folder = PurePosixPath(path).parent
    beside = {
        each: _companion(held[place], each)
        for each in NAMES
        if (place := str(folder / each)) in held
    }
    data = held[path]()
    return Bundle(kind=kind, file_name=PurePosixPath(path).name, data=data, beside=beside)


def _companion(read: Read, name: str) -> bytes:
    data = read()
    if len(data) > MAX_COMPANION_BYTES:
        raise CheckpointError(
            f"The {name} beside the weights has {readable_size(len(data))}; it is read up to "
            f"{readable_size(MAX_COMPANION_BYTES)}."
        )
    return data


def _listing(folder: Path) -> dict[str, Read]:
    """A folder's own files by their names, not those of folders in it."""
    found: dict[str, Read] = {}
    try:
        for place in folder.iterdir():
            if len(found) >= MAX_FOLDER_FILES:
                raise CheckpointError(
                    f"{folder.name} holds more than {MAX_FOLDER_FILES:,} files; name the weights "
                    "file itself."
                )
            if place.is_file():
                found[place.name] = partial(read_file, place)
    except OSError as error:
        raise CheckpointError(
            f"The folder {str(folder)[:200]!r} cannot be read ({error.strerror}); check the path."
        ) from None
    return found
