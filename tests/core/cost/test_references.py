"""Computed costs beside golden values that pycls published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effnet_core.architecture.names import variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "pycls.json").read_text("utf-8"))


def bias_terms(spec: ArchitectureSpec) -> int:
    """Biases of squeeze-and-excitation (both convolutions) and of the classifier."""
    gates = sum(block.squeeze_channels + block.expanded_channels for block in spec.blocks)
    return gates + spec.num_classes


@pytest.mark.parametrize(("name", "count"), GOLDEN["bias_terms"].items())
def test_the_bias_terms_that_pycls_adds(name: str, count: int) -> None:
    assert bias_terms(variant(name)) == count


@pytest.mark.parametrize(("name", "golden"), GOLDEN["variants"].items())
def test_pycls_golden_values(name: str, golden: dict[str, int]) -> None:
    spec = variant(name)
    report = analyze(spec)
    assert report.totals.mult_adds + bias_terms(spec) == golden["mult_adds"]
    assert report.totals.activations == golden["activations"]
