"""A network as an ONNX model that ONNX Runtime answers with the same logits."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Sequence

import torch
from torch.onnx import ONNXProgram

from effnet_core import __version__
from effnet_core.architecture.outputs import Activation
from effnet_core.images import Preprocessing
from effnet_core.network.model import EfficientNet

INPUT, OUTPUT = "images", "logits"

# torch.export keeps its state in globals.
_one_at_a_time = threading.Lock()


def to_onnx(
    model: EfficientNet,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> ONNXProgram:
    """`model` as an ONNX program with input "images" (batch, 3, R, R) and output "logits".

    R is the crop of `preprocessing` or the spec's resolution; the batch size is free. Batch-norm is
    folded into the convolutions. The metadata holds `architecture` (the spec), `classes` and
    `preprocessing`, each as JSON, and `activation`, which makes probabilities of the logits.
    `.save(path)` writes it, with weights past 1.5 GB in a second file beside it. The model itself
    is not changed.
    """
    spec = model.spec
    side = preprocessing.crop if preprocessing else spec.resolution
    weight = model.classifier.weight
    images = torch.zeros(2, spec.in_channels, side, side, device=weight.device, dtype=weight.dtype)
    with _one_at_a_time, warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecated calls
        program = torch.onnx.export(
            model,
            (images,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    _describe(program, model, classes, preprocessing)
    if activation:
        program.model.metadata_props["activation"] = activation
    return program


def _describe(
    program: ONNXProgram,
    model: EfficientNet,
    classes: Sequence[str],
    preprocessing: Preprocessing | None,
) -> None:
    """Say what the network is, and drop the exporter's notes (they name files of this machine)."""
    onnx_model = program.model
    onnx_model.producer_name, onnx_model.producer_version = "effnet-explorer", __version__
    graph = onnx_model.graph
    values = (*graph.inputs, *graph.outputs, *graph.initializers.values())
    outputs = (value for node in graph for value in node.outputs)
    for noted in (onnx_model, graph, *graph, *values, *outputs):
        noted.metadata_props.clear()
    onnx_model.metadata_props["architecture"] = model.spec.to_json()
    if classes:
        onnx_model.metadata_props["classes"] = json.dumps(list(classes), ensure_ascii=False)
    if preprocessing:
        onnx_model.metadata_props["preprocessing"] = json.dumps(preprocessing.to_dict())
