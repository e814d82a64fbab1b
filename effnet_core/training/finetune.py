"""Fine-tuning: a network that begins from trained weights, with a classifier of its own."""

from __future__ import annotations

import dataclasses

from torch import nn

from effnet_core.architecture.scaling import validate_resolution
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.network.build import materialise, resolve_device
from effnet_core.network.model import EfficientNet
from effnet_core.training.recipe import Recipe
from effnet_core.training.trainer import trained_spec
from effnet_core.weights import LoadedWeights


def starting_model(
    loaded: LoadedWeights,
    recipe: Recipe,
    num_classes: int,
    *,
    resolution: int | None = None,
    device: str = "cpu",
) -> tuple[EfficientNet, ArchitectureSpec]:
    """A float32 network with the body of `loaded` and a new classifier, and its spec.

    The classifier is 0, so that every class begins as likely as any other and the first step
    leaves the body alone (as in BiT, arXiv 1912.11370). Dropout and stochastic depth are the
    recipe's where it states them. `resolution` is by default that of the weights. Raises
    DoesNotFit or InvalidInput.
    """
    if loaded.spec.in_channels != 3:
        raise InvalidInput(
            f"Training shows photos in colour, and {loaded.id:.80} is fed grey; begin from weights "
            "that take three channels."
        )
    spec = dataclasses.replace(
        loaded.spec,
        num_classes=num_classes,
        resolution=preprocessing_of(loaded, resolution).crop,
    )
    spec = trained_spec(spec, recipe)
    model = materialise(spec, resolve_device(device), batch=recipe.micro_batch)
    body = {
        name: value
        for name, value in loaded.state_dict.items()
        if not name.startswith("classifier.")
    }
    classifier = {f"classifier.{k}": v for k, v in model.classifier.state_dict().items()}
    for parameter in model.classifier.parameters():
        nn.init.zeros_(parameter)
    model.load_state_dict({**body, **classifier}, strict=True)
    return model, spec


def preprocessing_of(loaded: LoadedWeights, resolution: int | None = None) -> Preprocessing:
    """How photos are shown to a network fine-tuned from `loaded`: as they were to its weights.

    At another `resolution` the shorter edge keeps its proportion to the crop.
    """
    shown = loaded.preprocessing
    if resolution is None or resolution == shown.crop:
        return shown
    return shown.at(validate_resolution(resolution))
