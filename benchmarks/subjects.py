"""The network that is timed on both sides: torchvision's own, and ours with the same weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from benchmarks.peers import torchvision_model
from effnet_core.architecture.names import variant
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.predictor import Predictor
from effnet_core.images import Preprocessing
from effnet_core.weights import LoadedWeights
from effnet_core.weights.convert import convert
from effnet_core.weights.published import imagenet_classes


@dataclass(frozen=True)
class Subject:
    """One variant with random weights, drawn by torchvision: speed does not depend on them."""

    name: str

    @cached_property
    def theirs(self) -> nn.Module:
        """Torchvision's network, in evaluation mode; never change it."""
        return torchvision_model(self.name)

    @cached_property
    def loaded(self) -> LoadedWeights:
        """The same weights for ours."""
        theirs = {name: tensor.numpy() for name, tensor in self.theirs.state_dict().items()}
        tensors, spec = convert(theirs, variant(self.name))
        digest = hashlib.sha256()
        for values in tensors.values():
            digest.update(values.tobytes())
        return LoadedWeights(
            id=self.name,
            spec=spec,
            tensors=tensors,
            classes=imagenet_classes(),
            classes_source="catalog",
            preprocessing=Preprocessing.imagenet(spec.resolution),
            preprocessing_source="given",
            sha256=digest.hexdigest(),
            origin="random",
        )

    @cached_property
    def predictor(self) -> Predictor:
        """Ours on its default back end, ready."""
        predictor = Predictor(self.loaded, device="cpu")
        predictor.warm_up()
        return predictor

    @cached_property
    def session(self) -> OnnxSession:
        """The default back end's session by itself, for batches, which no page asks for."""
        return OnnxSession(whole_graph(self.loaded.spec, self.loaded.tensors))

    def inputs(self, batch: int = 1) -> Tensor:
        """Normalised pictures of noise at the network's resolution."""
        side = self.loaded.spec.resolution
        return torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(1))
