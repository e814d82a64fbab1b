"""The JSON files that libraries keep beside weights: `config.json`, `preprocessor_config.json`.

timm writes its own settings into `config.json` (`architecture`, `pretrained_cfg`, `label_names`);
transformers writes the network's into `config.json` (`id2label`) and the pictures' into
`preprocessor_config.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from msgspec import Meta

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError
from effnet_core.files import Number, Positive, Unfit, Whole, conform, parse_json
from effnet_core.weights.reading import computation
from effnet_core.weights.reading.computation import Computation
from effnet_core.weights.reading.settings import (
    CropMode,
    Settings,
    Statement,
    listed_names,
)
from effnet_core.weights.transformers_config import network

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
NAMES = (PREPROCESSOR, CONFIG)
"""The companions that are read, the more particular first."""

Ratio = Annotated[float, Meta(gt=0, le=1, description="a number above 0 and at most 1")]
Labels = dict[str, str] | tuple[str, ...]
Size = tuple[Whole, Whole, Whole]

_RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""By Pillow's numbers, which transformers writes."""
_SEVERAL_LABELS = "multi_label_classification"
"""transformers' problem type of networks whose classes are each judged alone."""
_TRANSFORMERS = "efficientnet"
"""transformers' model type."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """timm's `pretrained_cfg`, as far as it matters here; sizes are (channels, height, width)."""

    architecture: str | None = None
    num_classes: Whole | None = None
    input_size: Size | None = None
    test_input_size: Size | None = None
    mean: tuple[Number, ...] | None = None
    std: tuple[Positive, ...] | None = None
    interpolation: str | None = None
    crop_pct: Ratio | None = None
    test_crop_pct: Ratio | None = None
    crop_mode: CropMode | None = None
    label_names: Labels | None = None
    label_descriptions: dict[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class _Config(NetworkSettings):
    """`config.json`: older ones of timm hold everything at the root."""

    pretrained_cfg: NetworkSettings | None = None
    labels: Labels | None = None
    model_type: str | None = None
    id2label: dict[str, str] | None = None
    problem_type: str | None = None
    image_size: Whole | None = None
    global_pool: str | None = None
    model_args: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class _Preprocessor:
    """transformers' `preprocessor_config.json`."""

    do_resize: bool = True
    size: dict[str, Whole] | Whole | None = None
    do_center_crop: bool = False
    crop_size: dict[str, Whole] | Whole | None = None
    resample: Annotated[int, Meta(ge=0, le=5)] | None = None
    do_rescale: bool = True
    rescale_factor: Positive = 1 / 255
    rescale_offset: bool = False
    do_normalize: bool = True
    include_top: bool = False
    image_mean: tuple[Number, ...] | None = None
    image_std: tuple[Positive, ...] | None = None


def statements(beside: Mapping[str, bytes]) -> tuple[Statement, ...]:
    """What the companions say, by file name; raises CheckpointError for one that is unusable."""
    readers = {CONFIG: _config, PREPROCESSOR: _preprocessor}
    return tuple(readers[name](_values(name, beside[name])) for name in NAMES if name in beside)


def _values(name: str, data: bytes) -> dict[str, Any]:
    try:
        values = parse_json(data)
    except Unfit as error:
        raise _unusable(name, error) from None
    if not isinstance(values, dict):
        raise _unusable(name, "it is not an object")
    # A null says nothing: the field's default holds.
    return {field: value for field, value in values.items() if value is not None}


def _config(values: dict[str, Any]) -> Statement:
    try:
        config = conform(values, _Config, closed=False)
    except Unfit as error:
        raise _unusable(CONFIG, error) from None
    inner = config.pretrained_cfg or NetworkSettings()
    stated = network_settings(inner if config.pretrained_cfg else config, CONFIG)
    built, computed, refused = _network(config, inner, values)
    count = config.num_classes if config.num_classes is not None else inner.num_classes
    side = None
    if isinstance(built, ArchitectureSpec):
        count, side = built.num_classes, built.resolution
    names, where = _labels(config, inner, count)
    from_timm = config.pretrained_cfg is not None or stated.crop is not None
    return Statement(
        source=CONFIG,
        trainer="timm" if from_timm else "transformers" if config.model_type else "",
        architecture=built,
        computation=computed,
        refused=refused,
        num_classes=len(config.id2label) if count is None and config.id2label else count,
        classes=names,
        classes_field=where,
        activation="sigmoid" if config.problem_type == _SEVERAL_LABELS else None,
        is_regression=config.problem_type == "regression",
        settings=replace(stated, crop=stated.crop or config.image_size or side),
    )


def _network(
    config: _Config, inner: NetworkSettings, values: dict[str, Any]
) -> tuple[str | ArchitectureSpec | None, Computation, str]:
    """The network that is stated, how it is computed, and why it is not built here, if so."""
    name = config.architecture or inner.architecture
    try:
        if name is None and config.model_type == _TRANSFORMERS:
            return *network(values), ""
        made = {**(config.model_args or {})}
        made.setdefault("global_pool", config.global_pool)
        return name, computation.from_timm(made, CONFIG), ""
    except CheckpointError as error:
        return name, Computation(), str(error)


def network_settings(found: NetworkSettings, source: str) -> Settings:
    """How timm would feed a network for evaluation: at its test size, where it has one."""
    return Settings(
        crop=_square(found.test_input_size or found.input_size, source),
        crop_ratio=found.test_crop_pct or found.crop_pct,
        crop_mode=found.crop_mode,
        interpolation=found.interpolation,
        mean=found.mean,
        std=found.std,
    )


def _labels(
    config: _Config, inner: NetworkSettings, count: int | None
) -> tuple[tuple[str, ...] | None, str]:
    """Class names and the field that has them; descriptions where names are mere keys."""
    fields = {
        "label_names": config.label_names or inner.label_names,
        "labels": config.labels,
        "id2label": config.id2label,
    }
    for field, labels in fields.items():
        names = listed_names(labels, count) if labels else None
        if names is None or all(name == f"LABEL_{i}" for i, name in enumerate(names)):
            continue  # what transformers writes where nobody gave names
        described = config.label_descriptions or inner.label_descriptions or {}
        if any(name in described for name in names):
            return tuple(described.get(name, name) for name in names), "label_descriptions"
        return names, field
    return None, ""


def _preprocessor(values: dict[str, Any]) -> Statement:
    try:
        found = conform(values, _Preprocessor, closed=False)
    except Unfit as error:
        raise _unusable(PREPROCESSOR, error) from None
    if not found.do_rescale:
        raise _unusable(PREPROCESSOR, "it leaves pixels at 0 to 255 (do_rescale is false)")
    resize, squash = _edge(found.size) if found.do_resize else (None, False)
    crop = _edge(found.crop_size)[0] if found.do_center_crop else resize
    mean, std = _normalisation(found)
    return Statement(
        source=PREPROCESSOR,
        trainer="transformers",
        settings=Settings(
            crop=crop,
            resize=resize,
            crop_mode="squash" if squash else "center",
            interpolation=None if found.resample is None else _RESAMPLE[found.resample],
            mean=mean,
            std=std,
        ),
    )


def _edge(size: dict[str, int] | int | None) -> tuple[int | None, bool]:
    """A side in pixels, and whether both edges are stretched to it."""
    if size is None or isinstance(size, int):
        return size, False
    if "shortest_edge" in size:
        return size["shortest_edge"], False
    height, width = size.get("height"), size.get("width")
    if height is None or height != width:
        raise _unusable(PREPROCESSOR, f"its size {height} × {width} is not square")
    return height, True


def _normalisation(
    found: _Preprocessor,
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and std for pixels in [0, 1], with all that transformers does to 0 … 255 folded in.

    Its EfficientNets divide by the std a second time where `include_top` is set.
    """
    scale = 255 * found.rescale_factor
    mean = found.image_mean if found.do_normalize else (0.0, 0.0, 0.0)
    std = found.image_std if found.do_normalize else (1.0, 1.0, 1.0)
    offset = 1.0 if found.rescale_offset else 0.0
    if std is not None and found.include_top:
        std = tuple(each * each for each in std)
    return (
        None if mean is None else tuple((each + offset) / scale for each in mean),
        None if std is None else tuple(each / scale for each in std),
    )


def _square(size: Size | None, source: str) -> int | None:
    if size is None:
        return None
    if size[1] != size[2]:
        raise _unusable(source, f"its input of {size[1]} × {size[2]} pixels is not square")
    return size[1]


def _unusable(name: str, why: object) -> CheckpointError:
    return CheckpointError(
        f"The {name} beside the weights cannot be used: {why}; correct it, or leave it out and "
        "give the values by hand."
    )
