"""One model ready to answer, and what several models say together about one picture."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from effnet_core.engines.cuda.engine import CudaEngine, upload
from effnet_core.engines.engine import Engine, FeatureGradient, ForwardPass
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.onnx.engine import OnnxEngine
from effnet_core.engines.torch import EagerEngine
from effnet_core.errors import InvalidInput
from effnet_core.images import Decoded, crop_box, to_input
from effnet_core.images.resizing import decode_for, resized_view
from effnet_core.network.build import resolve_device, torch_dtype
from effnet_core.weights.checkpoints import LoadedWeights, instantiate


@dataclass(frozen=True)
class ClassProbability:
    """One class of a model: its index, its name and its softmax probability in [0, 1]."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one model says about one picture.

    `top` is sorted by falling probability. `milliseconds` is the time measured from the picture's
    bytes to the answer (decoding, preprocessing, forward pass; neither waiting nor loading the
    model). `pixels` are what the model saw, before normalising, read-only uint8 (crop, crop, 3),
    and `crop_box` their (left, top, right, bottom) in pixels of the upright original. `engine`
    names what computed the pass. `probabilities` is read-only float32 (classes,), in the order of
    `classes`.
    """

    weights: str
    top: tuple[ClassProbability, ...]
    milliseconds: float
    pixels: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    crop_box: tuple[float, float, float, float]
    device: str
    dtype: str
    engine: str
    resolution: int
    classes: tuple[str, ...] = field(repr=False)
    probabilities: npt.NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def view(self) -> Image.Image:
        """The crop × crop picture that the model saw."""
        return Image.fromarray(self.pixels)

    def of(self, class_index: int) -> ClassProbability:
        """The probability of any class; raises InvalidInput if the model has no such index."""
        if not 0 <= class_index < len(self.probabilities):
            raise InvalidInput(
                f"{self.weights} has classes 0 to {len(self.probabilities) - 1}; got {class_index}."
            )
        return ClassProbability(
            class_index, self.classes[class_index], float(self.probabilities[class_index])
        )

    def with_top(self, count: int) -> Prediction:
        """The same answer with its `count` most probable classes; raises InvalidInput below 1."""
        _require_some(count)
        return replace(self, top=_top(self.probabilities, self.classes, count))


class Predictor:
    """One network with its weights, classes and preprocessing, on one device.

    Safe to use from several threads: an answer changes nothing here. Making one reads the weights
    into the device's memory; raises DoesNotFit, CheckpointError or InvalidInput, and EffnetError
    for a device that this machine lacks. In float32 on the CPU `engine` "auto" answers with ONNX
    Runtime as soon as its graph stands, which takes a moment after the first answer, and on CUDA by
    replaying a CUDA graph; "eager", and everything else, is torch's eager mode. "autocast" is for
    CUDA and weights in float32: answers and the last stage's feature map are computed in bfloat16,
    gradients in float32. `graphs` keeps ONNX Runtime's graph on disk; None keeps nothing.
    """

    def __init__(
        self,
        loaded: LoadedWeights,
        *,
        device: str = "auto",
        dtype: str = "float32",
        engine: Literal["auto", "eager", "autocast"] = "auto",
        graphs: GraphCache | None = None,
    ) -> None:
        self.weights_id = loaded.id
        self.spec = loaded.spec
        self.preprocessing = loaded.preprocessing
        self.classes = loaded.classes
        self.device = resolve_device(device)
        if engine == "autocast" and (self.device.type != "cuda" or dtype != "float32"):
            raise InvalidInput(
                "Autocast needs a CUDA device and weights in float32; "
                f"got {self.device} and {dtype}."
            )
        self.dtype = dtype
        self.model = instantiate(loaded, device=self.device, dtype=dtype)
        self.model.requires_grad_(False)
        self._engine: Engine = EagerEngine(self.model)
        if engine != "eager" and self.device.type == "cuda":
            self._engine = CudaEngine(self.model, autocast=engine == "autocast")
        elif engine == "auto" and dtype == "float32":
            self._engine = OnnxEngine(self.model, graphs, loaded.sha256)

    @property
    def engine(self) -> str:
        """What would answer now, with its version."""
        return self._engine.name

    def ready(self, seconds: float | None = None, *, stages: tuple[int, ...] = ()) -> bool:
        """Wait until the fast engine answers, `seconds` at most; False where torch goes on to.

        With `stages` until `gradients` at these stages is the fast engine's.
        """
        return isinstance(self._engine, OnnxEngine) and self._engine.ready(seconds, stages=stages)

    def forward(self, inputs: Tensor) -> ForwardPass:
        """Logits and last feature map of one normalised picture (1, 3, H, W), by one pass."""
        return self._engine.forward(inputs)

    def gradients(
        self, inputs: Tensor, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """What `stages` put out for one picture (1, 3, H, W), and a logit's gradients there.

        See `Engine.gradients`; the first answer for some stages is torch's.
        """
        return self._engine.gradients(inputs, class_index, stages)

    def warm_up(self) -> None:
        """Answer for a blank picture: a first pass is several times slower than others.

        On CUDA twice, for the second pass of a shape records its graph.
        """
        side = self.preprocessing.crop
        for _ in range(2 if self.device.type == "cuda" else 1):
            self.predict(Image.new("RGB", (side, side)), top_k=1)

    def inputs(self, view: Image.Image | npt.NDArray[np.uint8]) -> Tensor:
        """A `model_view` or its pixels as the network's input (1, 3, crop, crop) on its device."""
        values = torch.from_numpy(to_input(view, self.preprocessing)).unsqueeze(0)
        if self.device.type == "cuda":
            values = upload(values, self.device)
        return values.to(self.device, torch_dtype(self.dtype))

    def predict(self, image: Image.Image, *, top_k: int = 5) -> Prediction:
        """Classify an upright RGB picture; `milliseconds` then leaves out the decoding.

        Raises InvalidInput if `top_k` is below 1; above the number of classes all are given.
        """
        return self.answer(Decoded(image, image.size), top_k=top_k)[0]

    def answer(self, picture: Decoded, *, top_k: int = 5) -> tuple[Prediction, ForwardPass]:
        """What is said of a picture, decoding included, and the pass that it is said by.

        One decoded by `resizing.decode_for` may have fewer pixels than its file. Raises what
        `predict` raises.
        """
        _require_some(top_k)
        start = time.perf_counter()
        pixels = resized_view(picture, self.preprocessing)
        by = self.forward(self.inputs(pixels))
        probabilities = by.probabilities()
        milliseconds = picture.milliseconds + (time.perf_counter() - start) * 1e3
        prediction = Prediction(
            weights=self.weights_id,
            top=_top(probabilities, self.classes, top_k),
            milliseconds=milliseconds,
            pixels=pixels,
            crop_box=crop_box(picture.size, self.preprocessing),
            device=str(self.device),
            dtype=self.dtype,
            engine=by.engine,
            resolution=self.preprocessing.crop,
            classes=self.classes,
            probabilities=probabilities,
        )
        return prediction, by

    def predict_bytes(
        self, data: bytes, *, first: Decoded | None = None, top_k: int = 5
    ) -> Prediction:
        """Classify the bytes of a picture file; raises ImageError or InvalidInput.

        A large JPEG is decoded at a fraction of its size where that still is twice what is needed.
        `first` is what `resizing.decode_first` gave of the same bytes.
        """
        picture = decode_for(data, self.preprocessing, first=first)
        return self.answer(picture, top_k=top_k)[0]


