"""Rows of stage tables and of published coefficients, and the frameworks' conventions."""

from __future__ import annotations

from typing import Any

from effnet_core.architecture.family import Conventions, PublishedCoefficients, StageSpec

PYTORCH = Conventions(1e-5, 0.1, "symmetric")
TENSORFLOW = Conventions(1e-3, 0.01, "same")

V2_SOURCE = "reference implementation of EfficientNetV2 (google/automl)"


# Each row of a stage table: expand ratio, kernel, stride, output channels, repeats.
def mb(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    """MBConv blocks."""
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats)


def plain_mb(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    """MBConv blocks without squeeze-and-excitation."""
    return StageSpec("mbconv", expand, kernel, stride, channels, repeats, 0.0)


def fused(expand: int, kernel: int, stride: int, channels: int, repeats: int) -> StageSpec:
    """FusedMBConv blocks."""
    return StageSpec("fused_mbconv", expand, kernel, stride, channels, repeats, 0.0)


def rows(source: str, *found: tuple[Any, ...]) -> tuple[PublishedCoefficients, ...]:
    """Each row is name, width, depth, train pixels, test pixels, dropout.

    Where its conventions are not the family's, they stand last.
    """
    names = ("name", "width", "depth", "train_resolution", "test_resolution", "dropout")
    fields = (*names, "conventions")
    return tuple(
        PublishedCoefficients(source=source, **dict(zip(fields, row, strict=False)))
        for row in found
    )
