"""One network at several input sizes: the same weights, the sizes asked for, nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from effnet_core.engines.predictor import Predictor
from effnet_core.engines.probe import probe, probe_sizes
from effnet_core.errors import InvalidInput
from effnet_core.images.samples import load_sample
from effnet_core.weights import LoadedWeights, WeightsStore
from effnet_core.weights.bundled import bundled_models


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedWeights:
    store = WeightsStore(tmp_path_factory.mktemp("store"))
    return store.source(bundled_models()[0].id).load()


def test_each_size_is_torchs_own_pass(loaded: LoadedWeights) -> None:
    data, trained = load_sample("coffee"), loaded.preprocessing.crop
    found = probe(loaded, data, (48, trained, 101))
    assert [size.resolution for size in found] == [48, trained, 101]
    assert [size.trained for size in found] == [False, True, False]
    whole = Predictor(loaded, device="cpu", engine="eager")
    followed = whole.predict_bytes(data).top[0].index
    for size in found:
        shown = loaded.preprocessing.at(size.resolution)
        seen = Predictor(replace(loaded, preprocessing=shown), device="cpu", engine="eager")
        expected = seen.predict_bytes(data)
        assert size.target.index == followed
        assert size.target.probability == pytest.approx(expected.of(followed).probability, abs=1e-5)
        assert size.top.index == expected.top[0].index
        assert size.grid == (-(-size.resolution // 32),) * 2
        assert size.milliseconds > 0
    assert len({size.target.probability for size in found}) == 3
    assert np.array_equal(loaded.preprocessing.crop, trained)  # what was given is left alone


def test_a_class_can_be_followed(loaded: LoadedWeights) -> None:
    (size,) = probe(loaded, load_sample("coffee"), (64,), class_index=7)
    assert (size.target.index, size.target.label) == (7, loaded.classes[7])


@pytest.mark.parametrize("trained", [32, 72, 224, 240, 260, 600, 1024])
def test_eight_sizes_around_the_trained_one(trained: int) -> None:
    sizes = probe_sizes(trained)
    assert trained in sizes and sizes == tuple(sorted(set(sizes)))
    assert 4 <= len(sizes) <= 8 and sizes[0] >= 32 and sizes[-1] <= 1024
    if trained in (224, 240, 260):
        assert len(sizes) == 8


@pytest.mark.parametrize("sizes", [(31,), (1025,), (64.5,), (64,) * 17, (True,)])
def test_sizes_out_of_range_are_a_sentence(loaded: LoadedWeights, sizes: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"size"):
        probe(loaded, load_sample("coffee"), sizes)


def test_unknown_classes_are_a_sentence(loaded: LoadedWeights) -> None:
    with torch.no_grad(), pytest.raises(InvalidInput, match="has classes 0 to"):
        probe(loaded, load_sample("coffee"), (64,), class_index=len(loaded.classes))
