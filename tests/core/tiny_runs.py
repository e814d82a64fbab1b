"""A network so small, and photos so few, that a whole run takes a second."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.datasets import prepared
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.datasets.splits import Split
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.training import loop
from effnet_core.training.distributed import World
from effnet_core.training.job import Job, preprocessing_for
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Result
from effnet_core.training.trainer import Trainer, trained_spec

CLASSES = ("ant", "bee", "cat", "dog")
ALONE = World(0, 1, torch.device("cpu"))
EVERYTHING = Recipe(
    epochs=3,
    batch=16,
    micro_batches=2,
    policy="trivialaugment",
    mixup=0.2,
    drop_path=0.3,
    dropout=0.3,
    ema_decay=0.9,
    held_out=16,
    first_resolution=1.0,
    weight_decay=1e-3,
)
"""All that draws at random or keeps a state is on."""


def block(stage: int, index: int, inputs: int, expanded: int, outputs: int) -> BlockSpec:
    """An MBConv; the first of a stage but the first halves the side."""
    return BlockSpec(
        stage=stage,
        index=index,
        operator="mbconv",
        kernel=3,
        stride=2 if stage > 1 and not index else 1,
        in_channels=inputs,
        expanded_channels=expanded,
        squeeze_channels=2,
        out_channels=outputs,
        drop_path=0.0,
    )


@dataclass(frozen=True)
class Tiny:
    """What the tests of the engine are made of."""

    alone: World = ALONE
    everything: Recipe = EVERYTHING

    def spec(self, **changes: Any) -> ArchitectureSpec:
        """Five blocks, three of them with a shortcut, for 32 pixels; 10,000 parameters or so."""
        fields: dict[str, Any] = {
            "name": "tiny",
            "resolution": 32,
            "stem_channels": 8,
            "blocks": (
                block(1, 0, 8, 8, 8),
                block(2, 0, 8, 16, 16),
                block(2, 1, 16, 32, 16),
                block(2, 2, 16, 32, 16),
                block(3, 0, 16, 32, 16),
            ),
            "head_channels": 32,
            "phi": None,
        }
        network = scaled(-6, base_resolution=128, num_classes=len(CLASSES))
        return dataclasses.replace(network, **{**fields, **changes})

    def photos(self, count: int = 80, *, side: int = 32, seed: int = 0) -> PhotoSet:
        """Photos of four classes: each shows its class's coarse pattern under much noise."""
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % len(CLASSES)
        patterns = torch.rand(len(CLASSES), 3, 4, 4, generator=torch.Generator().manual_seed(1))
        shown = torch.nn.functional.interpolate(patterns[labels] * 155, size=side)
        noise = torch.rand(count, 3, side, side, generator=generator) * 100
        return PhotoSet(
            images=(shown + noise).to(torch.uint8),
            labels=labels,
            classes=CLASSES,
            class_ids=CLASSES,
            names=tuple(f"{CLASSES[label]}/{row}.png" for row, label in enumerate(labels.tolist())),
        )

    def prepared(self, folder: Path, **options: Any) -> Path:
        """The photos as `effnet data prepare` would leave them."""
        sets: dict[Split, PhotoSet] = {"train": self.photos(**options)}
        prepared.write(sets, folder, source="drawn", form="drawn", unreadable=(), ignored=0)
        return folder

    def model(self, recipe: Recipe, seed: int = 0) -> EfficientNet:
        """The network as the recipe has it."""
        return build(trained_spec(self.spec(), recipe), seed=seed)

    def trainer(
        self, recipe: Recipe, *, world: World = ALONE, photos: PhotoSet | None = None
    ) -> Trainer:
        """A trainer of that network."""
        shown = preprocessing_for(self.spec())
        return Trainer(self.model(recipe), photos or self.photos(), recipe, shown, world)

    def job(self, recipe: Recipe, **fields: Any) -> Job:
        """A job of that network on those photos."""
        usual = {"spec": self.spec(), "photos": self.photos(), "about": {"data": "drawn"}}
        return Job(recipe=recipe, **{**usual, **fields})

    def run(self, recipe: Recipe, path: Path, **options: Any) -> Result:
        """A whole run in the folder `path`."""
        return loop.run(self.job(recipe), RunFolder(path), ALONE, **options)


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    """Return the tiny network, its photos and runs."""
    return Tiny()


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save and report after every step instead of now and then."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "STATUS_SECONDS", 0.0)


@pytest.fixture
def prepared_data(tiny: Any, tmp_path: Path) -> Path:
    """A prepared folder."""
    folder: Path = tiny.prepared(tmp_path / "data")
    return folder


@pytest.fixture
def spec_file(tiny: Any, tmp_path: Path) -> Path:
    """The tiny network's spec, for a thousand classes as a network usually is."""
    path = tmp_path / "tiny.json"
    path.write_text(tiny.spec(num_classes=1000).to_json())
    return path
