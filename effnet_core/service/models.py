"""The models in memory: few, each loaded once, each with a lane of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from effnet_core.engines.cores import HALVES
from effnet_core.engines.onnx.cache import WHOLE, GraphCache
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import DoesNotFit
from effnet_core.service.lanes import Lanes, Ticket
from effnet_core.service.preparing import prepare_apart
from effnet_core.service.uploads import PREFIX, Uploads
from effnet_core.weights.checkpoints import LoadedWeights
from effnet_core.weights.sources import Source
from effnet_core.weights.store import WeightsStore


class Models:
    """At most `capacity` predictors, by the identities of their weights.

    Graphs for ONNX Runtime are kept beside the store; those of uploads nowhere, as the uploads
    themselves are only in memory.
    """

    def __init__(
        self,
        store: WeightsStore,
        uploads: Uploads,
        *,
        device: str,
        dtype: str,
        capacity: int,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._device = device
        self._dtype = dtype
        self.graphs = GraphCache(store.root / "graphs")
        # Passes share a CPU's cores in halves, and one more waits ready. A CUDA device runs one
        # pass at a time.
        self._lanes = Lanes(
            self._load,
            key=lambda source: source.identity,
            capacity=capacity,
            turns=HALVES + 1 if device == "cpu" else 1,
        )

    def source(self, weights: str) -> Source | LoadedWeights:
        """What `weights` names; never a path, so no file of the server is opened.

        Raises InvalidInput for a name that nothing has, WeightsError for an upload kept no more.
        """
        if weights.startswith(PREFIX):
            return self._uploads.weights(weights)
        return self._store.source(weights)

    @contextmanager
    def use(self, source: Source | LoadedWeights, ticket: Ticket) -> Iterator[Predictor]:
        """Hold the lane of the source's model; running out of memory gets a sentence.

        Raises WeightsError, DoesNotFit or InvalidInput.
        """
        try:
            with self._lanes.use(source, ticket) as predictor:
                yield predictor
        except (RuntimeError, MemoryError) as error:
            if not _ran_out_of_memory(error):
                raise
            raise DoesNotFit(
                f"The memory of {self._device} ran out while {source.id:.120} was working; choose "
                "a smaller model, or try again when fewer models are in use."
            ) from None

    def rest(self) -> None:
        """Let go of what models keep for many who ask at once."""
        for predictor in self._lanes.values():
            predictor.rest()

    def loaded(self) -> tuple[str, ...]:
        """The ids of the models in memory, least recently used first."""
        identities = self._lanes.keys()
        return tuple(identity.rpartition("@")[0] for identity in identities)

    def holds(self, source: Source | LoadedWeights) -> bool:
        """Whether these weights are loaded or loading."""
        return source.identity in self._lanes

    def is_prepared(self, source: Source | LoadedWeights) -> bool:
        """Whether nothing has to be made on disk before these weights can answer."""
        if not isinstance(source, Source) or source.stored.state == "absent":
            return True
        return self.holds(source) or not self._lacks_graph(source)

    def _lacks_graph(self, source: Source) -> bool:
        on_runtime = (self._device, self._dtype) == ("cpu", "float32")
        return on_runtime and not self.graphs.holds(source.stored.sha256, WHOLE)

    def forget(self, identity: str) -> None:
        """Let a model go as soon as the requests in its lane are answered."""
        self._lanes.forget(identity)

    def _load(self, source: Source | LoadedWeights) -> Predictor:
        if self._device.startswith("cuda"):
            from effnet_core.engines.cuda.graphs import release_cached_memory

            release_cached_memory()  # what the model that made room has left
        if isinstance(source, Source):
            if "torch" not in sys.modules and self._lacks_graph(source):
                prepare_apart(self._store, source.id)
            loaded, graphs = source.load(), self.graphs
        else:
            loaded, graphs = source, None
        predictor = Predictor(loaded, device=self._device, dtype=self._dtype, graphs=graphs)
        predictor.warm_up()
        return predictor


def _ran_out_of_memory(error: BaseException) -> bool:
    """As torch says it, if it is there to say so, or Python."""
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from effnet_core.network.build import is_out_of_memory

    return is_out_of_memory(error)
