"""From what a user names to loaded weights: a file, a bundled or imported id, a catalog name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from effnet_core import files
from effnet_core.images import Preprocessing
from effnet_core.weights.bundled import CLASSES_SOURCE, find_bundled
from effnet_core.weights.checkpoints import CATALOG, GIVEN, LoadedWeights, load_checkpoint
from effnet_core.weights.published import find
from effnet_core.weights.store import WeightsStore
from effnet_core.weights.tensor_files import SUFFIXES


def resolve_weights(
    text: str,
    store: WeightsStore,
    *,
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
) -> LoadedWeights:
    """The weights behind a file's path, a bundled model's or imported id, or a catalog id or name.

    Nothing is downloaded: catalog weights that are not on this disk are a WeightsError that says
    their size and the command that gets them. Raises CheckpointError or InvalidInput otherwise.
    """
    load = partial(load_checkpoint, classes=classes, preprocessing=preprocessing)
    if files.is_file(text):
        return load(text, architecture=architecture)
    model = find_bundled(text)
    if model is not None:
        loaded = load(model.read(), architecture=architecture, file_name=model.path.name)
        return dataclasses.replace(
            loaded,
            id=model.id,
            origin=model.origin,
            classes_source=GIVEN if classes else CLASSES_SOURCE,
            preprocessing_source=GIVEN if preprocessing else CLASSES_SOURCE,
        )
    record = store.imported(text)
    if record is not None:
        data = store.read(text)
        loaded = load(data, architecture=architecture, file_name=record.file_name)
        return dataclasses.replace(
            loaded,
            id=record.id,
            origin=record.origin,
            classes_source=GIVEN if classes else record.classes_source,
            preprocessing_source=GIVEN if preprocessing else record.preprocessing_source,
        )
    if Path(text).suffix.lower() in SUFFIXES:
        return load(text, architecture=architecture)  # says that there is no such file
    entry = find(text)
    loaded = load_checkpoint(
        store.read(entry),
        architecture=architecture or entry.architecture,
        classes=classes or entry.classes,
        preprocessing=preprocessing or entry.preprocessing,
        file_name=entry.file_name,
    )
    return dataclasses.replace(
        loaded,
        id=entry.id,
        origin=entry.origin,
        classes_source=GIVEN if classes else CATALOG,
        preprocessing_source=GIVEN if preprocessing else CATALOG,
    )
