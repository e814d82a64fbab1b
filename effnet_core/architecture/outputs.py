"""What a network's logits mean: one class of several (softmax), or each class by itself (sigmoid).

The softmax of one logit is 1 whatever the picture, so one logit is always a sigmoid's and answers
as two rows: σ(z) and 1 − σ(z) = σ(−z).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from effnet_core.errors import InvalidInput

Activation = Literal["softmax", "sigmoid"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


def probabilities(
    logits: npt.NDArray[np.floating], activation: Activation
) -> npt.NDArray[np.float64]:
    """Logits (…, classes) → probabilities of the same shape; raises InvalidInput as below.

    By softmax they add up to 1 along the last axis; by sigmoid each stands for itself.
    """
    require_activation(activation, logits.shape[-1])
    exact = logits.astype(np.float64)
    if activation == "softmax":
        powers = np.exp(exact - exact.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    shrinking = np.exp(-np.abs(exact))
    return np.where(exact < 0, shrinking, 1.0) / (1 + shrinking)


def require_activation(activation: str, count: int) -> None:
    """Raise InvalidInput for an unknown activation, and for softmax over `count` = 1 logit."""
    if activation not in ACTIVATIONS:
        raise InvalidInput(
            f"The activation must be {' or '.join(ACTIVATIONS)}; got {activation!r:.40}."
        )
    if activation == "softmax" and count == 1:
        raise InvalidInput(
            "The softmax of one logit is 100 % whatever the picture; one logit takes a sigmoid."
        )


def row_names(classes: Sequence[str], count: int) -> tuple[str, ...]:
    """The names of the rows that a network of `count` logits answers with.

    One logit has two: its class and "not" that class, or the two names given for labels 0 and 1.
    """
    if count == 1 and len(classes) == 1:
        return classes[0], f"not {classes[0]}"
    return tuple(classes)


def may_name(classes: int, logits: int) -> bool:
    """Whether so many names fit so many logits: one each, or two for the labels of one logit."""
    return classes == logits or (logits == 1 and classes == 2)


def in_words(activation: Activation, *, one_logit: bool = False) -> str:
    """In a sentence what the probabilities mean, "" for softmax, which everybody expects."""
    if one_logit:
        return "One logit through a sigmoid: the two probabilities add up to 100 %."
    if activation == "sigmoid":
        return (
            "Each class has a sigmoid of its own: several may be above 50 %, and together they "
            "need not make 100 %."
        )
    return ""
