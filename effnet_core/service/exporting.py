"""What is known of a model as a whole, without asking it for an answer."""

from __future__ import annotations

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.service.answering import Answering
from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.sources import Source


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
        return _loaded(source).spec


def _loaded(source: Source | LoadedWeights) -> LoadedWeights:
    return source if isinstance(source, LoadedWeights) else source.load()
