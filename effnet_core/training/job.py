"""What is trained: a network, on which photos, by which recipe, and how it is shown them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.model import EfficientNet
from effnet_core.training.recipe import Recipe
from effnet_core.training.trainer import TrainingError


def preprocessing_for(spec: ArchitectureSpec) -> Preprocessing:
    """How photos are shown to a network trained from scratch: shorter edge at its resolution."""
    return Preprocessing(resize=spec.resolution, crop=spec.resolution, interpolation="bilinear")


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


def shown(job: Job, written: dict[str, Any]) -> Preprocessing:
    """How the network sees photos: as `written` when the run began, or as the job says."""
    if "preprocessing" in written:
        return Preprocessing.from_dict(written["preprocessing"])
    return job.preprocessing or preprocessing_for(job.spec)
