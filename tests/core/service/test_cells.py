"""Cells and channels by the door: the network's own numbers, and one pass for many cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from effnet_core.attribution.cell import Cell
from effnet_core.engines.onnx.parts import PartMaps
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.images.samples import load_sample
from effnet_core.service import (
    CellRequest,
    ClassifyRequest,
    ExplainRequest,
    InferenceService,
    cells,
)
from effnet_core.service.recent import RecentMaps
from effnet_core.weights import WeightsStore
from effnet_core.weights.bundled import bundled_models

TOLERANCE = 1e-5


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[PartMaps]:
    """The feature maps of each pass that is taken for cells."""
    taken: list[PartMaps] = []
    part_maps = cells.part_maps

    def counted(*arguments: Any) -> PartMaps:
        taken.append(part_maps(*arguments))
        return taken[-1]

    monkeypatch.setattr(cells, "part_maps", counted)
    return taken


def test_every_stage_of_a_bundled_model_has_cells_as_torch_computes_them(tmp_path: Path) -> None:
    service, picture = InferenceService(WeightsStore(tmp_path), device="cpu"), load_sample("coffee")
    source = WeightsStore(tmp_path).source(bundled_models()[0].id)
    predictor = Predictor(source.load(), device="cpu", engine="eager")
    prediction = service.classify(ClassifyRequest(picture, source.id))
    with torch.inference_mode():
        maps = predictor.model.feature_maps(torch.from_numpy(predictor.inputs(prediction.pixels)))
    for stage, expected in enumerate(maps):
        channel, side = expected.shape[1] // 2, expected.shape[-1]
        cell = Cell(stage=stage, channel=channel, row=side // 2, column=side - 1)
        found = service.cell(CellRequest(picture, source.id, cell))
        own = float(expected[0, channel, cell.row, cell.column])
        # torch adds up all layers before in another order; the last sums are as exact as float32
        assert found.value == pytest.approx(own, abs=1e-4)
        assert found.value == pytest.approx(found.network, abs=TOLERANCE)
        np.testing.assert_allclose(found.plane, expected[0, channel].numpy(), atol=1e-4)


def test_cells_of_a_picture_take_one_pass_until_the_model_goes(
    make: Callable[..., Any],
    checkpoints: tuple[bytes, bytes],
    pictures: tuple[bytes, ...],
    made: list[PartMaps],
) -> None:
    ready = make(max_uploads=2)
    service, weights = ready.service, ready.ids[0]
    values = {
        service.cell(
            CellRequest(picture, weights, Cell(stage=3, channel=0, row=row, column=1))
        ).value
        for picture in pictures[:2]
        for row in range(4)
    }
    assert len(values) == 8
    assert len(made) == 2
    for classes in ("vwxyz", "stuvw"):  # two more uploads: this one goes
        service.add_checkpoint(checkpoints[0], "tiny.safetensors", classes=tuple(classes))
    assert service.add_checkpoint(checkpoints[0], "tiny.safetensors").id == weights
    cell = Cell(stage=3, channel=0, row=0, column=1)
    assert service.cell(CellRequest(pictures[0], weights, cell)).value in values
    assert len(made) == 3


def test_maps_are_kept_by_their_bytes() -> None:
    maps = PartMaps((np.zeros((2, 4, 4), np.float32), np.zeros((1, 2, 2), np.float32)), (None,))
    assert maps.nbytes == 4 * (32 + 4)
    recent = RecentMaps(max_bytes=2 * maps.nbytes)
    for name in (b"a", b"b", b"c"):
        recent.put((name, "model"), maps)
    assert [name for name in (b"a", b"b", b"c") if recent.get((name, "model"))] == [b"b", b"c"]


def test_what_channels_give_is_the_logits_share(ready: Any, pictures: tuple[bytes, ...]) -> None:
    request = ExplainRequest(image=pictures[0], weights=ready.ids[0], class_index=2)
    found = ready.service.channels(request)
    assert [channels.side for channels in found] == [32, 32, 16, 8, 4, 4, 2, 2, 2]
    for channels in found:
        assert sorted(channels.order) == list(range(len(channels.given)))
        assert np.all(np.diff(channels.given[list(channels.order)]) <= 0)
    # Each place of Grad-CAM's last map is a sum over channels of the same products.
    total = ready.service.explain(request).attribution.raw.astype(np.float64).sum()
    assert found[-1].given.sum() == pytest.approx(total, rel=1e-4)


def test_a_stage_that_is_not_there_gets_a_sentence_before_a_pass(
    ready: Any, pictures: tuple[bytes, ...], made: list[PartMaps]
) -> None:
    cell = Cell(stage=12, channel=0, row=0, column=0)
    with pytest.raises(InvalidInput, match="from 0 \\(stem\\) to 8"):
        ready.service.cell(CellRequest(pictures[0], ready.ids[0], cell))
    assert not made
