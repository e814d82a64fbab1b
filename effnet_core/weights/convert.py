"""State dicts with other libraries' key names, turned into this project's.

Strict: every tensor must have its place and every place its tensor. The names also tell the
conventions that the weights were trained with, which no tensor shows (`with_conventions`).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

from effnet_core.architecture.aliases import VARIANTS, in_words, timm_name
from effnet_core.architecture.families import PYTORCH, TENSORFLOW
from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError
from effnet_core.weights.key_names import CLASSIFIERS, TITLES, Style, detect_style, module_names
from effnet_core.weights.tensor_shapes import COUNTER, Shape, tensor_shapes

__all__ = ["convert", "detect_style", "guess_architecture", "rename", "with_conventions"]


class Shaped(Protocol):
    """An array, or a tensor of torch."""

    @property
    def shape(self) -> Shape:
        """Its length along every axis."""

    @property
    def ndim(self) -> int:
        """How many axes it has."""


T = TypeVar("T", bound=Shaped)


def convert(
    state_dict: Mapping[str, T], spec: ArchitectureSpec
) -> tuple[dict[str, T], ArchitectureSpec]:
    """The same tensors under this project's names, and `spec` with the style's conventions.

    For a `spec` that stands for a published name; `rename` leaves a spec as it is. Raises
    CheckpointError as `rename` does.
    """
    spec = with_conventions(spec, detect_style(state_dict))
    return rename(state_dict, spec), spec


def rename(state_dict: Mapping[str, T], spec: ArchitectureSpec) -> dict[str, T]:
    """The same tensors under this project's names.

    Batch-norm's counters of batches, which evaluation never reads, may be absent (older files) and
    are then 0; nothing else may. Raises CheckpointError, saying what was expected and found.
    """
    style = detect_style(state_dict)
    names, shapes = module_names(spec, style), tensor_shapes(spec)
    converted: dict[str, T] = {}
    unexpected: list[str] = []
    for key, tensor in state_dict.items():
        module, _, leaf = key.rpartition(".")
        own = f"{names.get(module, '')}.{leaf}"
        if own in shapes:
            converted[own] = tensor
        else:
            unexpected.append(key)
    for own in shapes.keys() - converted.keys():
        variance = converted.get(own.replace(COUNTER, "running_var"))
        if own.endswith(COUNTER) and variance is not None:
            converted[own] = _no_batches(variance)
    theirs = {own: name for name, own in names.items()}
    _require_all(state_dict, spec, style, converted, unexpected, theirs)
    return {own: converted[own] for own in shapes}


def _no_batches(like: Any) -> Any:
    """A counter that has counted nothing, of the library of `like`."""
    if isinstance(like, np.ndarray):
        return np.zeros((), np.int64)
    torch = sys.modules["torch"]
    return torch.zeros((), dtype=torch.int64)


def with_conventions(spec: ArchitectureSpec, style: Style) -> ArchitectureSpec:
    """`spec` with the batch-norm settings and padding that key names of `style` stand for.

    torchvision: its own (eps 1e-5 for B0–B4, 1e-3 for B5–B7 and V2; symmetric padding). lukemelas
    and transformers: TensorFlow's (eps 1e-3, "same" padding). timm: TensorFlow's if `spec` pads
    "same", as its "tf_" names and V2-B do, else eps 1e-5 and symmetric. This project's own names,
    and specs under a name that is no published variant's, keep what they say.
    """
    if style == "own" or spec.name not in VARIANTS:
        return spec
    if style == "torchvision":
        published = variant(spec.name)
        return dataclasses.replace(
            spec,
            bn_eps=published.bn_eps,
            bn_momentum=published.bn_momentum,
            padding=published.padding,
        )
    tensorflow = style != "timm" or spec.padding == "same"
    return dataclasses.replace(spec, **dataclasses.asdict(TENSORFLOW if tensorflow else PYTORCH))


def suggestion(variant_name: str, style: Style) -> str:
    """Names under which a `variant_name` with key names of `style` may be taken in.

    Where two stand for the same tensors, what the choice between them changes is said too.
    """
    with_same = timm_name(variant_name, tensorflow=True)
    without = timm_name(variant_name, tensorflow=False)
    if style != "timm" or with_same is None or without is None:
        return variant_name if style != "timm" else with_same or without or variant_name
    return (
        f"{with_same} if it was trained with {in_words(TENSORFLOW.padding, TENSORFLOW.bn_eps)}, or "
        f"{without} if with {in_words(PYTORCH.padding, PYTORCH.bn_eps)}: the tensors do not tell"
    )


def likely_name(variant_name: str, style: Style) -> str:
    """The one of the names of `suggestion` that people train under: timm's own before TensorFlow's.

    What no tensor tells, padding and batch-norm's eps, is then assumed.
    """
    if style != "timm":
        return variant_name
    names = (timm_name(variant_name, tensorflow=mimics) for mimics in (False, True))
    return next((name for name in names if name), variant_name)


def guess_architecture(state_dict: Mapping[str, Shaped]) -> str | None:
    """The published variant whose names and shapes these are, whatever the ends take and give."""
    style = detect_style(state_dict)
    modules = {key.rpartition(".")[0] for key in state_dict}
    return next((name for name in VARIANTS if _looks_like(name, state_dict, modules, style)), None)


def _looks_like(
    name: str, state_dict: Mapping[str, Shaped], modules: set[str], style: Style
) -> bool:
    spec = variant(name)
    fused = any(block.operator == "fused_mbconv" for block in spec.blocks)
    if style in ("lukemelas", "transformers") and fused:
        return False
    theirs = {own: name for name, own in module_names(spec, style).items()}
    if modules != set(theirs.values()):
        return False
    for own, shape in tensor_shapes(spec).items():
        module, _, leaf = own.rpartition(".")
        if leaf == COUNTER or module == "classifier":
            continue
        tensor = state_dict.get(f"{theirs[module]}.{leaf}")
        found = () if tensor is None else tuple(tensor.shape)
        if found != shape and (module != "stem.conv" or found[:1] != shape[:1]):
            return False
    return True


def class_count(state_dict: Mapping[str, Shaped]) -> int:
    """Number of classes by the classifier's rows; raises CheckpointError if there is none."""
    name = f"{CLASSIFIERS[detect_style(state_dict)]}.weight"
    classifier = state_dict.get(name)
    if classifier is None or classifier.ndim != 2:
        raise CheckpointError(
            f"The checkpoint has no classifier (expected a matrix called {name}); weights without "
            "their last layer cannot classify."
        )
    return classifier.shape[0]


