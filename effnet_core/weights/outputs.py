"""Who says what the logits of a file mean."""

from __future__ import annotations

from collections.abc import Mapping

from effnet_core.architecture.outputs import ACTIVATIONS, Activation, require_activation
from effnet_core.errors import CheckpointError
from effnet_core.weights.reading.settings import GIVEN, METADATA

ACTIVATION_KEY = "effnet.activation"

ASSUMED = "assumed"
ONE_LOGIT = "one logit"


def settled(
    given: Activation | None,
    metadata: Mapping[str, str],
    count: int,
    name: str,
    beside: tuple[Activation, str] | None = None,
) -> tuple[Activation, str]:
    """The activation of a file `name` with `count` logits, and who says so.

    What is given comes before the file's metadata, and that before what lies `beside` it, with its
    name; without any one logit is a sigmoid's and several are taken for a softmax's. Raises
    InvalidInput, or CheckpointError for metadata.
    """
    if given is not None:
        require_activation(given, count)
        return given, GIVEN
    for known in ACTIVATIONS:
        if metadata.get(ACTIVATION_KEY) == known and (known, count) != ("softmax", 1):
            return known, METADATA
    if ACTIVATION_KEY in metadata:
        raise CheckpointError(
            f"{name} says {metadata[ACTIVATION_KEY]!r:.40} of its activation, which {count:,} "
            f"{'logit' if count == 1 else 'logits'} cannot have; give softmax or sigmoid, and of "
            "one logit sigmoid."
        )
    if count == 1:
        return "sigmoid", ONE_LOGIT
    return beside or ("softmax", ASSUMED)


def stated(activation: Activation | None, count: int) -> dict[str, str]:
    """The metadata that says what `count` logits mean, none for None; raises InvalidInput."""
    if activation is None:
        return {}
    require_activation(activation, count)
    return {ACTIVATION_KEY: activation}
