"""From what a user names to loaded weights: a file, a bundled or imported id, a catalog name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from effnet_core import files
from effnet_core.architecture.outputs import Activation
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.weights.checkpoints import LoadedWeights, load_checkpoint
from effnet_core.weights.reading.settings import Settings
from effnet_core.weights.store import WeightsStore
from effnet_core.weights.tensor_files import ending


def resolve_weights(
    text: str,
    store: WeightsStore,
    *,
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
    preprocessing: Preprocessing | Settings | None = None,
    activation: Activation | None = None,
    weights_key: str | None = None,
) -> LoadedWeights:
    """The weights behind the path of a file, folder or zip, or an id or a name.

    A name is a bundled model's, that of imported weights or one of the catalog, and comes before a
    folder that is called the same; nothing is downloaded: catalog weights that are not on this disk
    are a WeightsError that says their size and the command that gets them. Raises CheckpointError,
    DataError or InvalidInput otherwise.
    """
    load: Callable[..., LoadedWeights]
    if files.is_file(text) or (ending(text) and store.local(text) is None):
        load = partial(load_checkpoint, text, weights_key=weights_key)
    else:
        load = _named(text, store, weights_key)
    return load(
        architecture=architecture,
        classes=classes,
        preprocessing=preprocessing,
        activation=activation,
    )


def _named(text: str, store: WeightsStore, weights_key: str | None) -> Callable[..., LoadedWeights]:
    try:
        source = store.source(text)
    except InvalidInput:
        if not files.is_folder(text):
            raise
        return partial(load_checkpoint, text, weights_key=weights_key)
    if weights_key is not None:
        raise InvalidInput(
            f"A weights key is for a file; {source.id} is known, and holds one network."
        )
    return source.load
