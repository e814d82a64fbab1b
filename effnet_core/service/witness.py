"""A process of its own, with torch: what PyTorch makes of weights, for a caller without it.

It reads a safetensors file of this project from its input and writes to its output one line of
JSON, then a zip of the network as a Python file with its weights. Nothing touches the disk.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile

import numpy as np
import torch

from effnet_core.engines.onnx.portable import portable_onnx
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.network.export import to_python
from effnet_core.weights.checkpoints import LoadedWeights, instantiate, load_checkpoint

INPUTS = 4
"""Inputs, drawn normal with seed 0, on which both answer."""


def differences(loaded: LoadedWeights) -> tuple[float, float]:
    """(largest difference of a logit, largest logit) of ONNX Runtime beside torch."""
    spec = loaded.spec
    shape = (INPUTS, spec.in_channels, spec.resolution, spec.resolution)
    inputs = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    (ours,) = OnnxSession(portable_onnx(loaded)).run(inputs)
    with torch.inference_mode():
        theirs = instantiate(loaded)(torch.from_numpy(inputs)).numpy()
    return float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())


def zipped(loaded: LoadedWeights, stem: str) -> bytes:
    """`stem`.py and the weights that it loads, `stem`.pth, as a zip."""
    text = to_python(
        loaded.spec,
        classes=loaded.classes,
        preprocessing=loaded.preprocessing,
        activation=loaded.activation,
    )
    weights, file = io.BytesIO(), io.BytesIO()
    torch.save(loaded.state_dict, weights)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{stem}.py", text)
        archive.writestr(f"{stem}.pth", weights.getvalue())
    return file.getvalue()


def _answer() -> None:
    loaded = load_checkpoint(sys.stdin.buffer.read(), file_name="weights.safetensors")
    difference, largest = differences(loaded)
    line = {"difference": difference, "largest": largest, "inputs": INPUTS}
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n" + zipped(loaded, sys.argv[1]))


if __name__ == "__main__":
    _answer()
