"""What is trained: a network, on which photos, by which recipe; begun, or to be resumed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import DataError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.training.finetune import preprocessing_of, starting_model
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.trainer import TrainingError, trained_spec
from effnet_core.weights import LoadedWeights

OWN_DATA = "data"
"""Where in its folder a run keeps photos that were prepared for it alone."""

HELD_OUT_SHARE, MOST_HELD_OUT = 10, 5000

_TRAIN_FILE = prepared.path_of(Path(), "train").name


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """What is trained: the network, on which photos, how.

    `model` is where the weights begin, by default drawn with the recipe's seed; it must be as
    `trained_spec` says. `preprocessing` belongs to it, by default `preprocessing_for`. A resumed
    run needs neither. `about` says where the photos are from. The spec's own number of classes
    must be the photos'.
    """

    spec: ArchitectureSpec
    photos: PhotoSet
    recipe: Recipe
    about: dict[str, Any]
    model: EfficientNet | None = None
    preprocessing: Preprocessing | None = None

    def __post_init__(self) -> None:
        if self.spec.num_classes != len(self.photos.classes):
            raise TrainingError(
                f"{self.spec.name} has {self.spec.num_classes} classes, and the photos have "
                f"{len(self.photos.classes)}."
            )
        if self.preprocessing is not None and self.preprocessing.crop != self.spec.resolution:
            raise InvalidInput(
                f"{self.spec.name} sees {self.spec.resolution} pixels, and the preprocessing cuts "
                f"{self.preprocessing.crop}."
            )


def preprocessing_for(spec: ArchitectureSpec) -> Preprocessing:
    """How photos are shown to a network trained from scratch: shorter edge at its resolution."""
    return Preprocessing(resize=spec.resolution, crop=spec.resolution, interpolation="bilinear")


def shown(job: Job, written: dict[str, Any]) -> Preprocessing:
    """How the network sees photos: as `written` when the run began, or as the job says."""
    if "preprocessing" in written:
        return Preprocessing.from_dict(written["preprocessing"])
    return job.preprocessing or preprocessing_for(job.spec)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """The training photos of a prepared folder; `path` is absolute, `sha256` by file name."""

    photos: PhotoSet
    path: Path
    name: str
    validation: int
    sha256: dict[str, str]

    def describe(self, recipe: Recipe) -> dict[str, Any]:
        """What a run's record says of its photos, as plain values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "train": len(self.photos) - recipe.held_out,
            "held_out": recipe.held_out,
            "validation": self.validation,
            "sha256": self.sha256,
        }


def read_data(folder: Path) -> TrainingData:
    """The photos of a folder that `effnet data prepare` made, its files checked by SHA-256.

    Raises DataError.
    """
    report = prepared.verify(folder)
    photos = prepared.load(folder, "train")
    if photos is None:
        raise DataError(f"{folder} holds no photos to train on; prepare a source that has some.")
    return TrainingData(
        photos=photos,
        path=folder.resolve(),
        name=report.source,
        validation=report.photos("val"),
        sha256=dict(report.sha256),
    )


def usual_held_out(photos: int) -> int:
    """How many photos are held out where nobody says: a tenth, at most 5,000."""
    return min(photos // HELD_OUT_SHARE, MOST_HELD_OUT)


def new_job(spec: ArchitectureSpec, data: TrainingData, recipe: Recipe) -> Job:
    """`spec` trained from scratch, with as many classes as the photos have."""
    return Job(
        spec=dataclasses.replace(spec, num_classes=len(data.photos.classes)),
        photos=data.photos,
        recipe=recipe,
        about={"data": data.describe(recipe)},
    )


def zeroed_model(spec: ArchitectureSpec, recipe: Recipe) -> EfficientNet:
    """The network as it begins from scratch, but for its classifier, which is 0 as in fine-tuning.

    The reference's initial weights, uniform within ±1/√classes, are so large for few classes that a
    short run mostly unlearns them, and the larger for its answers the wider the network.
    """
    model = build(trained_spec(spec, recipe), seed=recipe.seed, batch=recipe.micro_batch)
    nn.init.zeros_(model.classifier.weight)
    return model


def fine_tuning_job(
    loaded: LoadedWeights,
    data: TrainingData,
    recipe: Recipe,
    *,
    resolution: int | None = None,
    device: str = "cpu",
) -> Job:
    """The weights trained on for the classes of the photos; see `starting_model`."""
    model, spec = starting_model(
        loaded, recipe, len(data.photos.classes), resolution=resolution, device=device
    )
    origin = {"id": loaded.id, "origin": loaded.origin, "sha256": loaded.sha256}
    return Job(
        spec=spec,
        photos=data.photos,
        recipe=recipe,
        about={"data": data.describe(recipe), "from": origin},
        model=model,
        preprocessing=preprocessing_of(loaded, resolution),
    )


def resumed_job(folder: RunFolder, data: Path | None = None) -> Job:
    """The job of a run that was begun; its photos are where they were, or now in `data`.

    Raises TrainingError for a folder without a run, and for photos that are gone or not those it
    was begun with; DataError where they cannot be read.
    """
    begun = folder.begun()
    data_then = begun.about.get("data")
    data_then = data_then if isinstance(data_then, dict) else {}
    written, path = data_then.get("sha256", {}).get(_TRAIN_FILE), data_then.get("path")
    if written is None or path is None:
        raise TrainingError(
            f"{folder.path / 'run.json'} does not say where its photos are; such a run is resumed "
            "by what began it."
        )
    found = read_data(data or _place_of(Path(path), folder))
    if found.sha256[_TRAIN_FILE] != written:
        raise TrainingError(
            f"The photos in {found.path} are not those that the run was begun with (SHA-256 of "
            f"{_TRAIN_FILE}); bring them back, or begin a new run."
        )
    return Job(spec=begun.spec, photos=found.photos, recipe=begun.recipe, about=begun.about)


def _place_of(path: Path, folder: RunFolder) -> Path:
    """Where the photos are that were at `path`: a run may have been moved with its own."""
    for place in (path, folder.path / OWN_DATA):
        if place.exists():
            return place
    raise TrainingError(
        f"The photos of this run are no longer in {path}; bring them back, or say where they are."
    )
