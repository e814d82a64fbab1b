"""`effnet_core.training.holding_out`: every class is judged, where it has two photos."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.datasets.photo_set import held_out_rows
from effnet_core.errors import InvalidInput
from effnet_core.evaluation.accuracy import mean_of_classes, right_by_class
from effnet_core.training.holding_out import held_out_by_class, hold_out, told_of
from effnet_core.training.runs.folder import RunFolder


def labels_of(counts: list[int]) -> torch.Tensor:
    """So many photos of each class, in mixed order."""
    rows = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(5))]


def of_each(labels: torch.Tensor, rows: torch.Tensor, classes: int) -> list[int]:
    return labels[rows].bincount(minlength=classes).tolist()


@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=12),
    share=st.floats(0, 0.6),
    seed=st.integers(0, 2**32),
)
def test_each_class_gives_its_share_and_keeps_some(
    counts: list[int], share: float, seed: int
) -> None:
    labels = labels_of(counts)
    count = int(share * len(labels))
    kept, held = held_out_by_class(labels, count, seed=seed)
    assert torch.equal(torch.cat([kept, held]).sort().values, torch.arange(len(labels)))
    assert (kept.diff() > 0).all() and (held.diff() > 0).all() and len(held) == count
    given_of = of_each(labels, held, len(counts))
    two = sum(one > 1 for one in counts)
    if two <= count <= sum(counts) - len(counts):
        assert all(given for given, one in zip(given_of, counts, strict=True) if one > 1)
        assert all(given < one for given, one in zip(given_of, counts, strict=True))
    # No transfer of a photo from one class to another would bring their shares nearer together.
    for a, na in zip(given_of, counts, strict=True):
        for b, nb in zip(given_of, counts, strict=True):
            if a + 1 < na and 1 < b < nb:
                assert na / math.sqrt(a * (a + 1) or 1e-9) <= nb / math.sqrt(b * (b - 1)) or a == 0


def test_the_reported_cases_hold_out_every_class() -> None:
    boxes = labels_of([150, 3])
    assert of_each(boxes, held_out_by_class(boxes, 15, seed=0)[1], 2) == [14, 1]
    dozen = labels_of([12, 12, 12])
    for seed in range(50):
        assert of_each(dozen, held_out_by_class(dozen, 3, seed=seed)[1], 3) == [1, 1, 1]


def test_which_photos_are_held_out_is_drawn_by_seed() -> None:
    labels = labels_of([30, 30])
    rows = {tuple(held_out_by_class(labels, 6, seed=seed)[1].tolist()) for seed in range(5)}
    assert len(rows) == 5
    assert torch.equal(*(held_out_by_class(labels, 6, seed=3)[1] for _ in range(2)))
    with pytest.raises(InvalidInput, match="cannot be held out"):
        held_out_by_class(labels, 60, seed=0)


def test_a_class_of_one_photo_is_trained_on_and_said_to_be_unjudged(tiny: Any) -> None:
    photos = tiny.photos()
    single = torch.cat(
        [(photos.labels == 0).nonzero()[:1, 0], (photos.labels != 0).nonzero()[:, 0]]
    )
    photos = photos.subset(single)
    recipe = dataclasses.replace(tiny.everything, held_out=9)
    kept, held = hold_out(photos, recipe, None)
    assert 0 in photos.labels[kept] and 0 not in photos.labels[held]
    assert told_of(photos, held) == {"held_out_by": "class", "unjudged": [photos.classes[0]]}


def test_a_run_begun_otherwise_keeps_its_photos(tiny: Any) -> None:
    recipe = dataclasses.replace(tiny.everything, held_out=9)
    photos = tiny.photos()
    before = held_out_rows(len(photos), 9, seed=recipe.split_seed)
    for found, expected in zip(hold_out(photos, recipe, {}), before, strict=True):
        assert torch.equal(found, expected)


def test_the_mean_of_the_classes_counts_a_rare_class_in_full(tiny: Any, tmp_path: Path) -> None:
    answers = torch.eye(3)[torch.tensor([0, 0, 0, 0, 0])]
    labels = torch.tensor([0, 0, 0, 0, 2])  # four of one class right, the one of another wrong
    photos, first = right_by_class(answers, labels).view(2, 3)
    assert (photos.tolist(), first.tolist()) == ([4, 0, 1], [4, 0, 0])
    assert mean_of_classes(photos, first) == 0.5  # top-1 is 0.8
    recipe = dataclasses.replace(tiny.everything, epochs=1)
    result = tiny.run(recipe, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    last = [metric for metric in folder.read_metrics() if metric["kind"] == "epoch"][-1]
    assert result.class_mean == last["held_out"]["class_mean"]
    assert json.loads((folder.path / "status.json").read_text())["class_mean"] == result.class_mean
    # Four classes give four photos each here, so that both means are the same.
    assert result.class_mean == pytest.approx(result.top1)
    assert folder.begun().about["unjudged"] == []