def _require_all(
    state_dict: Mapping[str, Shaped],
    spec: ArchitectureSpec,
    style: Style,
    converted: Mapping[str, Shaped],
    unexpected: list[str],
    theirs: Mapping[str, str],
) -> None:
    """Raise CheckpointError unless `converted` has exactly the expected names and shapes."""
    shapes = tensor_shapes(spec)

    def source(own: str) -> str:
        module, _, leaf = own.rpartition(".")
        return f"{theirs[module]}.{leaf}"

    missing = [source(own) for own in shapes if own not in converted]
    reshaped = [
        f"{source(own)} is {_size(tuple(tensor.shape))} instead of {_size(shapes[own])}"
        for own, tensor in converted.items()
        if tuple(tensor.shape) != shapes[own]
    ]
    if not (missing or unexpected or reshaped):
        return
    rows = class_count(state_dict)
    if not missing and not unexpected and rows != spec.num_classes and len(reshaped) <= 2:
        raise CheckpointError(
            f"The checkpoint's classifier has {rows:,} classes where {spec.name} was expected to "
            f"have {spec.num_classes:,}."
        )
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    found = "; ".join(_count(names, what) for what, names in faults.items() if names)
    guess = guess_architecture(state_dict)
    hint = f"; it looks like {guess}" if guess not in (None, spec.name) else ""
    raise CheckpointError(
        f"The checkpoint ({len(state_dict)} tensors, named as in {TITLES[style]}) does not fit "
        f"{spec.name} with its {len(shapes)} tensors: {found}{hint}."
    )


def _count(names: list[str], what: str) -> str:
    """ "213 missing (features.1.0…, features.1.1…, …)", the first two by name."""
    more = ", …" if len(names) > 2 else ""
    return f"{len(names)} {what} ({', '.join(name[:120] for name in names[:2])}{more})"


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "a single number"
