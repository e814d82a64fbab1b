"""What PyTorch makes of weights, for a caller without it. Nothing touches the disk."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

import numpy as np

from effnet_core.weights.checkpoints import LoadedWeights, instantiate, load_checkpoint

INPUTS = 4
"""Inputs, drawn normal with seed 0, on which both answer."""


@dataclass(frozen=True, kw_only=True)
class Witnessed:
    """What PyTorch made of the same weights.

    `difference` is the largest of a logit between the ONNX file, run by ONNX Runtime, and torch, on
    so many drawn `inputs`; `largest` is the largest logit among them. `python` is a zip of a Python
    file that needs torch alone and the weights that it loads.
    """

    difference: float
    largest: float
    inputs: int
    python: bytes = field(repr=False)


def witness(safetensors: bytes, stem: str) -> Witnessed:
    """What torch makes of a safetensors file of this project; `stem` names the files in the zip."""
    loaded = load_checkpoint(safetensors, file_name="weights.safetensors")
    difference, largest = differences(loaded)
    return Witnessed(
        difference=difference, largest=largest, inputs=INPUTS, python=zipped(loaded, stem)
    )


def differences(loaded: LoadedWeights) -> tuple[float, float]:
    """(largest difference of a logit, largest logit) of ONNX Runtime beside torch."""
    import torch

    from effnet_core.engines.onnx.portable import portable_onnx
    from effnet_core.engines.onnx.session import OnnxSession

    spec = loaded.spec
    shape = (INPUTS, spec.in_channels, spec.resolution, spec.resolution)
    inputs = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    (ours,) = OnnxSession(portable_onnx(loaded)).run(inputs)
    with torch.inference_mode():
        theirs = instantiate(loaded)(torch.from_numpy(inputs)).numpy()
    return float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())


def zipped(loaded: LoadedWeights, stem: str) -> bytes:
    """`stem`.py and the weights that it loads, `stem`.pth, as a zip."""
    import torch

    from effnet_core.network.export import to_python

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
