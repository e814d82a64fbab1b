"""Runs of their own processes: real tiny trainings, cancelled, killed, resumed, removed."""

from __future__ import annotations

import io
import os
import shutil
import signal
import zipfile
from dataclasses import replace
from typing import Any

import pytest
import torch

from effnet_core.datasets.drawn import SHAPES, drawn_zip
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import Busy, EffnetError, InvalidInput
from effnet_core.files import read_json, write_json
from effnet_core.service.training.orders import Wish
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import Order
from effnet_core.weights import resolve_weights

Finished = tuple[Any, str]


def shapes() -> bytes:
    return drawn_zip(10)


def pictures(count: int = 8) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(drawn_zip(count))) as archive:
        return [archive.read(name) for name in archive.namelist()]


def test_a_run_is_trained_to_its_end_and_its_network_is_among_the_weights(
    finished: Finished,
) -> None:
    place, run_id = finished
    run = place.jobs().status(run_id)
    assert run.order is not None and run.status is not None
    assert (run.name, run.order.classes, run.order.photos) == ("Drawn shapes", SHAPES, 40)
    assert run.order.recipe == place.wish.recipe and run.order.spec.resolution == 32
    assert (run.status.epoch, run.status.step, run.status.steps) == (3, 12, 12)
    ends = [point for point in place.jobs().course(run_id).points if point.top1 is not None]
    assert [point.epoch for point in ends] == [1, 2, 3]
    assert run.model and ends[-1].top1 == run.status.top1
    stored = place.store.imported(run_id)
    assert stored is not None and stored.title == "Drawn shapes"
    assert "trained here on 40 photos" in stored.origin
    loaded = resolve_weights(run_id, place.store)
    picture = pictures(1)[0]
    assert loaded.classes == SHAPES and loaded.preprocessing.crop == 32
    assert {entry.label for entry in Predictor(loaded).predict_bytes(picture).top} == set(SHAPES)


def test_nothing_but_the_prepared_squares_is_kept_of_the_upload(
    finished: Finished,
) -> None:
    place, run_id = finished
    folder = place.folder / "runs" / run_id
    assert {path.name for path in (folder / "data").iterdir()} == {"data.json", "train.safetensors"}
    assert not list(folder.rglob("*.png")) and not list(folder.rglob("*.zip"))
    assert place.log(run_id) == ""


def test_the_next_run_of_the_same_network_has_an_estimate_and_no_other_has(
    finished: Finished,
) -> None:
    place, _ = finished
    slow = replace(place.wish, recipe=replace(place.wish.recipe, epochs=30))
    assert place.jobs().estimate(slow, 408) is None  # 12 steps tell little of a speed
    path = next((place.folder / "runs").glob("*/status.json"))
    before = path.read_bytes()
    try:
        write_json(path, read_json(path) | {"step": 200, "photos_per_second": 100.0})
        found = place.jobs().estimate(slow, 408)
        assert found is not None
        assert (found.seconds, found.by) == (30 * 400 / 100.0, "Drawn shapes")
        for other in (
            replace(slow, phi=-5.0),
            replace(slow, resolution=48),
            replace(slow, resolution=None),
            replace(slow, recipe=replace(slow.recipe, frozen_stages=2)),
        ):
            assert place.jobs().estimate(other, 408) is None
    finally:
        path.write_bytes(before)


def test_a_second_run_is_refused_until_the_first_is_cancelled_and_then_it_is_resumed(
    place: Any,
) -> None:
    first = place.jobs().start(shapes(), place.long)
    for other in (place.jobs(), place.jobs()):  # as two servers
        with pytest.raises(Busy, match="“Drawn shapes” is being trained"):
            other.start(shapes(), place.wish)
    with pytest.raises(InvalidInput, match="cancel it before"):
        place.jobs().remove(first)
    running = place.until(first, "running", beyond=20)
    with pytest.raises(Busy, match="being trained"):
        place.jobs().resume(first)
    place.jobs().cancel(first)
    assert place.jobs().status(first).state in ("stopping", "stopped")
    stopped = place.until(first, "stopped")
    assert running.status is not None and stopped.status is not None
    assert stopped.status.step >= running.status.step and stopped.resumable and not stopped.model
    place.jobs().cancel(first)  # changes nothing
    assert place.jobs().status(first) == stopped
    place.jobs().resume(first)
    assert place.jobs().status(first).state in ("starting", "running")
    again = place.until(first, "running", beyond=stopped.status.step)
    assert again.status is not None and again.status.pid != stopped.status.pid
    steps = [point.epoch for point in place.jobs().course(first).points]
    assert steps == sorted(steps)


