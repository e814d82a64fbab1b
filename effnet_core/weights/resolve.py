"""From what a user names to loaded weights: a file, a bundled or imported id, a catalog name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from effnet_core import files
from effnet_core.architecture.outputs import Activation
from effnet_core.images import Preprocessing
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint
from effnet_core.weights.store import WeightsStore
from effnet_core.weights.tensor_files import SUFFIXES


def resolve_weights(
    text: str,
    store: WeightsStore,
    *,
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> LoadedWeights:
    """The weights behind a file's path, a bundled model's or imported id, or a catalog id or name.

    Nothing is downloaded: catalog weights that are not on this disk are a WeightsError that says
    their size and the command that gets them. Raises CheckpointError or InvalidInput otherwise.
    """
    load: Callable[..., LoadedWeights] = partial(load_checkpoint, text)
    if not files.is_file(text):
        source = store.local(text)
        if source is not None or Path(text).suffix.lower() not in SUFFIXES:
            load = (source or store.source(text)).load
    return load(
        architecture=architecture,
        classes=classes,
        preprocessing=preprocessing,
        activation=activation,
    )
