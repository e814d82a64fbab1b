"""Weights as an ONNX file for other programs, written in milliseconds and without torch.

`network.export.to_onnx` traces the torch module for the same purpose: names and metadata are the
same here, and the logits agree.
"""

from __future__ import annotations

import json

from onnx import TensorProto, helper

from effnet_core import __version__
from effnet_core.engines.onnx.graph import LOGITS, Writer
from effnet_core.weights.checkpoints import LoadedWeights


def portable_onnx(loaded: LoadedWeights) -> bytes:
    """The network from "images" (batch, channels, R, R) to "logits" (batch, classes).

    R is the crop that belongs to the weights; the batch size is free. Batch-norm is folded into the
    convolutions. The metadata holds `architecture` (the spec), `classes` and `preprocessing`, each
    as JSON, and `activation`, which makes probabilities of the logits. Raises InvalidInput for
    weights past `MAX_ONNX_BYTES`.
    """
    writer = Writer(loaded.spec, loaded.tensors)
    logits = writer.classifier(writer.stages()[-1].output)
    model = writer.model({logits: LOGITS})
    shape: list[str | int | None] = ["batch", loaded.spec.num_classes]
    (output,) = model.graph.output
    output.CopyFrom(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, shape))
    model.producer_name, model.producer_version = "effnet-explorer", __version__
    helper.set_model_props(
        model,
        {
            "architecture": loaded.spec.to_json(),
            "classes": json.dumps(list(loaded.classes), ensure_ascii=False),
            "preprocessing": json.dumps(loaded.preprocessing.to_dict()),
            "activation": loaded.activation,
        },
    )
    return bytes(model.SerializeToString())
