"""A network's feature maps and their gradients as one ONNX graph, batch-norm folded away.

ONNX Runtime differentiates nothing, so the backward pass is written out: the layers that `graph`
has written are gone through in reverse, each by its own rule. Activations alone are differentiated,
never weights, and no further back than the first stage that is asked for. This module needs no
torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx.graph import FEATURES, Writer
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.errors import InvalidInput

SEED = "seed"


def gradient_graph(spec: ArchitectureSpec, tensors: Tensors, stages: Iterable[int]) -> bytes:
    """The network from "images" and "seed" to the feature maps and gradients of `stages`.

    "images" is (1, 3, R, R). "seed" (n, head channels, 1, 1) holds the gradient of n scores by
    every position of the last feature map: for a class's logit its row of the classifier's weights
    divided by the number of positions. The outputs are "features_s" (1, C, h, w) and "gradient_s"
    (n, C, h, w) of each stage s, in rising order, then "features", the last feature map. Stages
    count as `EfficientNet.prefix` does; the last one, whose gradient is the seed, cannot be asked
    for. Raises InvalidInput then, and as `whole_graph` does.
    """
    wanted = sorted(set(stages))
    if not wanted or not 0 <= wanted[0] <= wanted[-1] <= spec.stage_count:
        raise InvalidInput(
            f"Gradients are to be had at stages 0 (stem) to {spec.stage_count}; got {wanted}."
        )
    writer = Writer(spec, tensors)
    writer.inputs[SEED] = ("scores", spec.head_channels, 1, 1)
    return writer.file(_written(writer, wanted))


def _written(writer: Writer, wanted: list[int]) -> dict[str, str]:
    """Every layer forward and those after the first wanted stage back: value → its public name."""
    layers = writer.stages()
    gradient, outputs = SEED, {layers[-1].output: FEATURES}
    for stage in range(len(layers) - 2, wanted[0] - 1, -1):
        gradient = layers[stage + 1].back(gradient)
        if stage in wanted:
            named = {layers[stage].output: f"features_{stage}", gradient: f"gradient_{stage}"}
            outputs = named | outputs
    return outputs
