"""Whole runs: what they learn, what they leave behind, and how they fail."""

from __future__ import annotations

import dataclasses
import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.errors import DoesNotFit, InvalidInput, WeightsError
from effnet_core.evaluation.accuracy import logits, right, views
from effnet_core.files import places, read_json
from effnet_core.images import Preprocessing
from effnet_core.training import loop
from effnet_core.training.holding_out import held_out_by_class
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.run import Status
from effnet_core.training.trainer import Trainer, TrainingError
from effnet_core.weights import instantiate, load_checkpoint

MEMORISE = Recipe(
    epochs=25,
    batch=20,
    learning_rate=0.2,
    weight_decay=0.0,
    label_smoothing=0.0,
    crop_area=(1, 1),
    crop_aspect=(1, 1),
    flip=0.0,
    drop_path=0.0,
    dropout=0.0,
)


def accuracy(model: Path, photos: PhotoSet) -> float:
    """Top-1 of a saved network, found anew from its file alone."""
    loaded = load_checkpoint(model)
    seen = views(photos, loaded.preprocessing)
    answers = logits(instantiate(loaded), seen, loaded.preprocessing, device=torch.device("cpu"))
    count, first, _, _ = right(answers, photos.labels).tolist()
    return first / count


def test_a_tiny_network_learns_200_photos_by_heart(tiny: Any, tmp_path: Path) -> None:
    """Labels are drawn, so nothing can be learned but each photo itself."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randint(0, 256, (200, 3, 4, 4), generator=generator).float()
    photos = dataclasses.replace(
        tiny.photos(200),
        images=torch.nn.functional.interpolate(coarse, size=32).to(torch.uint8),
        labels=torch.randint(0, 4, (200,), generator=generator),
    )
    job = tiny.job(MEMORISE, photos=photos)
    folder = RunFolder(tmp_path / "run")
    loop.run(job, folder, tiny.alone)
    assert accuracy(folder.model, photos) > 0.99
    assert folder.read_metrics()[-1]["loss"] < 0.05


def test_what_a_run_leaves_behind(tiny: Any, tmp_path: Path, every_step: None) -> None:
    told: list[Status] = []
    recipe = dataclasses.replace(tiny.everything, first_resolution=0.5, epochs=4)
    result = tiny.run(recipe, tmp_path / "run", report=told.append)
    folder = RunFolder(tmp_path / "run")
    assert (result.state, result.steps, result.photos, result.held_out) == ("finished", 16, 64, 16)
    assert folder.result() == result
    assert read_json(folder.path / "result.json") == dataclasses.asdict(result)
    assert (folder.begun().recipe, folder.begun().about["data"]) == (recipe, "drawn")

    epochs = [metric for metric in folder.read_metrics() if metric["kind"] == "epoch"]
    assert [metric["step"] for metric in epochs] == [4, 8, 12, 16]
    assert all(metric["photos_per_second"] > 0 for metric in epochs)
    assert all(metric["held_out"]["photos"] == 16 for metric in epochs)
    assert [status.step for status in told if status.state == "running"] == list(range(17))
    assert told[-1] == folder.status()
    assert (told[-1].state, told[-1].seconds_left, told[-1].top1) == ("finished", 0.0, result.top1)

    # Training time leaves out judging and saving, so it is faster than the clock on the wall.
    assert result.photos_per_second > 16 * recipe.batch / result.seconds
    _, rows = held_out_by_class(tiny.photos().labels, 16, seed=recipe.split_seed)
    held = tiny.photos().subset(rows)
    assert accuracy(folder.model, held) == result.top1
    loaded = load_checkpoint(folder.model)
    assert loaded.classes == tiny.photos().classes
    assert loaded.preprocessing == Preprocessing(resize=32, crop=32, interpolation="bilinear")


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    tiny: Any, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(tiny.everything, epochs=1)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        tiny.run(dataclasses.replace(recipe, seed=seed), tmp_path / name)
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert files[0] == files[1] != files[2]


def test_without_held_out_photos_nothing_is_judged(tiny: Any, tmp_path: Path) -> None:
    recipe = dataclasses.replace(tiny.everything, held_out=0, epochs=1)
    result = tiny.run(recipe, tmp_path / "run")
    assert (result.photos, result.held_out, result.top1, result.top5) == (80, 0, None, None)
    assert "held_out" not in RunFolder(tmp_path / "run").read_metrics()[-1]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_loss_that_is_no_number_is_a_sentence(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Whether the loss is looked at first or a checkpoint is due first."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", seconds)
    diverging = Recipe(epochs=20, batch=16, learning_rate=1000.0, clip_norm=0.0, warmup_epochs=0)
    with pytest.raises(TrainingError, match=r"Begin again with a lower learning_rate") as caught:
        tiny.run(diverging, tmp_path)
    status = RunFolder(tmp_path).status()
    assert status is not None
    assert (status.state, status.sentence) == ("failed", str(caught.value))
    state = RunFolder(tmp_path).load_state(torch.device("cpu"))
    assert state is not None
    assert all(value.isfinite().all() for value in state["model"].values())
    assert RunFolder(tmp_path).result() is None


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow past `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_sentence_and_the_old_checkpoint_stays(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_step: None
) -> None:
    monkeypatch.setattr(places, "_FULL", (errno.EFBIG,))  # what a file past the limit gives
    recipe = dataclasses.replace(tiny.everything, optimizer="adamw", learning_rate=0.01)
    uninterrupted, folder = tmp_path / "whole", RunFolder(tmp_path / "run")
    tiny.run(recipe, uninterrupted)
    saved: list[bytes] = []

    def report(status: Status) -> None:
        """AdamW's state makes the checkpoint after the first step larger than that before."""
        if status.step == 2:
            saved.append(folder.checkpoint.read_bytes())
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(saved[0]) // 2, -1))

    with room_for(-1), pytest.raises(WeightsError) as caught:
        tiny.run(recipe, folder.path, report=report)
    assert "is full, so checkpoint.pt was not saved; free some space" in str(caught.value)
    assert folder.checkpoint.read_bytes() == saved[0]
    assert not list(folder.path.glob(".*.part"))
    status = folder.status()
    assert status is not None
    assert (status.state, status.sentence) == ("failed", str(caught.value))
    tiny.run(recipe, folder.path, resume=True)
    assert folder.model.read_bytes() == (uninterrupted / "model.safetensors").read_bytes()