@dataclass(frozen=True)
class SameAnswer:
    """The models (by weights id, in the order asked) whose most probable class is `label`."""

    label: str
    weights: tuple[str, ...]


def same_answers(predictions: Iterable[Prediction]) -> tuple[SameAnswer, ...]:
    """Models grouped by their most probable class, the largest group first; one if all agree.

    Models with the same classes are compared by index (ImageNet has two classes called "crane"),
    others by the class's name, because they may number the same classes differently; case and
    outer blanks do not count. Groups of equal size keep the order of the predictions.
    """
    predictions = tuple(predictions)
    same_classes = len({prediction.classes for prediction in predictions}) == 1
    groups: dict[int | str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        first = prediction.top[0]
        groups[first.index if same_classes else _comparable(first.label)].append(prediction)
    return tuple(
        SameAnswer(group[0].top[0].label, tuple(member.weights for member in group))
        for group in sorted(groups.values(), key=len, reverse=True)
    )


def class_index(classes: tuple[str, ...], label: str) -> int | None:
    """The first index of the class called `label` (case and outer blanks do not count), or None.

    Between models with the same classes use the index itself: two classes may share a name.
    """
    wanted = _comparable(label)
    return next((i for i, name in enumerate(classes) if _comparable(name) == wanted), None)


def _require_some(count: int) -> None:
    if count < 1:
        raise InvalidInput(f"At least one class must be asked for; got {count}.")


def _top(
    probabilities: npt.NDArray[np.float32], classes: tuple[str, ...], count: int
) -> tuple[ClassProbability, ...]:
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple(ClassProbability(int(i), classes[i], float(probabilities[i])) for i in order)


def _comparable(label: str) -> str:
    return label.strip().casefold()
