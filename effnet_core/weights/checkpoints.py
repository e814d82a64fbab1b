"""Checkpoints with all that belongs to them: architecture, class names, preprocessing, hash.

What a file does not say is given by the caller or is the architecture's default, and the result
says which. Class names are data: never interpreted, shown as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effnet_core import files
from effnet_core.architecture.aliases import in_words
from effnet_core.architecture.names import architecture as architecture_named
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights import tensor_files
from effnet_core.weights.convert import (
    class_count,
    guess_architecture,
    rename,
    suggestion,
    with_conventions,
)
from effnet_core.weights.key_names import TITLES, detect_style
from effnet_core.weights.published import IMAGENET_CLASSES, imagenet_classes
from effnet_core.weights.published_preprocessing import published_preprocessing
from effnet_core.weights.tensor_files import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from effnet_core.network.model import EfficientNet

SPEC_KEY, CLASSES_KEY, PREPROCESSING_KEY = "effnet.spec", "effnet.classes", "effnet.preprocessing"

GIVEN, METADATA, CATALOG = "given", "metadata", "catalog"
IMAGENET = "ImageNet-1k, assumed from 1,000 classes"
NUMBERED = "numbered, no names known"


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedWeights:
    """Weights ready for a network of `spec`: arrays by this project's tensor names, no torch.

    `classes` always has `spec.num_classes` names. `preprocessing_source` is "given", "metadata",
    "catalog" or whose defaults they are ("torchvision's defaults for b2"), and `classes_source`
    likewise says where the names are from. `sha256` is that of the file read; `spec.resolution`
    equals `preprocessing.crop`.
    """

    id: str
    spec: ArchitectureSpec
    tensors: dict[str, Array]
    classes: tuple[str, ...]
    classes_source: str
    preprocessing: Preprocessing
    preprocessing_source: str
    sha256: str
    origin: str

    @property
    def conventions(self) -> str:
        """Padding and batch-norm's eps, as read-outs say them."""
        return in_words(self.spec.padding, self.spec.bn_eps)

    @property
    def state_dict(self) -> dict[str, Tensor]:
        """The same as torch's tensors, which share the arrays' memory: not to be written into."""
        import torch

        with warnings.catch_warnings(action="ignore", category=UserWarning):  # read-only arrays
            return {name: torch.from_numpy(values) for name, values in self.tensors.items()}


def load_checkpoint(
    path_or_bytes: Path | str | bytes,
    *,
    architecture: str | ArchitectureSpec | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    file_name: str | None = None,
) -> LoadedWeights:
    """Read a `.safetensors`, `.pth` or `.pt` checkpoint strictly into this project's names.

    `architecture` (any accepted name, a `.json` spec file or a spec) is needed unless the file says
    what it is. A name takes the number of classes from the file, and batch-norm settings, padding
    and preprocessing from the library whose tensor names it has; a spec is taken as it is. Bytes
    need a `file_name`, whose ending tells the format. Raises CheckpointError (unreadable, unsafe,
    unfitting, class names that disagree) or InvalidInput (unknown architecture).
    """
    if isinstance(path_or_bytes, bytes):
        data, name = path_or_bytes, Path(file_name or "checkpoint").name
    else:
        data, name = tensor_files.read_file(Path(path_or_bytes)), Path(path_or_bytes).name
    file = tensor_files.parse(data, name)
    spec, asked = _spec(file, architecture, name)
    tensors = rename(file.tensors, spec)
    chosen, preprocessing_source = _preprocessing(file, preprocessing, spec, asked, name)
    names, classes_source = _classes(file, classes, spec, name)
    return LoadedWeights(
        id=name,
        spec=dataclasses.replace(spec, resolution=chosen.crop),
        tensors=tensors,
        classes=names,
        classes_source=classes_source,
        preprocessing=chosen,
        preprocessing_source=preprocessing_source,
        sha256=hashlib.sha256(data).hexdigest(),
        origin=f"file {name}" + (f", {file.unwrapped}" if file.unwrapped else ""),
    )


def save_checkpoint(
    path: Path | str,
    model: EfficientNet,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
) -> str:
    """Save a network with its spec, class names and preprocessing; returns the file's SHA-256.

    The file appears whole or not at all, and loads again by itself. Raises InvalidInput (ending,
    class names that disagree) or WeightsError (disk full, no permission).
    """
    target = Path(path)
    if target.suffix.lower() != ".safetensors":
        raise InvalidInput(
            f"Checkpoints are saved as .safetensors; got the name {target.name!r:.120}."
        )
    if classes and len(classes) != model.spec.num_classes:
        raise InvalidInput(_disagreement(len(classes), model.spec.num_classes))
    chosen = preprocessing or Preprocessing.imagenet(model.spec.resolution)
    data = _serialise(model.state_dict(), model.spec, classes, chosen, {})
    files.write(target, data)
    return hashlib.sha256(data).hexdigest()


def serialise(loaded: LoadedWeights, more: Mapping[str, str] | None = None) -> bytes:
    """`loaded` as this project's own safetensors file, which loads again by itself.

    `more` is metadata beside its own.
    """
    named = () if loaded.classes_source == NUMBERED else loaded.classes
    return _serialise(loaded.state_dict, loaded.spec, named, loaded.preprocessing, more or {})