def test_a_disk_without_room_for_anything_tells_what_went_wrong_first(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status cannot be written either; that is not what the person needs to hear."""
    monkeypatch.setattr(places, "_FULL", (errno.EFBIG,))
    with room_for(2500), pytest.raises(WeightsError, match=r"checkpoint\.pt was not saved"):
        tiny.run(tiny.everything, tmp_path / "run")
    assert not RunFolder(tmp_path / "run").exists
    tiny.run(dataclasses.replace(tiny.everything, epochs=1), tmp_path / "run")


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA"), MemoryError()])
def test_out_of_memory_says_what_to_change(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def backward(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Trainer, "_backward", backward)
    with pytest.raises(TrainingError) as caught:
        tiny.run(tiny.everything, tmp_path)
    assert str(caught.value) == (
        "Memory ran out with 8 photos at once; begin again with more micro_batches (now 2), "
        "which keeps the batch of 16."
    )
    status = RunFolder(tmp_path).status()
    assert status is not None
    assert status.sentence == str(caught.value)


def test_a_network_that_cannot_fit_begins_no_run(tiny: Any, tmp_path: Path) -> None:
    huge = tiny.spec(resolution=8192)
    recipe = dataclasses.replace(tiny.everything, batch=64, micro_batches=1, held_out=0)
    with pytest.raises(DoesNotFit, match=r"takes at least [\d.]+ GB on cpu, and") as caught:
        loop.run(tiny.job(recipe, spec=huge), RunFolder(tmp_path), tiny.alone)
    status = RunFolder(tmp_path).status()
    assert status is not None
    assert status.sentence == str(caught.value)
    assert not RunFolder(tmp_path).exists


def test_a_run_is_not_begun_over_another(tiny: Any, tmp_path: Path) -> None:
    recipe = dataclasses.replace(tiny.everything, epochs=1)
    tiny.run(recipe, tmp_path)
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(TrainingError, match="holds a run already; resume it, or give another"):
        tiny.run(recipe, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_a_job_fits_its_photos_and_preprocessing(tiny: Any) -> None:
    with pytest.raises(TrainingError, match="tiny has 5 classes, and the photos have 4"):
        tiny.job(tiny.everything, spec=tiny.spec(num_classes=5))
    with pytest.raises(InvalidInput, match="tiny sees 32 pixels, and the preprocessing cuts 64"):
        tiny.job(tiny.everything, preprocessing=Preprocessing.imagenet(64))
