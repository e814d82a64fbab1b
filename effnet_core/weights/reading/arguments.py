"""What a trainer's own fields, beside the tensors of its checkpoint, say of the network.

timm and torchvision's reference scripts keep their command line (`args`), the ImageNet example
the name alone (`arch`), Lightning what its module was made with (`hyper_parameters`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from effnet_core.architecture.names import canonical_name
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.files import Unfit, conform
from effnet_core.weights.reading.companions import NetworkSettings, network_settings
from effnet_core.weights.reading.settings import Settings, Statement

Trainer = Literal["PyTorch Lightning", "timm", "torchvision's references", "ImageNet example"]

_FIELDS: dict[Trainer, frozenset[str]] = {
    "PyTorch Lightning": frozenset(("pytorch-lightning_version", "state_dict")),
    "timm": frozenset(("epoch", "arch", "optimizer", "version")),
    "torchvision's references": frozenset(("model", "optimizer", "lr_scheduler", "epoch", "args")),
    "ImageNet example": frozenset(("epoch", "arch", "state_dict", "best_acc1")),
}
"""The fields by which a trainer's checkpoints are told; the first that fits."""

_ARGUMENTS = ("args", "hyper_parameters", "hparams", "config", "cfg")
_NAMES = ("model", "arch", "architecture", "model_name", "backbone", "encoder_name", "net", "name")
_TIMM_FIELDS = (
    "input_size",
    "img_size",
    "mean",
    "std",
    "interpolation",
    "crop_pct",
    "crop_mode",
)


def trainer(around: Mapping[str, Any]) -> str:
    """Who wrote a checkpoint, by the fields around its tensors; "" where they do not tell."""
    return next((name for name, fields in _FIELDS.items() if fields <= around.keys()), "")


def statements(around: Mapping[str, Any]) -> Iterator[Statement]:
    """What the fields around the tensors say, the more particular first.

    Raises CheckpointError where timm's or torchvision's own arguments are unusable.
    """
    wrote = trainer(around)
    for field in _ARGUMENTS:
        values = _plain(around.get(field))
        name, architecture = _architecture(values)
        if architecture:
            yield Statement(
                source=f"{field}.{name} in the checkpoint", trainer=wrote, architecture=architecture
            )
        settings = _settings(values, field)
        if settings != Settings():
            yield Statement(source=f"{field} in the checkpoint", trainer=wrote, settings=settings)
    name, architecture = _architecture(around)
    if architecture:
        yield Statement(
            source=f"{name} in the checkpoint", trainer=wrote, architecture=architecture
        )


def _plain(value: object) -> Mapping[str, Any]:
    """A namespace's or dictionary's values by their names; nothing of anything else."""
    found = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return {name: each for name, each in found.items() if isinstance(name, str)}


def _architecture(values: Mapping[str, Any]) -> tuple[str, str | None]:
    """The field that has an EfficientNet's name, and the name."""
    for field in _NAMES:
        name = values.get(field)
        if isinstance(name, str) and is_architecture(name):
            return field, name
    return "", None


def is_architecture(name: str) -> bool:
    """Whether `name` is one that stands for an architecture here; a path never is."""
    try:
        canonical_name(name)
    except InvalidInput:
        return False
    return not name.endswith(".json")


def _settings(values: Mapping[str, Any], field: str) -> Settings:
    """How the arguments say that pictures were fed; arguments that were not given are None."""
    try:
        if "val_crop_size" in values:  # torchvision's
            names = {"crop": "val_crop_size", "resize": "val_resize_size"}
            said = {own: values.get(theirs) for own, theirs in names.items()}
            return conform({**said, "interpolation": values.get("interpolation")}, Settings)
        said = {name: values[name] for name in _TIMM_FIELDS if values.get(name) not in (None, "")}
        side = said.pop("img_size", None)
        if side is not None:
            said.setdefault("input_size", [3, side, side])
        if not {"input_size", "crop_pct", "mean"} & said.keys():
            return Settings()
        return network_settings(conform(_as_json(said), NetworkSettings), field)
    except Unfit as error:
        raise CheckpointError(
            f"What {field} in the checkpoint says of its preprocessing is unusable: {error}."
        ) from None


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