def instantiate(
    loaded: LoadedWeights, *, device: str | torch.device = "cpu", dtype: str = "float32"
) -> EfficientNet:
    """The network with these weights on `device`, in evaluation mode.

    Raises DoesNotFit (predicted bytes exceed what is free) or InvalidInput (device, dtype).
    """
    from effnet_core.network.build import materialise, resolve_device

    target = resolve_device(device) if isinstance(device, str) else device
    model = materialise(loaded.spec, target, dtype=dtype)
    model.load_state_dict(loaded.state_dict, strict=True)
    return model


def _serialise(
    state_dict: dict[str, Tensor],
    spec: ArchitectureSpec,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    more: Mapping[str, str],
) -> bytes:
    metadata = {
        **more,
        SPEC_KEY: spec.to_json(),
        PREPROCESSING_KEY: json.dumps(preprocessing.to_dict()),
    }
    if classes:
        metadata[CLASSES_KEY] = json.dumps(list(classes))
    return tensor_files.serialise(state_dict, metadata)


def _spec(
    file: tensor_files.TensorFile, given: str | ArchitectureSpec | None, name: str
) -> tuple[ArchitectureSpec, str]:
    """The spec that the file states, or else the given one; the two may not contradict.

    With it the name that stood for it, or "" for one that is stated in full.
    """
    wanted, asked = _given_spec(file, given) if given is not None else (None, "")
    if SPEC_KEY not in file.metadata:
        return (wanted, asked) if wanted is not None else _hinted_spec(file, name)
    try:
        stated = ArchitectureSpec.from_json(file.metadata[SPEC_KEY])
    except InvalidInput as error:
        raise CheckpointError(
            f"What {name} says of its own architecture is unusable: {error}"
        ) from None
    if wanted is not None and wanted.blocks != stated.blocks:
        raise CheckpointError(
            f"{name} says that it is {stated.name}, not {wanted.name}; leave the architecture out "
            "to take the file's own."
        )
    return stated, ""


def _given_spec(
    file: tensor_files.TensorFile, given: str | ArchitectureSpec
) -> tuple[ArchitectureSpec, str]:
    """As `_spec`. Only a name takes on the conventions of the library that named the tensors."""
    if isinstance(given, ArchitectureSpec):
        return given, ""
    if given.endswith(".json"):
        return architecture_named(given), ""
    spec = architecture_named(given, num_classes=class_count(file.tensors))
    return with_conventions(spec, detect_style(file.tensors)), given


def _hinted_spec(file: tensor_files.TensorFile, name: str) -> tuple[ArchitectureSpec, str]:
    """The spec by the "architecture" that other libraries' metadata may state."""
    hint = file.metadata.get("architecture", "")
    if hint and not hint.endswith(".json"):
        return _given_spec(file, hint)
    guess, style = guess_architecture(file.tensors), detect_style(file.tensors)
    looks = f"it looks like {guess}, " if guess else ""
    raise CheckpointError(
        f"{name} does not say which architecture it is ({looks}named as in {TITLES[style]}); give "
        f"its name{f': {suggestion(guess, style)}' if guess else ', such as b0'}."
    )


def _preprocessing(
    file: tensor_files.TensorFile,
    given: Preprocessing | None,
    spec: ArchitectureSpec,
    asked: str,
    name: str,
) -> tuple[Preprocessing, str]:
    if given is not None:
        return given, GIVEN
    if PREPROCESSING_KEY in file.metadata:
        stated = _json(file, PREPROCESSING_KEY, name)
        try:
            return Preprocessing.from_dict(stated if isinstance(stated, dict) else {}), METADATA
        except InvalidInput as error:
            raise CheckpointError(
                f"What {name} says of its preprocessing is unusable: {error}"
            ) from None
    return published_preprocessing(spec, detect_style(file.tensors), asked)


def _classes(
    file: tensor_files.TensorFile, given: Sequence[str] | None, spec: ArchitectureSpec, name: str
) -> tuple[tuple[str, ...], str]:
    if given:
        names, source = tuple(given), GIVEN
    elif CLASSES_KEY in file.metadata:
        stated = _json(file, CLASSES_KEY, name)
        if not isinstance(stated, list) or not all(isinstance(label, str) for label in stated):
            raise CheckpointError(f"The class names in {name} are not a list of texts.")
        names, source = tuple(stated), METADATA
    elif spec.num_classes == IMAGENET_CLASSES and detect_style(file.tensors) != "own":
        names, source = imagenet_classes(), IMAGENET
    else:
        names, source = tuple(f"class {index}" for index in range(spec.num_classes)), NUMBERED
    if len(names) != spec.num_classes:
        raise CheckpointError(_disagreement(len(names), spec.num_classes))
    return names, source


def _disagreement(names: int, classes: int) -> str:
    return (
        f"There are {names:,} class names, but the network has {classes:,} classes; give one name "
        "a class, in the order of the outputs."
    )


def _json(file: tensor_files.TensorFile, key: str, name: str) -> Any:
    try:
        return json.loads(file.metadata[key])
    except (ValueError, RecursionError):
        raise CheckpointError(f"What {name} says under {key} is not valid JSON.") from None
