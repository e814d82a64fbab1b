"""The walk is the one source: what is changed in it changes in every fold over it, and alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from effnet_core.architecture import steps
from effnet_core.architecture.families import SCALABLE, V1
from effnet_core.architecture.family import Family
from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.architecture.steps import Step
from effnet_core.cost.arrays import scaled_costs
from effnet_core.cost.report import analyze, summarize
from effnet_core.cost.sums import sums_of
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.latency import terms_of_each
from effnet_core.latency.terms import _remembered, terms
from effnet_core.weights.key_names import module_names

PHIS = (-4.0, 0.5)


def arrays(family: Family) -> list[list[int]]:
    costs = scaled_costs(PHIS, family=family, by_part=True)
    parts = (
        (part.params, part.mult_adds, part.receptive_field, part.peak_activation_bytes)
        for part in costs.parts
    )
    totals = (costs.params, costs.batch_norm, costs.adaptive_avg_pool2d, costs.weight_bytes)
    return [values.tolist() for row in (*parts, totals) for values in row]


FOLDS: dict[str, Callable[[ArchitectureSpec, Family], Any]] = {
    "sums": lambda spec, family: summarize(spec),
    "layers": lambda spec, family: analyze(spec).layers,
    "parts": lambda spec, family: analyze(spec).parts,
    "stages": lambda spec, family: analyze(spec).stages,
    "terms": lambda spec, family: terms(spec),
    "arrays": lambda spec, family: arrays(family),
    "arrays of terms": lambda spec, family: terms_of_each(
        scaled_costs(PHIS, family=family, by_part=True), num_classes=1000, family=family
    ).tolist(),
    "shapes": lambda spec, family: {
        name: values.shape for name, values in random_tensors(spec, 0).items()
    },
    "keys": lambda spec, family: [
        module_names(spec, style) for style in ("own", "torchvision", "timm", "lukemelas")
    ],
}


def forget() -> None:
    """Nothing that was counted before the change may answer after it."""
    sums_of.cache_clear()
    _remembered.cache_clear()


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], None]]:
    def patch(name: str, value: Any) -> None:
        monkeypatch.setattr(steps, name, value)
        forget()

    yield patch
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("fold", sorted(set(FOLDS) - {"keys"}))
def test_wider_windows_are_wider_in_every_fold(fold: str, change: Any) -> None:
    """The same as from networks whose tables ask for them, and not what it was."""
    spec = scaled(-4.0)
    wider = replace(
        spec, blocks=tuple(replace(block, kernel=block.kernel + 2) for block in spec.blocks)
    )
    stages = tuple(replace(stage, kernel=stage.kernel + 2) for stage in V1.stages)
    before = FOLDS[fold](spec, V1)
    expected = FOLDS[fold](wider, replace(V1, stages=stages))
    spatial = steps._spatial

    def widened(role: Any, inputs: Any, outputs: Any, kernel: int, *others: Any) -> Step:
        more = 2 if role == "depthwise" else 0
        return spatial(role, inputs, outputs, kernel + more, *others)

    change("_spatial", widened)
    found = FOLDS[fold](spec, V1)
    if fold == "stages":  # its titles are the table's
        assert [s.receptive_field for s in found] == [s.receptive_field for s in expected]
        assert [s.params for s in found] == [s.params for s in expected]
    else:
        assert found == expected
    assert found != before


@pytest.mark.parametrize("fold", sorted(FOLDS))
def test_a_step_that_goes_is_gone_from_every_fold(fold: str, change: Any) -> None:
    spec = scaled(-4.0)
    plain = replace(spec, blocks=tuple(replace(block, squeeze_channels=0) for block in spec.blocks))
    stages = tuple(replace(stage, squeeze_ratio=0.0) for stage in V1.stages)
    before = FOLDS[fold](spec, V1)
    expected = FOLDS[fold](plain, replace(V1, stages=stages))
    mbconv = steps._mbconv

    def without(*given: Any) -> Iterator[Step]:
        return (step for step in mbconv(*given) if step.role != "squeeze_excite")

    change("_mbconv", without)
    assert FOLDS[fold](spec, V1) == expected != before


@pytest.mark.parametrize("family", SCALABLE, ids=lambda family: family.key)
def test_channels_of_a_family_are_multiples_of_8(family: Family) -> None:
    """`StageSpec.expanded` needs no rounding where they are."""
    for channels in family.channels(np.linspace(0.05, 5, 100)):
        assert not (channels % 8).any()
