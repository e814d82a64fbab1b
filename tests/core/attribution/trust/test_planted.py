"""Planted fakes on real photos by a real network: each is called out, and no true map is.

`benchmarks.trust` does the same on all 40 photos and by all tests.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.trust import OTHER, blob, edges, subjects
from effnet_core.attribution.trust import Subject
from effnet_core.attribution.trust.judge import TESTS
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.weights import WeightsStore
from effnet_core.weights.packaged import find_packaged

PLANTED = 12
IN_DEPTH = 3
"""Photos on which networks are drawn anew, a second of processor time a map."""
BY_WHAT_IT_DEPENDS_ON = TESTS[:2]

Maps = npt.NDArray[np.floating]


@pytest.fixture(scope="module")
def every(photos: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    lite0 = find_packaged("lite0")
    if lite0 is None or lite0.path is None:
        pytest.skip("EfficientNet-Lite0's package is not installed: extra 'models'")
    loaded = WeightsStore(tmp_path_factory.mktemp("store")).source("lite0").load()
    return list(subjects(loaded, photos[1::3][:PLANTED]))


def fixed(values: Maps, _: Tensors, pictures: npt.NDArray[np.float32]) -> Maps:
    """The same map whatever is asked."""
    return np.stack([values] * len(pictures))


def called_out(subject: Subject) -> str:
    """The first test of what a map depends on that speaks against it, or ""."""
    (values,) = subject.remade(subject.tensors, subject.picture[None]).astype(np.float32)
    found = (test(values, subject) for test in BY_WHAT_IT_DEPENDS_ON)
    return next((each.test for each in found if each.outcome == "against"), "")


def test_another_photos_map_is_called_out_by_the_picture(every: list[Subject]) -> None:
    maps = [one.remade(one.tensors, one.picture[None])[0] for one in every]
    planted = [
        replace(one, remade=partial(fixed, maps[(place + OTHER) % PLANTED]))
        for place, one in enumerate(every)
    ]
    assert [called_out(one) for one in planted] == ["picture"] * PLANTED


def test_a_blob_in_the_middle_is_called_out_by_the_picture(every: list[Subject]) -> None:
    assert [called_out(replace(one, remade=blob)) for one in every] == ["picture"] * PLANTED


def test_an_edge_detector_is_called_out_by_the_weights(every: list[Subject]) -> None:
    planted = [replace(one, remade=edges) for one in every[:IN_DEPTH]]
    assert [called_out(one) for one in planted] == ["weights"] * IN_DEPTH


def test_no_true_map_is_called_out(every: list[Subject]) -> None:
    assert [called_out(one) for one in every[:IN_DEPTH]] == [""] * IN_DEPTH
