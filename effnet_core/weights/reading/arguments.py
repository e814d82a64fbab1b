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
from effnet_core.weights.reading.computation import Computation, from_timm
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
_FREE_NAMES = frozenset(("net", "name"))
"""Fields in which people write what they like: an architecture's name only if the tensors agree."""
_COMPUTED = {"gp": "global_pool", "bn_eps": "bn_eps", "bn_tf": "bn_tf"}
"""timm's arguments of how a network is computed, and what its models call the same."""
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


def statements(around: Mapping[str, Any], looks_like: str | None) -> Iterator[Statement]:
    """What the fields around the tensors say, the more particular first.

    `looks_like` is the variant whose tensors they are. Raises CheckpointError where timm's or
    torchvision's own arguments are unusable.
    """
    wrote = trainer(around)
    for field in _ARGUMENTS:
        values = _plain(around.get(field))
        name, architecture = _architecture(values, looks_like)
        if architecture:
            yield Statement(
                source=f"{field}.{name} in the checkpoint", trainer=wrote, architecture=architecture
            )
        if _are_timms(values, wrote):
            yield _of_timm(values, field, wrote)
            continue
        settings = _settings(values, field)
        if settings != Settings():
            yield Statement(source=f"{field} in the checkpoint", trainer=wrote, settings=settings)
    name, architecture = _architecture(around, looks_like)
    if architecture:
        yield Statement(
            source=f"{name} in the checkpoint", trainer=wrote, architecture=architecture
        )


def unknown_name(around: Mapping[str, Any]) -> tuple[str, str]:
    """A field that has a name, and the name, where it stands for no network here; "" for none."""
    for field in (*_ARGUMENTS, ""):
        values = _plain(around.get(field)) if field else around
        for name in _NAMES:
            said = values.get(name)
            if name not in _FREE_NAMES and isinstance(said, str) and said:
                return f"{field}.{name}".strip("."), said
    return "", ""


def _are_timms(values: Mapping[str, Any], wrote: str) -> bool:
    """Whether they are the arguments of timm's training script, whose meaning is known."""
    return {"model", "gp", "bn_eps"} <= values.keys() or (wrote == "timm" and "model" in values)


def _of_timm(values: Mapping[str, Any], field: str, wrote: str) -> Statement:
    """How timm's arguments say that a network is fed and computed."""
    source = f"{field} in the checkpoint"
    made = {**_plain(values.get("model_kwargs"))}
    made |= {own: values[name] for name, own in _COMPUTED.items() if values.get(name)}
    try:
        computed, refused = from_timm(made, source), ""
    except CheckpointError as error:
        computed, refused = Computation(), str(error)
    return Statement(
        source=source,
        trainer=wrote,
        computation=computed,
        refused=refused,
        settings=_timm_settings(values, field, said_of_feeding=True),
    )


def _plain(value: object) -> Mapping[str, Any]:
    """A namespace's or dictionary's values by their names; nothing of anything else."""
    found = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return {name: each for name, each in found.items() if isinstance(name, str)}


def _architecture(values: Mapping[str, Any], looks_like: str | None) -> tuple[str, str | None]:
    """The field that has an EfficientNet's name, and the name."""
    for field in _NAMES:
        name = values.get(field)
        if not isinstance(name, str) or not is_architecture(name):
            continue
        if field not in _FREE_NAMES or canonical_name(name)[0] == looks_like:
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
    if "val_crop_size" not in values:
        return _timm_settings(values, field, said_of_feeding=False)
    names = {"crop": "val_crop_size", "resize": "val_resize_size"}  # torchvision's
    said = {own: values.get(theirs) for own, theirs in names.items()}
    try:
        return conform({**said, "interpolation": values.get("interpolation")}, Settings)
    except Unfit as error:
        raise _unusable(field, error) from None


def _timm_settings(values: Mapping[str, Any], field: str, *, said_of_feeding: bool) -> Settings:
    """Arguments by timm's names; unless they are `said_of_feeding`, only with one that tells so."""
    said = {name: values[name] for name in _TIMM_FIELDS if values.get(name) not in (None, "")}
    side = said.pop("img_size", None)
    if side is not None:
        said.setdefault("input_size", [3, side, side])
    if not said_of_feeding and not {"input_size", "crop_pct", "mean"} & said.keys():
        return Settings()
    try:
        return network_settings(conform(_as_json(said), NetworkSettings), field)
    except Unfit as error:
        raise _unusable(field, error) from None


def _unusable(field: str, error: Unfit) -> CheckpointError:
    return CheckpointError(
        f"What {field} in the checkpoint says of its preprocessing is unusable: {error}."
    )


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
