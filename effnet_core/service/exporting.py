"""Networks handed out: what they are, their files, and what PyTorch makes of the same weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import cast

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import DoesNotFit
from effnet_core.limits import MAX_EXPORTED_BYTES
from effnet_core.service.answering import Answering
from effnet_core.service.apart.witness import Witnessed
from effnet_core.weights.checkpoints import LoadedWeights, serialise
from effnet_core.weights.sources import Source


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One network's weights as files: `onnx`, and this project's own `safetensors`."""

    spec: ArchitectureSpec
    opset: int
    onnx: bytes = field(repr=False)
    safetensors: bytes = field(repr=False)


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
        """These weights as files, made without torch; can take long, as in `Slow`.

        Raises DoesNotFit past 512 MB, WeightsError, CheckpointError or InvalidInput.
        """
        if self._apart:
            sooner = "use `effnet export --weights …` on the command line"
            return cast("Exported", self._in_time(sooner, "export", weights, weights))
        from effnet_core.engines.onnx.graph import OPSET
        from effnet_core.engines.onnx.portable import portable_onnx

        loaded = self._read(weights)
        return Exported(
            spec=loaded.spec,
            opset=OPSET,
            onnx=portable_onnx(loaded),
            safetensors=serialise(loaded),
        )

    def witness(self, exported: Exported, stem: str) -> Witnessed:
        """What torch makes of exported weights, in a process of its own; takes some seconds.

        `stem` names the files in the zip. Raises Busy or OutOfTime.
        """
        from effnet_core.service.apart.witness import witness

        return self._patiently(partial(witness, exported.safetensors, stem))

    def _read(self, weights: str) -> LoadedWeights:
        source = self._models.source(weights)
        loaded = source.load() if isinstance(source, Source) else source
        if sum(values.nbytes for values in loaded.tensors.values()) > MAX_EXPORTED_BYTES:
            raise DoesNotFit(
                "These weights take more than 512 MB, too many for a download here: use "
                "`effnet export --weights …` on the command line."
            )
        return loaded
