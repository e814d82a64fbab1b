"""Checkpoints with all that belongs to them: architecture, class names, preprocessing, hash.

What a file does not say is given by the caller or is the architecture's default, and the result
says which. Class names are data: never interpreted, shown as they are.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from effnet_core import files
from effnet_core.architecture.aliases import in_words
from effnet_core.architecture.outputs import Activation, may_name, require_activation, row_names
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights import outputs, tensor_files
from effnet_core.weights.reading import bundles
from effnet_core.weights.reading.bundles import Bundle
from effnet_core.weights.reading.said import SPEC_KEY
from effnet_core.weights.reading.settings import Settings
from effnet_core.weights.reading.settling import (
    CLASSES_KEY,
    NUMBERED,
    PREPROCESSING_KEY,
    Given,
    disagreement,
    settle,
)
from effnet_core.weights.reading.understood import Understood
from effnet_core.weights.tensor_files import Array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from effnet_core.network.model import EfficientNet

CATALOG = "catalog"


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedWeights:
    """Weights ready for a network of `spec`: arrays by this project's tensor names, no torch.

    `classes` has `spec.num_classes` names, or two of one logit (see `rows.as_rows`).
    `preprocessing_source` is "given", "metadata", "catalog", the file that says it ("config.json")
    or whose defaults they are ("torchvision's defaults for b2"); `classes_source` and
    `activation_source` likewise. `understood` is what a file was taken for. `sha256` is that of the
    file read; `spec.resolution` equals `preprocessing.crop`. Raises InvalidInput for one logit's
    softmax.
    """

    id: str
    spec: ArchitectureSpec
    tensors: Mapping[str, Array]
    classes: tuple[str, ...]
    classes_source: str
    preprocessing: Preprocessing
    preprocessing_source: str
    sha256: str
    origin: str
    activation: Activation = "softmax"
    activation_source: str = outputs.ASSUMED
    understood: Understood | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_activation(self.activation, self.spec.num_classes)

    @property
    def identity(self) -> str:
        """As `Source.identity`."""
        return f"{self.id}@{self.sha256}"

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the rows that are answered with; of one logit two."""
        return row_names(self.classes, self.spec.num_classes)

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
    given: Path | str | bytes | Bundle,
    *,
    architecture: str | ArchitectureSpec | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | Settings | None = None,
    activation: Activation | None = None,
    weights_key: str | None = None,
    file_name: str | None = None,
) -> LoadedWeights:
    """Read a checkpoint strictly into this project's names: a file, a folder, a zip, or its bytes.

    `architecture` (any accepted name, a `.json` spec file or a spec) is needed unless the file or
    what lies beside it says what it is. A name takes the number of classes from the file, and
    batch-norm settings, padding and preprocessing from the library whose tensor names it has; a
    spec is taken as it is. `weights_key` names one of several networks. Bytes need a `file_name`,
    whose ending tells the format. Raises CheckpointError (unreadable, unsafe, unfitting, class
    names that disagree), InvalidInput (unknown architecture or key, one logit's softmax) or
    DataError (a bad zip).
    """
    bundle = _bundle(given, file_name)
    settled = settle(
        bundle,
        Given(
            architecture=architecture,
            classes=classes,
            preprocessing=preprocessing,
            activation=activation,
            weights_key=weights_key,
        ),
    )
    found, opened = settled.understood, settled.unwrapped
    if settled.spec is None or found.preprocessing is None:
        raise CheckpointError(found.architecture_source)
    return LoadedWeights(
        id=bundle.file_name,
        spec=settled.spec,
        tensors=settled.tensors,
        classes=found.classes,
        classes_source=found.classes_source,
        preprocessing=found.preprocessing,
        preprocessing_source=found.preprocessing_source,
        sha256=hashlib.sha256(bundle.data).hexdigest(),
        origin=f"file {bundle.file_name}" + (f", {opened}" if opened else ""),
        activation=found.activation,
        activation_source=found.activation_source,
        understood=found,
    )


def understand(
    given: Path | str | bytes | Bundle,
    *,
    architecture: str | ArchitectureSpec | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | Settings | None = None,
    activation: Activation | None = None,
    weights_key: str | None = None,
) -> Understood:
    """What `load_checkpoint` would take a file for; raises what it raises.

    A file that does not tell its architecture is no error here: the answer says what is missing.
    """
    said = Given(
        architecture=architecture,
        classes=classes,
        preprocessing=preprocessing,
        activation=activation,
        weights_key=weights_key,
    )
    return settle(_bundle(given, None), said).understood


def _bundle(given: Path | str | bytes | Bundle, file_name: str | None) -> Bundle:
    if isinstance(given, Bundle):
        return given
    if isinstance(given, bytes):
        name = Path(file_name or "checkpoint").name
        return bundles.from_files({name: given})
    return bundles.from_path(Path(given))


def save_checkpoint(
    path: Path | str,
    model: EfficientNet,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> str:
    """Save a network with its spec, class names and preprocessing; returns the file's SHA-256.

    The file appears whole or not at all, and loads again by itself; with an `activation` it says
    what its logits mean. Raises InvalidInput (ending, class names that disagree, the softmax of one
    logit) or WeightsError (disk full, no permission).
    """
    target = Path(path)
    if target.suffix.lower() != ".safetensors":
        raise InvalidInput(
            f"Checkpoints are saved as .safetensors; got the name {target.name!r:.120}."
        )
    if classes and not may_name(len(classes), model.spec.num_classes):
        raise InvalidInput(disagreement(len(classes), model.spec.num_classes))
    more = outputs.stated(activation, model.spec.num_classes)
    chosen = preprocessing or Preprocessing.imagenet(model.spec.resolution)
    data = _serialise(model.state_dict(), model.spec, classes, chosen, more)
    files.write(target, data)
    return hashlib.sha256(data).hexdigest()


def serialise(loaded: LoadedWeights, more: Mapping[str, str] | None = None) -> bytes:
    """`loaded` as this project's own safetensors file, which loads again by itself.

    `more` is metadata beside its own.
    """
    named = () if loaded.classes_source == NUMBERED else loaded.classes
    known = None if loaded.activation_source == outputs.ASSUMED else loaded.activation
    more = {**outputs.stated(known, loaded.spec.num_classes), **(more or {})}
    return _serialise(loaded.tensors, loaded.spec, named, loaded.preprocessing, more)


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
    tensors: Mapping[str, Tensor | Array],
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
    return tensor_files.serialise(tensors, metadata)
