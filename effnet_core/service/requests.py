"""What pages ask and what they get: frozen, and free of models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from effnet_core.images import Preprocessing

if TYPE_CHECKING:
    from effnet_core.attribution import Attribution
    from effnet_core.attribution.parameters import Value
    from effnet_core.engines.predictor import ClassProbability, Prediction


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


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A map for one class, with the prediction that it explains.

    `attribution` belongs onto `prediction.view`, the picture that the model saw; `target` is the
    class explained, with the probability that the model gives it.
    """

    weights: str
    target: ClassProbability
    attribution: Attribution
    prediction: Prediction


@dataclass(frozen=True)
class Failed:
    """One of several requests that could not be answered; `sentence` says why and what to do."""

    weights: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A set of weights that can be asked for, on this disk or not yet.

    `kind` tells models that come with the project, torchvision's catalog, files imported into the
    store, and checkpoints uploaded in a session. `size_bytes` is the file's size (published where
    the file is absent). `classes` is empty where the names are only known once the file is read
    (see `InferenceService.classes`). `preprocessing_source` and `classes_source` say where those
    come from, as in `LoadedWeights`. `stage_count` is None where only reading the file would tell.
    """

    id: str
    title: str
    architecture: str
    kind: Literal["bundled", "published", "imported", "uploaded"]
    state: Literal["ready", "absent"]
    num_classes: int
    size_bytes: int
    licence: str
    origin: str
    preprocessing: Preprocessing
    preprocessing_source: str
    classes_source: str
    classes: tuple[str, ...] = field(default=(), repr=False)
    stage_count: int | None = None

    @property
    def resolution(self) -> int:
        """Side of the crop in pixels that the network sees."""
        return self.preprocessing.crop


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """Where answers are computed; `str()` gives the read-out, such as "cpu · float32 · 2 threads".

    `name` is the processor's or GPU's own name, `threads` torch's number of CPU threads.
    """

    device: str
    name: str
    dtype: str
    threads: int

    def __str__(self) -> str:
        if self.device == "cpu":
            plural = "" if self.threads == 1 else "s"
            return f"cpu · {self.dtype} · {self.threads} thread{plural}"
        return f"{self.device} ({self.name}) · {self.dtype}"
