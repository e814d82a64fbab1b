"""Networks handed out: what they are, their files, and what PyTorch makes of the same weights."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import DoesNotFit, WeightsError
from effnet_core.limits import MAX_EXPORTED_BYTES
from effnet_core.service.answering import Answering
from effnet_core.weights.checkpoints import LoadedWeights, serialise
from effnet_core.weights.sources import Source

_WITNESS = "effnet_core.service.witness"
_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One network's weights as files: `onnx`, and this project's own `safetensors`."""

    spec: ArchitectureSpec
    opset: int
    onnx: bytes = field(repr=False)
    safetensors: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Witnessed:
    """What PyTorch made of the same weights, in a process of its own.

    `difference` is the largest of a logit between the ONNX file, run by ONNX Runtime, and torch, on
    so many drawn `inputs`; `largest` is the largest logit among them. `python` is a zip of a Python
    file that needs torch alone and the weights that it loads.
    """

    difference: float
    largest: float
    inputs: int
    python: bytes = field(repr=False)


class Exporting(Answering):
    """The part of `InferenceService` that hands out networks rather than answers."""

    def spec(self, weights: str) -> ArchitectureSpec:
        """A model's architecture, with its classes and input pixels.

        A file is only read where no published name says what it holds. Raises WeightsError,
        CheckpointError or InvalidInput.
        """
        source = self._models.source(weights)
        if isinstance(source, LoadedWeights):
            return source.spec
        stored = source.stored
        if source.named and stored.state == "ready":
            side = stored.resolution
            return variant(source.named, num_classes=stored.num_classes, resolution=side)
        return source.load().spec

    def export(self, weights: str) -> Exported:
        """These weights as files, made without torch.

        Raises DoesNotFit past 512 MB, Busy, WeightsError, CheckpointError or InvalidInput.
        """
        from effnet_core.engines.onnx.graph import OPSET
        from effnet_core.engines.onnx.portable import portable_onnx

        with self._room.admit() as ticket:
            ticket.turn()
            loaded = self._read(weights)
            return Exported(
                spec=loaded.spec,
                opset=OPSET,
                onnx=portable_onnx(loaded),
                safetensors=serialise(loaded),
            )

    def witness(self, exported: Exported, stem: str) -> Witnessed:
        """What torch makes of exported weights; takes some seconds, one at a time.

        `stem` names the files in the zip. Raises Busy, or WeightsError where that process fails.
        """
        # -P: nothing is imported from the folder that someone happens to be in.
        command = [sys.executable, "-P", "-m", _WITNESS, stem]
        with self._slow.admit() as ticket, self._timing:
            ticket.turn()
            try:
                done = subprocess.run(
                    command,
                    input=exported.safetensors,
                    capture_output=True,
                    check=True,
                    timeout=_SECONDS,
                )
            except (OSError, subprocess.SubprocessError):
                raise WeightsError(
                    "PyTorch gave no answer to these weights in its own process, so the difference "
                    "is not known; the ONNX and safetensors files are complete."
                ) from None
        line, _, python = done.stdout.partition(b"\n")
        return Witnessed(**json.loads(line), python=python)

    def _read(self, weights: str) -> LoadedWeights:
        source = self._models.source(weights)
        loaded = source.load() if isinstance(source, Source) else source
        if sum(values.nbytes for values in loaded.tensors.values()) > MAX_EXPORTED_BYTES:
            raise DoesNotFit(
                "These weights take more than 512 MB, too many for a download here: use "
                "`effnet export --weights …` on the command line."
            )
        return loaded
