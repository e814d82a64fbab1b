"""Networks for use elsewhere: an ONNX model, a spec as JSON, a Python file that needs torch alone.

`to_onnx` and `to_python` give the thing itself; the `write_…` functions put it in a file, whole or
not at all, and return the paths written.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from effnet_core import files
from effnet_core.architecture.outputs import Activation
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.images import Preprocessing
from effnet_core.limits import MAX_ONNX_BYTES
from effnet_core.network.export.onnx_file import to_onnx
from effnet_core.network.export.python_file import to_python
from effnet_core.network.model import EfficientNet

__all__ = [
    "FORMATS",
    "onnx_bytes",
    "to_onnx",
    "to_python",
    "write_json",
    "write_onnx",
    "write_python",
]

FORMATS = {"onnx": ".onnx", "json": ".json", "python": ".py"}
"""Formats by name, each with the ending of its file."""


def onnx_bytes(
    model: EfficientNet,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> bytes:
    """`to_onnx` as the bytes of one file; raises InvalidInput where one file cannot hold it."""
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if size > MAX_ONNX_BYTES:
        raise InvalidInput(
            "An ONNX file holds at most 2 GiB and this network's weights take "
            f"{files.readable_size(size)}; `effnet export --format onnx` writes them as two files."
        )
    program = to_onnx(model, classes=classes, preprocessing=preprocessing, activation=activation)
    return bytes(program.model_proto.SerializeToString())


def write_onnx(
    target: Path,
    model: EfficientNet,
    *,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> tuple[Path, ...]:
    """Write `to_onnx(...)`; weights past 1.5 GB go to `<target>.data` beside it.

    Raises InvalidInput (another ending than .onnx) or WeightsError (disk full, no permission).
    """
    _require_ending(target, "onnx")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            program = to_onnx(
                model, classes=classes, preprocessing=preprocessing, activation=activation
            )
            program.save(Path(folder) / target.name)
            # The weights are placed first: the model names them.
            parts = sorted(Path(folder).iterdir(), key=lambda part: part.name == target.name)
            placed = [part.replace(target.parent / part.name) for part in parts]
    except OSError as error:
        raise files.storage_error(error, target) from error
    return tuple(reversed(placed))


def write_python(
    target: Path,
    spec: ArchitectureSpec,
    *,
    state_dict: Mapping[str, Tensor] | None = None,
    classes: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    activation: Activation | None = None,
) -> tuple[Path, ...]:
    """Write `to_python(...)` and, beside it under the ending .pth, the weights if they are given.

    Raises InvalidInput (another ending than .py) or WeightsError (disk full, no permission).
    """
    _require_ending(target, "python")
    text = to_python(spec, classes=classes, preprocessing=preprocessing, activation=activation)
    files.write(target, text.encode())
    if state_dict is None:
        return (target,)
    weights, buffer = target.with_suffix(".pth"), io.BytesIO()
    torch.save({name: tensor.cpu() for name, tensor in state_dict.items()}, buffer)
    files.write(weights, buffer.getvalue())
    return target, weights


def write_json(target: Path, spec: ArchitectureSpec) -> tuple[Path, ...]:
    """Write the spec, readable again by `variants.architecture(path)`.

    Raises InvalidInput (another ending than .json) or WeightsError (disk full, no permission).
    """
    _require_ending(target, "json")
    files.write(target, spec.to_json().encode())
    return (target,)


def _require_ending(target: Path, name: str) -> None:
    if target.suffix.lower() != FORMATS[name]:
        raise InvalidInput(f"A {name} export is a {FORMATS[name]} file; got {target.name!r:.120}.")
