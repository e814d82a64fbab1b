"""One model ready to answer. No torch until something needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from effnet_core import host
from effnet_core.architecture.outputs import in_words
from effnet_core.cost.memory import require_room
from effnet_core.engines.cores import is_heavy
from effnet_core.engines.device import device_name
from effnet_core.engines.engine import Engine, FeatureGradient, ForwardPass, Inputs
from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.onnx.engine import OnnxEngine
from effnet_core.engines.prediction import Prediction, most_probable, require_some
from effnet_core.errors import InvalidInput
from effnet_core.images import Decoded, crop_box, to_input
from effnet_core.images.resizing import decode_for, resized_view
from effnet_core.weights.checkpoints import LoadedWeights, instantiate
from effnet_core.weights.rows import as_rows

if TYPE_CHECKING:
    from effnet_core.engines.torch import EagerEngine
    from effnet_core.network.model import EfficientNet

EngineChoice = Literal["auto", "eager", "autocast"]


class _Torch:
    """Torch's engine of some weights, made when it is first asked for."""

    def __init__(self, loaded: LoadedWeights, device: str, dtype: str) -> None:
        self._make = partial(instantiate, loaded, device=device, dtype=dtype)
        self._lock = threading.Lock()
        self._made: EagerEngine | None = None

    def __call__(self) -> EagerEngine:
        import torch

        from effnet_core.engines.torch import EagerEngine

        # Whoever asks first may be in inference mode, whose tensors are never differentiated.
        with self._lock, torch.inference_mode(False):
            if self._made is None:
                self._made = EagerEngine(self._make().requires_grad_(False))
            return self._made


class Predictor:
    """One network with its weights, classes and preprocessing, on one device.

    Safe to use from several threads: an answer changes nothing here. In float32 on the CPU `engine`
    "auto" answers with ONNX Runtime, and torch is imported only for what that cannot do; on CUDA it
    replays a CUDA graph. "eager", and everything else, is torch's eager mode. "autocast" is for
    CUDA and weights in float32: answers and the last stage's feature map are computed in bfloat16,
    gradients in float32. `graphs` keeps ONNX Runtime's graph on disk; None keeps nothing. Weights
    of one logit answer with two rows, and are a network of two here (`rows.as_rows`). Raises
    DoesNotFit, CheckpointError or InvalidInput, and EffnetError for a device that this machine
    lacks.
    """

    def __init__(
        self,
        loaded: LoadedWeights,
        *,
        device: str = "auto",
        dtype: str = "float32",
        engine: EngineChoice = "auto",
        graphs: GraphCache | None = None,
    ) -> None:
        self.one_logit = loaded.spec.num_classes == 1
        loaded = as_rows(loaded)
        self.tensors = loaded.tensors
        self.weights_id = loaded.id
        self.spec = loaded.spec
        self.is_heavy = is_heavy(loaded.spec)
        self.preprocessing = loaded.preprocessing
        self.classes = loaded.classes
        self.activation = loaded.activation
        self.device = device_name(device)
        self.dtype = dtype
        on_cuda = self.device.startswith("cuda")
        if engine == "autocast" and not (on_cuda and dtype == "float32"):
            raise InvalidInput(
                "Autocast needs a CUDA device and weights in float32; "
                f"got {self.device} and {dtype}."
            )
        torchs = _Torch(loaded, self.device, dtype)
        self._engine: Engine
        if engine == "auto" and dtype == "float32" and not on_cuda:
            require_room(loaded.spec, host.available_memory(), self.device, engine="onnx")
            self._engine = OnnxEngine(
                loaded.spec,
                loaded.tensors,
                torchs,
                graphs=graphs,
                weights_sha256=loaded.sha256,
            )
        elif engine == "eager" or not on_cuda:
            self._engine = torchs()
        else:
            from effnet_core.engines.cuda.engine import CudaEngine

            self._engine = CudaEngine(torchs().model, autocast=engine == "autocast")

    @property
    def meaning(self) -> str:
        """In a sentence what the probabilities mean; "" for softmax."""
        return in_words(self.activation, one_logit=self.one_logit)

    @property
    def engine(self) -> str:
        """What would answer now, with its version."""
        return self._engine.name

    @property
    def model(self) -> EfficientNet:
        """The network as a torch module, made when it is first asked for; it is never changed.

        Raises DoesNotFit.
        """
        return self._engine.model

    def class_weights(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's rows (n, head channels) of n classes."""
        return self._engine.class_weights(classes)

    def class_biases(self, classes: Sequence[int]) -> npt.NDArray[np.float32]:
        """The classifier's biases (n,) of n classes."""
        return self.tensors["classifier.bias"][list(classes)].astype(np.float32)

    def forward(self, inputs: Inputs) -> ForwardPass:
        """Logits and last feature map of one normalised picture (1, 3, H, W), by one pass."""
        return self._engine.forward(inputs)

    def gradients(
        self, inputs: Inputs, class_index: int, stages: tuple[int, ...]
    ) -> tuple[FeatureGradient, ...]:
        """What `stages` put out for one picture (1, 3, H, W), and a logit's gradients there.

        See `Engine.gradients`.
        """
        return self._engine.gradients(inputs, class_index, stages)

    def rest(self) -> None:
        """Let go of what is kept for many who ask at once; see `Engine.rest`."""
        self._engine.rest()

    def warm_up(self) -> None:
        """Answer for a blank picture: a first pass is several times slower than others.

        On CUDA twice, for the second pass of a shape records its graph.
        """
        side = self.preprocessing.crop
        for _ in range(2 if self.device.startswith("cuda") else 1):
            self.predict(Image.new("RGB", (side, side)), top_k=1)

    def inputs(self, view: Image.Image | npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """A `model_view` or its pixels as the network's input (1, 3, crop, crop)."""
        return to_input(view, self.preprocessing)[None]

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
        require_some(top_k)
        start = time.perf_counter()
        pixels = resized_view(picture, self.preprocessing)
        by = self.forward(self.inputs(pixels))
        probabilities = by.probabilities(self.activation)
        milliseconds = picture.milliseconds + (time.perf_counter() - start) * 1e3
        prediction = Prediction(
            weights=self.weights_id,
            top=most_probable(probabilities, self.classes, top_k),
            milliseconds=milliseconds,
            pixels=pixels,
            crop_box=crop_box(picture.size, self.preprocessing),
            device=self.device,
            dtype=self.dtype,
            engine=by.engine,
            resolution=self.preprocessing.crop,
            classes=self.classes,
            probabilities=probabilities,
            activation=self.activation,
            one_logit=self.one_logit,
            notes=picture.notes,
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
