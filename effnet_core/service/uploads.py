"""Checkpoints that people upload: kept in memory only, few, and known only to who has their id."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from effnet_core.architecture.names import canonical_name
from effnet_core.architecture.outputs import Activation
from effnet_core.errors import InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.limits import MAX_CLASS_NAMES_BYTES
from effnet_core.service.requests import ModelCard
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint, understand
from effnet_core.weights.class_names import require_names
from effnet_core.weights.reading.bundles import from_files
from effnet_core.weights.reading.settings import Settings
from effnet_core.weights.reading.understood import Understood

PREFIX = "upload:"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Files sent together, by their names, and what was said of them.

    `architecture` is a name, never a path: what is uploaded opens no file of the server.
    """

    files: Mapping[str, bytes] = field(repr=False)
    architecture: str | None = None
    classes: Sequence[str] | None = None
    preprocessing: Preprocessing | Settings | None = None
    activation: Activation | None = None
    weights_key: str | None = None

    def read(self) -> LoadedWeights:
        """The checkpoint, checked; raises CheckpointError, DataError or InvalidInput."""
        loaded = load_checkpoint(from_files(self.files), **self._given())
        return replace(loaded, id=_identity(loaded))

    def understand(self) -> Understood:
        """What `read` would take the files for; raises what that raises."""
        return understand(from_files(self.files), **self._given())

    def _given(self) -> dict[str, Any]:
        given = {name: value for name, value in vars(self).items() if name != "files"}
        if self.architecture is not None:
            given["architecture"] = _known_name(self.architecture)
        return given


class Uploads:
    """The checkpoints uploaded last, at most `limit` of them; whoever holds most makes room first.

    An id holds the file's SHA-256, so it can only be asked for by someone who has the file (or was
    given the id), and the same file with other class names or preprocessing has another id.
    `on_drop` is called with the identity of each that has to make room.
    """

    def __init__(self, limit: int, on_drop: Callable[[str], None]) -> None:
        self._limit = limit
        self._on_drop = on_drop
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[LoadedWeights, ModelCard, str]] = OrderedDict()

    def keep(self, loaded: LoadedWeights, file_name: str, size: int, owner: str = "") -> ModelCard:
        """Keep what `Upload.read` gave of a file of so many bytes; its card has its id."""
        card = _card(loaded, file_name, size)
        with self._lock:
            self._kept[loaded.id] = loaded, card, owner
            self._kept.move_to_end(loaded.id)
            dropped = []
            while len(self._kept) > self._limit:
                dropped.append(self._kept.pop(self._excess())[0].identity)
        for identity in dropped:
            self._on_drop(identity)
        return card

    def _excess(self) -> str:
        """The oldest of one who holds most; the caller holds the lock."""
        held = Counter(owner for *_, owner in self._kept.values())
        most = max(held.values())
        return next(name for name, (*_, owner) in self._kept.items() if held[owner] == most)

    def weights(self, identity: str) -> LoadedWeights:
        """The checkpoint of this id; raises WeightsError if it is not kept any more."""
        with self._lock:
            if identity not in self._kept:
                raise WeightsError(
                    "This uploaded checkpoint is no longer in the server's memory; upload it again."
                )
            self._kept.move_to_end(identity)
            return self._kept[identity][0]

    def cards(self, identities: Sequence[str]) -> tuple[ModelCard, ...]:
        """The cards of those of `identities` that are still kept."""
        with self._lock:
            return tuple(self._kept[name][1] for name in identities if name in self._kept)


def parse_class_names(text: bytes | str) -> tuple[str, ...]:
    """Class names from a text file (one a line, in index order) or a JSON list of texts.

    Blank lines at the end do not count; control characters become blanks. Raises InvalidInput:
    not UTF-8 text, an empty or overlong name, or none at all.
    """
    if len(text) > MAX_CLASS_NAMES_BYTES:
        raise InvalidInput("The file of class names has more than 4 MB; expected one name a line.")
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise InvalidInput(
            "The class names are not UTF-8 text; expected one name a line."
        ) from None
    names = tuple(_clean(name) for name in _split(decoded))
    if not names:
        raise InvalidInput("The file of class names is empty; expected one name a line.")
    return require_names(names)


def _split(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return text.rstrip().splitlines()
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(
            "The class names begin like a JSON list but are not valid JSON."
        ) from None
    if not all(isinstance(name, str) for name in names):
        raise InvalidInput("The JSON list of class names holds something other than texts.")
    return list(names)


def _clean(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", name).strip()


def _known_name(architecture: str) -> str:
    """The same name, which is one: its library's conventions and tag go with it."""
    canonical_name(architecture)
    return architecture.strip()


def _identity(loaded: LoadedWeights) -> str:
    settings = (loaded.spec, loaded.classes, loaded.preprocessing, loaded.activation)
    digest = hashlib.sha256(repr(settings).encode())
    return f"{PREFIX}{loaded.sha256}.{digest.hexdigest()[:8]}"


def _card(loaded: LoadedWeights, file_name: str, size: int) -> ModelCard:
    return ModelCard(
        id=loaded.id,
        title=f"{_clean(Path(file_name).name)[:80]} ({loaded.spec.name})",
        architecture=loaded.spec.name,
        file_name=file_name,
        kind="uploaded",
        state="ready",
        sha256=loaded.sha256,
        imported=False,
        num_classes=loaded.spec.num_classes,
        size_bytes=size,
        licence="not stated",
        origin=f"uploaded in this session (SHA-256 {loaded.sha256})",
        classes=loaded.answers,
        preprocessing=loaded.preprocessing,
        preprocessing_source=loaded.preprocessing_source,
        classes_source=loaded.classes_source,
        activation=loaded.activation,
        activation_source=loaded.activation_source,
        stage_count=loaded.spec.stage_count,
        padding=loaded.spec.padding,
        bn_eps=loaded.spec.bn_eps,
    )
