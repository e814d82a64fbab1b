"""Other people's networks and runtimes, as calls that can be timed; one that is absent says so.

Every maker imports what it needs when it is called. `peer` turns a package that is missing, or an
answer that is not ours, into a row that says so.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.protocol import Call
from benchmarks.rows import Peer
from effnet_core.host import available_cores

Array = npt.NDArray[np.float32]
Answer = Callable[[], Array]


class Differs(RuntimeError):
    """A peer's answer is not ours, so that their times mean nothing beside each other."""


def peer(name: str, make: Callable[[], Call], target: float | None = None) -> Peer:
    """The peer that `make` makes, or one that says why there is none."""
    try:
        return Peer(name=name, call=make(), target=target)
    except ModuleNotFoundError as error:
        note = f"{name}: the package {error.name} is not installed."
    except (ImportError, RuntimeError, OSError) as error:
        note = f"{name}: {str(error).splitlines()[0]}"
    return Peer(name=name, call=None, target=target, note=note)


def same(answer: Answer, expected: Array, tolerance: float = 1e-4) -> Answer:
    """`answer`, once it is seen to give what is expected, up to a part of the largest value."""
    found = answer()
    if found.shape != expected.shape:
        raise Differs(f"the answer's shape is {found.shape}, not {expected.shape}.")
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not difference <= tolerance:
        raise Differs(f"the answer differs by {difference:.1e} of the largest value.")
    return answer


def settled(model: nn.Module) -> nn.Module:
    """The model, for evaluation, with batch-norm statistics of its own activations.

    As initialised its activations fade away towards the head. With these they have the size that a
    trained network's have, so that float32 is as exact, and as fast, as there.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # the statistics of the one batch below
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 128, 128, generator=torch.Generator().manual_seed(0)))
    for norm in norms:
        norm.momentum = 0.1
    return model.eval().requires_grad_(False)


def torchvision_model(name: str) -> nn.Module:
    """Torchvision's own EfficientNet, such as "b0", with random weights."""
    from torchvision import models

    torch.manual_seed(0)
    return settled(getattr(models, f"efficientnet_{name}")())


def timm_model(name: str) -> nn.Module:
    """Timm's own EfficientNet, with random weights."""
    import timm

    torch.manual_seed(0)
    return settled(timm.create_model(f"efficientnet_{name}"))


def eager(model: nn.Module, inputs: Tensor, *, channels_last: bool = False) -> Answer:
    """A forward pass of a torch network as it is, in inference mode."""
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.contiguous(memory_format=torch.channels_last)

    def run() -> Array:
        with torch.inference_mode():
            logits: Tensor = model(inputs)
        return logits.numpy()

    return run


def compiled(model: nn.Module, inputs: Tensor) -> Answer:
    """A forward pass through torch.compile, compiled here, which takes about a minute."""
    model.compile()
    answer = eager(model, inputs)
    answer()
    return answer


def exported(model: nn.Module, inputs: Tensor) -> bytes:
    """The network as torch.onnx writes it, for inputs of this very shape."""
    program = torch.onnx.export(model, (inputs,), dynamo=True, verbose=False)
    if program is None:
        raise RuntimeError("torch.onnx gave no program.")
    return bytes(program.model_proto.SerializeToString())


def onnx_runtime(graph: bytes, inputs: Tensor) -> Answer:
    """ONNX Runtime by itself, as its documentation starts a session.

    That is one thread a physical core, each bound to its own; asked for a number, it binds none and
    is slower. Only where this process may not use all cores is it asked for as many as we use.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if available_cores() < (os.cpu_count() or 1):
        options.intra_op_num_threads = available_cores()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: inputs.numpy()}

    def run() -> Array:
        logits: Array = session.run(None, feed)[0]
        return logits

    return run


def openvino(graph: bytes, inputs: Tensor) -> Answer:
    """OpenVINO by itself: its hint for latency, float32, our number of threads."""
    import openvino as ov

    core = ov.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": available_cores(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(core.read_model(io.BytesIO(graph)), "CPU", settings)
    request = request.create_infer_request()
    array = inputs.numpy()

    def run() -> Array:
        logits: Array = request.infer([array], share_inputs=True)[0]
        return logits

    return run
