"""One logit as the two rows that it answers with."""

from __future__ import annotations

import dataclasses

import numpy as np

from effnet_core.weights.checkpoints import LoadedWeights


def as_rows(loaded: LoadedWeights) -> LoadedWeights:
    """Weights with a logit a row: of one logit z the classifier's row and that row negated.

    Binary cross-entropy pushes z up for label 1. So of two names the second has z and the first
    −z; one name has z, and "not" that one −z. Other weights stay as they are.
    """
    if loaded.spec.num_classes > 1:
        return loaded
    ends = ("classifier.weight", "classifier.bias")
    signs = (1, -1) if len(loaded.classes) == 1 else (-1, 1)
    rows = {name: np.concatenate([sign * loaded.tensors[name] for sign in signs]) for name in ends}
    return dataclasses.replace(
        loaded,
        spec=dataclasses.replace(loaded.spec, num_classes=2),
        tensors={**loaded.tensors, **rows},
        classes=loaded.answers,
    )