def test_a_killed_worker_is_a_failed_run_that_goes_on_from_its_checkpoint(place: Any) -> None:
    run_id = place.jobs().start(shapes(), place.long)
    running = place.until(run_id, "running", beyond=20)
    assert running.status is not None
    os.kill(running.status.pid, signal.SIGKILL)
    failed = place.until(run_id, "failed")
    assert "ended without a word" in failed.sentence and failed.resumable
    _shorten(place, run_id, epochs=running.status.epoch + 3)
    place.jobs().resume(run_id)
    done = place.until(run_id, "finished")
    assert done.status is not None and done.status.epoch == running.status.epoch + 3 and done.model


def _shorten(place: Any, run_id: str, *, epochs: int) -> None:
    """Let a long run end soon, so that its end can be waited for."""
    path = place.folder / "runs" / run_id / "recipe.json"
    write_json(path, read_json(path) | {"epochs": epochs})


def test_a_process_that_took_over_the_number_is_neither_believed_nor_ended(
    finished: Finished,
) -> None:
    place, run_id = finished
    folder = place.folder / "runs" / run_id
    kept = {name: (folder / name).read_bytes() for name in ("worker.json", "ended.json")}
    try:
        (folder / "ended.json").unlink()
        me = Process.of(os.getpid())
        assert me is not None
        me.record(folder / "worker.json")
        assert place.jobs().status(run_id).live
        Process(me.pid, "another boot 1").record(folder / "worker.json")
        assert place.jobs().status(run_id).state == "failed"
        place.jobs().cancel(run_id)
        assert not Process(me.pid, "another boot 1").send(signal.SIGTERM)
    finally:
        for name, data in kept.items():
            (folder / name).write_bytes(data)
    assert place.jobs().status(run_id).state == "finished"


def test_a_finished_network_is_fine_tuned_unless_its_file_is_damaged(
    finished: Finished, place: Any
) -> None:
    other, source = finished
    place.store.root.mkdir(parents=True)
    for path in other.store.root.glob(f"imported-{source}*"):
        (place.store.root / path.name).write_bytes(path.read_bytes())
    wish = Wish(name="Tuned", recipe=replace(place.wish.recipe, frozen_stages=3), weights=source)
    run_id = place.jobs().start(shapes(), wish)
    order = Order.read(place.folder / "runs" / run_id)
    assert (order.phi, order.weights_title) == (None, "Drawn shapes")
    assert order.spec.resolution == 32
    assert place.until(run_id, "finished").model
    before, after = (resolve_weights(name, place.store).state_dict for name in (source, run_id))
    assert torch.equal(
        before["stages.1.0.depthwise.conv.weight"], after["stages.1.0.depthwise.conv.weight"]
    )
    assert not torch.equal(before["head.conv.weight"], after["head.conv.weight"])
    damaged = place.store.root / f"imported-{source}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(EffnetError, match="has changed since it was saved"):
        place.jobs().start(shapes(), wish)
    assert place.left() == {run_id}


def test_a_run_that_cannot_go_on_says_why_without_a_traceback(
    place: Any, finished: Finished
) -> None:
    other, source = finished
    folder = place.folder / "runs" / source
    shutil.copytree(other.folder / "runs" / source, folder)
    for name in ("result.json", "ended.json", "worker.json"):
        (folder / name).unlink()
    for name in ("checkpoint.pt", "checkpoint-before.pt"):
        (folder / name).write_bytes(b"nothing")
    place.jobs().resume(source)
    failed = place.until(source, "failed")
    assert "checkpoint.pt is damaged, and nothing whole was saved" in failed.sentence
    assert "Traceback" in place.log(source) and "Traceback" not in failed.sentence


def test_removing_takes_the_folder_and_the_network(finished: Finished) -> None:
    place, run_id = finished
    jobs = place.jobs()
    other = "copied-aaaaaa"
    (place.folder / "runs" / other).mkdir()
    assert {run.id: run.state for run in jobs.runs()} == {run_id: "finished", other: "failed"}
    assert "cannot be read" in jobs.status(other).sentence
    with pytest.raises(InvalidInput, match="cannot be read"):
        jobs.resume(other)
    jobs.remove(other)
    assert [run.id for run in jobs.runs()] == [run_id]
    size = sum(path.stat().st_size for path in place.store.root.glob("imported-*"))
    assert size > 0
    jobs.remove(run_id)
    assert not jobs.runs() and not place.left()
    assert not list(place.store.root.glob("imported-*"))
    with pytest.raises(InvalidInput, match="There is no run called"):
        jobs.status(run_id)
