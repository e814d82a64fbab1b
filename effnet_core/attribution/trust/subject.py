"""What a map is of, ready to be asked: `Subject`, and how it is made on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.outputs import Activation, probabilities
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.attribution.maps import MapRequest, black
from effnet_core.attribution.registry import find_method
from effnet_core.attribution.trust.rivals import Probability
from effnet_core.engines.cores import CORES
from effnet_core.engines.onnx.gradients import gradient_graph
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors

if TYPE_CHECKING:
    from effnet_core.attribution.parameters import Value
    from effnet_core.attribution.result import Attribution
    from effnet_core.engines.prediction import Prediction
    from effnet_core.engines.predictor import Predictor

PIXELS_A_PASS = 16 * 224**2

Pictures = npt.NDArray[np.float32]
Maps = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """The network, picture, class and method of a map.

    `picture` is the network's input, normalised (3, R, R). `probability` gives the class's on
    normalised pictures (N, 3, R, R), as (N,). `remade` makes the map again, by the same method for
    the same class: a network's tensors and pictures (N, 3, R, R) → maps (N, h, w). `tensors` are
    the trained ones, by the names of `EfficientNet.state_dict()`. `random_range` is the range of
    the method's map on a network with random weights, as `Attribution.reference` gives it.
    """

    spec: ArchitectureSpec
    tensors: Tensors
    picture: Pictures
    probability: Probability
    remade: Callable[[Tensors, Pictures], Maps]
    random_range: Callable[[], float]


def onnx_subject(
    spec: ArchitectureSpec,
    tensors: Tensors,
    picture: Pictures,
    request: MapRequest,
    class_index: int,
    random_range: Callable[[], float],
    activation: Activation = "softmax",
) -> Subject:
    """A subject whose passes ONNX Runtime computes on the CPU in float32, without torch.

    Methods at the input alone are made again by torch, which they are of (captum). `request` says
    which map it is. Raises InvalidInput as `whole_graph` does.
    """
    tensors = {name: np.asarray(values, dtype=np.float32) for name, values in tensors.items()}
    session = cache(lambda: OnnxSession(whole_graph(spec, tensors)))  # when it is first needed
    remade = _input_maps if request.stage is None else _stage_maps
    return Subject(
        spec=spec,
        tensors=tensors,
        picture=picture,
        probability=partial(_probability, session, class_index, activation),
        remade=partial(remade, spec, request, class_index),
        random_range=random_range,
    )


def _probability(
    session: Callable[[], OnnxSession],
    class_index: int,
    activation: Activation,
    pictures: Pictures,
) -> npt.NDArray[np.float64]:
    found = []
    for start in range(0, len(pictures), step := _at_once(pictures)):
        with CORES.alone():
            logits = session().run(pictures[start : start + step])[0]
        found.append(probabilities(logits, activation)[:, class_index])
    return np.concatenate(found)


def _at_once(pictures: Pictures) -> int:
    """Pictures in one pass, by their size: what a pass holds in memory stays the same."""
    return max(1, PIXELS_A_PASS // (pictures.shape[2] * pictures.shape[3]))


def _stage_maps(
    spec: ArchitectureSpec,
    request: MapRequest,
    class_index: int,
    tensors: Tensors,
    pictures: Pictures,
) -> Maps:
    from effnet_core.attribution.cam import COMBINATIONS

    weights = tensors["classifier.weight"][class_index]
    pairs = _pairs(spec, request.stage, weights, tensors, pictures)
    return np.stack([COMBINATIONS[request.method](*pair) for pair in pairs])


def _pairs(
    spec: ArchitectureSpec,
    stage: int | None,
    weights: npt.NDArray[np.float32],
    tensors: Tensors,
    pictures: Pictures,
) -> Iterator[tuple[Maps, Maps]]:
    """A stage's feature maps with the logit's gradient, each (C, h, w), picture by picture.

    One session makes them all. It runs once or twice, so the graph is not optimised, which takes
    longer than a pass.
    """
    side = -(-spec.resolution // 32)
    last = np.asarray(weights[:, None, None] / (side * side), dtype=np.float32)  # (C, 1, 1)
    if stage == spec.stage_count + 1:
        session = OnnxSession(whole_graph(spec, tensors), optimised=True)
        for picture in pictures:
            with CORES.alone():
                features = session.run(picture[None])[1][0]
            yield features, np.broadcast_to(last, features.shape)
        return
    assert stage is not None
    session = OnnxSession(gradient_graph(spec, tensors, (stage,)), optimised=True)
    for picture in pictures:
        with CORES.alone():
            features, gradient, _ = session.run(picture[None], last[None])
        yield features[0], gradient[0]


def _input_maps(
    spec: ArchitectureSpec,
    request: MapRequest,
    class_index: int,
    tensors: Tensors,
    pictures: Pictures,
) -> Maps:
    import torch

    from effnet_core.attribution.pixels import pixel_map
    from effnet_core.network.build import materialise

    network = materialise(spec, torch.device("cpu"))
    network.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
    network.requires_grad_(False)
    values, black = dict(request.values), request.black_pixel
    return np.stack(
        [
            pixel_map(network, inputs, class_index, request.method, values, black).numpy()
            for inputs in torch.tensor(pictures).split(1)
        ]
    )


def subject_of(
    predictor: Predictor,
    prediction: Prediction,
    attribution: Attribution,
    parameters: tuple[tuple[str, Value], ...] = (),
) -> Subject:
    """The subject of a predictor's map of a picture that it has classified."""
    request = MapRequest(
        method=attribution.method,
        stage=attribution.stage,
        values=find_method(attribution.method).values(parameters),
        black=black(predictor.preprocessing),
    )
    return onnx_subject(
        predictor.spec,
        predictor.tensors,
        predictor.inputs(prediction.pixels)[0],
        request,
        attribution.class_index,
        attribution.reference,
        predictor.activation,
    )
