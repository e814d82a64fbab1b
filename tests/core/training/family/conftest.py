"""Two tiny networks, few photos for them, and what comes out when nothing goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.training.distributed import World
from effnet_core.training.family.runs import Family, read
from effnet_core.training.family.training import FamilyData, Outcome, read_data, train_family
from effnet_core.weights import load_checkpoint

CPU = World(0, 1, torch.device("cpu"))
TINY = {
    "strategy": "width",
    "base_phi": -2,
    "depth": 0.2,
    "width": 0.2,
    "resolution": 32,
    "dropout": 0.1,
}
LIST: dict[str, Any] = {
    "format": "effnet-family/1",
    "name": "two tiny ones",
    "base_resolution": 32,
    "num_classes": 3,
    "recipe": {"epochs": 3, "batch": 8, "held_out": 6, "drop_path": 0.1, "ema_decay": 0.9},
    "networks": {
        "narrow": {"name": "narrow", **TINY},
        "wide": {"name": "wide", **TINY, "width": 0.25},
    },
    "runs": [
        {"id": "narrow", "group": "duel", "network": "narrow", "always": True},
        {"id": "wide", "group": "duel", "network": "wide", "always": True, "seed": 1},
    ],
}


def photos(split: str, each: int, classes: int = 3) -> PhotoSet:
    """Coarse noise in a tone of its own for each class."""
    labels = torch.arange(each * classes) % classes
    drawn = torch.Generator().manual_seed(len(split))
    noise = torch.randint(0, 128, (len(labels), 3, 16, 16), generator=drawn)
    tone = torch.nn.functional.one_hot(labels, 3)[:, :, None, None] * 100
    names = tuple("abc"[:classes])
    return PhotoSet(
        images=(noise + tone).to(torch.uint8),
        labels=labels,
        classes=names,
        class_ids=names,
        names=tuple(f"{names[label]}/{place}.png" for place, label in enumerate(labels.tolist())),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared data set: 30 photos to train on, 6 of them held out, and 12 for validation."""
    place = tmp_path_factory.mktemp("prepared")
    sets: dict[Any, PhotoSet] = {"train": photos("train", 10), "val": photos("val", 4)}
    prepared.write(sets, place, source="tones", form="drawn", unreadable=(), ignored=0)
    return place


@pytest.fixture(scope="module")
def data(folder: Path) -> FamilyData:
    return read_data(folder)


@pytest.fixture
def plain() -> dict[str, Any]:
    """The list that `listed` reads: 3 epochs of 3 steps."""
    return LIST


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Family]:
    """Return a function that reads LIST with other fields."""

    def make(**fields: Any) -> Family:
        path = tmp_path / "list.json"
        path.write_text(json.dumps({**LIST, **fields}), encoding="utf-8")
        return read(path)

    return make


@pytest.fixture(scope="module")
def whole(
    data: FamilyData, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[Outcome, ...]]:
    """Both runs, trained without interruption."""
    out = tmp_path_factory.mktemp("whole")
    path = out / "list.json"
    path.write_text(json.dumps(LIST), encoding="utf-8")
    family = read(path)
    return out, train_family(family, family.runs, data, out, CPU)


@pytest.fixture
def same_weights() -> Callable[[Path, Path], bool]:
    """Return a function that says whether two run folders hold bit-equal weights."""

    def same(one: Path, other: Path) -> bool:
        first, second = (
            load_checkpoint(place / "model.safetensors").state_dict for place in (one, other)
        )
        equal = (torch.equal(first[name], second[name]) for name in first)
        return first.keys() == second.keys() and all(equal)

    return same
