"""A small network, pictures, and a stand-in for CUDA, for the tests of the CUDA engine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from effnet_core.architecture.names import scaled
from effnet_core.attribution.reference import fill_norm_statistics
from effnet_core.engines.cuda.graphs import Outputs, Run
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

SIDE = 64
TOLERANCE = 1e-4
"""Of the largest value: another memory layout sums in another order."""


def network(device: str = "cpu") -> EfficientNet:
    model = build(scaled(-5, resolution=SIDE, num_classes=7), seed=1).requires_grad_(False)
    fill_norm_statistics(
        model, torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    )
    return model.to(device)


def pictures(count: int, device: str = "cpu") -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(1, 3, SIDE, SIDE, generator=generator).to(device) for _ in range(count)]


def one_buffer(run: Run, example: Tensor) -> Run:
    """Stands in for CUDA: one buffer for all inputs and one for each output."""
    static = torch.empty_like(example, memory_format=torch.channels_last)
    outputs = tuple(torch.empty_like(each) for each in run(example))

    def replay(inputs: Tensor) -> Outputs:
        static.copy_(inputs)
        for kept, new in zip(outputs, run(static), strict=True):
            kept.copy_(new)
        return outputs

    return replay


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    largest = float(np.abs(expected).max())
    assert largest > 1e-3  # else nothing would be compared
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest)
