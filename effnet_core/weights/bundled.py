"""Models that come with the project, trained by it: their manifest, and their files checked.

`assets/models/models.json` lists them. Each file is one of this project's checkpoints in float16;
its SHA-256 in full stands in the manifest and is compared whenever the file is read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from effnet_core.architecture.family import Padding
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.files import Share, asset, conform, read_json
from effnet_core.images import Preprocessing
from effnet_core.weights import tensor_files
from effnet_core.weights.sources import Source
from effnet_core.weights.stored import StoredWeights

FOLDER = "assets/models"
MANIFEST = "models.json"
CLASSES_SOURCE = "the model's own"


@dataclass(frozen=True, kw_only=True)
class BundledModel:
    """One model of the manifest. `run` is the id of its record under `assets/measured/runs`.

    `top1` is the share of validation photos whose class came first, as that record holds it, and
    `data` says in words which photos those are.
    """

    id: str
    title: str
    architecture: str
    path: Path
    sha256: str
    size_bytes: int
    classes: tuple[str, ...]
    stage_count: int
    params: int
    preprocessing: Preprocessing
    padding: Padding
    bn_eps: float
    run: str
    top1: Share
    data: str
    licence: str
    origin: str

    def read(self) -> bytes:
        """The file's bytes; raises CheckpointError if they are not those of the manifest."""
        data = tensor_files.read_file(self.path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise CheckpointError(
                f"The bundled file of {self.id} is not the one that was published with this "
                "version (its SHA-256 differs); install the project again."
            )
        return data

    @property
    def card(self) -> Path:
        """The model card, a Markdown file beside the weights."""
        return self.path.with_suffix(".md")

    @property
    def record(self) -> Path:
        """The record of its run, in `measured/runs` beside the folder of the models."""
        return self.path.parent.parent / "measured" / "runs" / f"{self.run}.json"

    def source(self) -> Source:
        """The model among other weights."""
        stored = StoredWeights(
            id=self.id,
            title=self.title,
            architecture=self.architecture,
            file_name=self.path.name,
            state="ready",
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            imported=False,
            bundled=True,
            preprocessing=self.preprocessing,
            preprocessing_source=CLASSES_SOURCE,
            num_classes=len(self.classes),
            classes_source=CLASSES_SOURCE,
            licence=self.licence,
            origin=self.origin,
            padding=self.padding,
            bn_eps=self.bn_eps,
        )
        return Source(stored=stored, path=self.path, read=self.read, classes=self.classes)


def bundled_models(folder: Path | None = None) -> tuple[BundledModel, ...]:
    """Every model of the manifest in its order; none where there is no manifest.

    Raises CheckpointError for a manifest that cannot be read.
    """
    place = _folder() if folder is None else folder
    return () if place is None else _read(place)


def damage() -> str:
    """Why the bundled models cannot be used, in a sentence; "" where they can."""
    try:
        bundled_models()
    except CheckpointError as error:
        return str(error)
    return ""


def usable_models() -> tuple[BundledModel, ...]:
    """`bundled_models`, and none where the manifest is damaged: other weights can be used."""
    return () if damage() else bundled_models()


def find_bundled(name: str) -> BundledModel | None:
    """The bundled model called `name` (case does not matter), or None."""
    wanted = name.strip().lower()
    return next((model for model in usable_models() if model.id.lower() == wanted), None)


def require_new(name: str) -> None:
    """Raise InvalidInput if a bundled model is called `name`."""
    if find_bundled(name):
        raise InvalidInput(f"{name} already names a model that comes with the project.")


def _folder() -> Path | None:
    try:
        return asset(FOLDER)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=8)
def _read(folder: Path) -> tuple[BundledModel, ...]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return ()
    try:
        values = read_json(manifest)
        for entry in values["models"]:
            entry["path"] = folder / Path(entry.pop("file")).name
        return conform(values["models"], tuple[BundledModel, ...])
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(
            f"The list of bundled models, {manifest.name}, cannot be read ({error}); install the "
            "project again."
        ) from None
