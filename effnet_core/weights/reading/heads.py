"""The last layer, written otherwise: in a `Sequential`, without bias, or beside the body.

Dropout and flattening hold no tensors, so `Sequential(Dropout, Linear)` and a bare `Linear` differ
in names alone. A head of several layers computes something else and is refused as what it is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from effnet_core.errors import CheckpointError
from effnet_core.weights.key_names import CLASSIFIERS, Style
from effnet_core.weights.tensor_files import Array, TensorFile


def with_plain_head(file: TensorFile, style: Style, file_name: str) -> tuple[TensorFile, str]:
    """The same file with its classifier where the names of `style` have it, and how it was found.

    The words are "" where nothing had to be done. Raises CheckpointError: no last layer, several,
    or tensors beside the network that may change what it answers.
    """
    wanted = CLASSIFIERS[style]
    root = wanted.partition(".")[0]
    head = {n: v for n, v in file.tensors.items() if n.partition(".")[0] == root}
    inside = any(value.ndim == 2 for value in head.values())
    if not inside:
        head = {**head, **file.outside}
    place = _linear(head, file_name, wanted)
    if inside and file.outside:
        raise CheckpointError(_beside(file, file_name))
    weight = head[f"{place}.weight"]
    bias = head.get(f"{place}.bias")
    words = [] if place == wanted and inside else [f"last layer {place!r:.80} is the classifier"]
    if bias is None:
        words.append(f"{place!r:.80} has no bias: 0")
        bias = np.zeros(weight.shape[0], weight.dtype)
    body = {name: value for name, value in file.tensors.items() if name not in head}
    tensors = {**body, f"{wanted}.weight": weight, f"{wanted}.bias": bias}
    return dataclasses.replace(file, tensors=tensors, outside={}), "; ".join(words)


def _linear(head: dict[str, Array], file_name: str, wanted: str) -> str:
    """Where the one linear layer of a head is; raises CheckpointError for any other head."""
    matrices = {name: value for name, value in head.items() if value.ndim == 2}
    if not matrices:
        raise CheckpointError(
            f"{file_name} is a feature extractor: it has no classifier (expected a matrix called "
            f"{wanted}.weight), and weights without their last layer cannot say what a picture "
            "shows; give a checkpoint that has it."
        )
    places = [name.removesuffix(".weight") for name in matrices]
    allowed = {f"{places[0]}.{leaf}" for leaf in ("weight", "bias")}
    others = sorted(head.keys() - allowed)
    if len(matrices) == 1 and not others and f"{places[0]}.weight" in head:
        return places[0]
    if len(matrices) > 1:
        sizes = [value.shape[1] for value in matrices.values()]
        sizes.append(list(matrices.values())[-1].shape[0])
        what = f"{len(matrices)} linear layers ({' → '.join(f'{size:,}' for size in sizes)})"
    else:
        what = f"more than one linear layer (also {others[0]:.80})"
    raise CheckpointError(
        f"The head of {file_name} has {what}; the networks here end in one, from pooled features "
        "straight to the classes, so it cannot be used."
    )


def _beside(file: TensorFile, file_name: str) -> str:
    names = ", ".join(f"{name:.60}" for name in list(file.outside)[:2])
    more = ", …" if len(file.outside) > 2 else ""
    key = ".".join((*file.containers, file.prefix.removesuffix("."))).strip(".")
    return (
        f"{file_name} holds {names}{more} beside the whole network under {key!r:.80}, and what it "
        f"does to the answers cannot be told; give the weights key {key!r:.80} (--weights-key on "
        "the command line) to read that network alone."
    )
