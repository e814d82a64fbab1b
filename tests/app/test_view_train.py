"""What Train shows of runs and asks for new ones: prepared folders, and one real order."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import resources
from effnet_core.builder import build
from effnet_core.service.training_jobs import TrainingJobs
from effnet_core.service.training_orders import Limits
from effnet_core.training.drawn import SHAPES, drawn_zip
from effnet_core.training.order import Ending, Order
from effnet_core.training.processes import Process
from effnet_core.training.recipe import Recipe
from effnet_core.training.run_folder import RunFolder, Status
from effnet_core.training.worker import WORKER
from effnet_core.variants import scaled
from effnet_core.weights import WeightsStore, save_checkpoint

RECIPE = Recipe(epochs=4, batch=8, held_out=8)
SPEC = scaled(-6.0, num_classes=4, resolution=32)
GONE = Process(1, "another boot 1")
"""A process of an earlier life of the machine: the number lives, and is somebody else's."""

SCRIPT = """
import streamlit as st
from app.views import classify, train
st.navigation([
    st.Page(train.render, url_path="train", default=True),
    st.Page(classify.render, url_path="classify"),
]).run()
"""


@pytest.fixture
def jobs(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The jobs that the page sees: none yet. What they have started is ended afterwards."""
    monkeypatch.setenv("EFFNET_RUNS", str(tmp_path / "runs"))
    found = resources.training_jobs()
    yield found
    for run in found.runs():
        process = Process.recorded(found.root / run.id / WORKER)
        if process is not None and process.pid != os.getpid():
            process.send(signal.SIGKILL)


def put_run(
    jobs: TrainingJobs,
    run_id: str,
    *,
    ending: Ending | None = None,
    process: Process | None = None,
    epochs: int = 2,
    **changes: Any,
) -> Path:
    """Make the folder of a run that is so many epochs far."""
    folder = jobs.root / run_id
    folder.mkdir(parents=True)
    order = Order(
        id=run_id,
        name=run_id[:-7].replace("-", " ").capitalize(),
        created="2026-01-01T00:00:00+00:00",
        source="an uploaded zip",
        photos=40,
        left_out=3,
        classes=SHAPES,
        phi=-6.0,
        weights=None,
        weights_title="",
        spec=SPEC,
        recipe=RECIPE,
    )
    replace(order, **changes).write(folder)
    files = RunFolder(folder)
    for epoch in range(1, epochs + 1):
        files.add_metric(metric(epoch))
    if epochs:
        last = metric(epochs)
        files.write_status(
            Status(
                state="running",
                pid=process.pid if process else 1,
                epoch=epochs,
                epochs=4,
                step=4 * epochs,
                steps=16,
                loss=last["loss"],
                top1=last["held_out"]["top1"],
                photos_per_second=321.4,
                seconds=80.0,
                seconds_left=75.0,
            )
        )
    if ending is not None:
        ending.write(folder)
    if process is not None:
        process.record(folder / WORKER)
    return folder


def metric(epoch: int) -> dict[str, Any]:
    """After epoch 1, 2, 3, 4 the loss is 1.5, 1.0, 0.5, 0 and the accuracy 25, 50, 75, 100 %."""
    return {
        "kind": "epoch",
        "step": 4 * epoch,
        "epoch": float(epoch),
        "loss": 2.0 - 0.5 * epoch,
        "learning_rate": 0.1,
        "seconds": 40.0 * epoch,
        "held_out": {"photos": 8, "top1": epoch / 4, "top5": 1.0, "loss": 1.8 - 0.4 * epoch},
    }


def put_network(run_id: str, name: str) -> None:
    """Put a network among the weights as what came out of a run."""
    file = Path(os.environ["EFFNET_CACHE"]) / "network.safetensors"
    save_checkpoint(file, build(SPEC, seed=1), classes=SHAPES)
    WeightsStore().import_file(file, name=run_id, title=name)


def open_page(**parameters: Any) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=60)
    for key, text in parameters.items():
        app.query_params[key] = text
    return healthy(app.run())


def healthy(app: AppTest) -> AppTest:
    assert not app.exception, [error.value for error in app.exception]
    return app


def upload(app: AppTest, data: bytes, name: str = "my shapes.zip") -> AppTest:
    app.button_group(key="photos").set_value("zip").run()
    app.file_uploader(key="train-zip").set_value((name, data, "application/zip"))
    return healthy(app.run())


def start(app: AppTest) -> Any:
    return app.button(key="train-start")


def figures(app: AppTest) -> dict[str, dict[str, Any]]:
    """The curves by the title of their vertical axis."""
    found = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    return {figure["layout"]["yaxis"]["title"]["text"]: figure for figure in found}


def line(figure: dict[str, Any], name: str) -> list[float]:
    (trace,) = (one for one in figure["data"] if one["name"] == name)
    return list(trace["y"])


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def words(app: AppTest) -> str:
    pieces = (*app.markdown, *app.caption, *app.subheader)
    return " ".join(text.value for text in pieces).replace("\\", "")


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def facts(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


@pytest.mark.usefixtures("nothing_trained")
def test_a_fresh_machine_says_how_to_begin(jobs: Any) -> None:
    app = open_page()
    assert "Nothing has been trained on this machine yet" in app.info[0].value
    assert not app.error and not app.warning and not app.metric
    assert "800 pictures drawn" in words(app) and "640 photos to train on, 160 held" in words(app)
    assert "How long it takes is known once" in words(app)
    assert not start(app).disabled
    assert not jobs.root.exists()  # looking leaves nothing behind


def test_the_record_of_a_bundled_run_is_opened_from_the_list(jobs: Any) -> None:
    app = open_page()
    assert "48.4 % validation top-1 · 100 classes · 72 pixels" in words(app)
    healthy(app.button(key="open-tiny100-phi-4").click().run())
    assert app.query_params["run"] == "tiny100-phi-4"
    assert "its record comes with the program" in words(app)
    assert len(figures(app)) == 2


def test_an_address_of_a_run_that_is_gone_says_so_and_shows_the_latest(jobs: Any) -> None:
    put_run(jobs, "cats-aaaaaa", ending=Ending("stopped"))
    for run in ("dogs-bbbbbb", "../../etc", "<script>alert(1)</script>"):
        app = open_page(run=run)
        (told,) = app.warning
        assert "There is no run called" in told.value and "<script>" not in told.value
        assert "Cats" in words(app) and "Resume" in labels(app)


def test_a_finished_run_shows_its_curves_and_leads_to_classify(jobs: Any) -> None:
    run_id = "cats-aaaaaa"
    put_run(jobs, run_id, ending=Ending("finished"), epochs=4)
    put_network(run_id, "Cats")
    app = open_page(run=run_id)
    assert metrics(app) == {
        "Held-out top-1": "100.0 %",
        "Training loss": "0.000",
        "Photos a second": "321",
        "Time spent": "80 s",
    }
    assert line(figures(app)["Held-out top-1 (%)"], "held-out top-1") == [25, 50, 75, 100]
    assert line(figures(app)["Held-out top-1 (%)"], "guessing") == [25, 25]
    assert line(figures(app)["Loss (nats)"], "training") == [1.5, 1.0, 0.5, 0.0]
    assert line(figures(app)["Loss (nats)"], "held-out") == pytest.approx([1.4, 1.0, 0.6, 0.2])
    assert "training loss went from 1.50 to 0.00 and the held-out top-1 from 25 % to 100 %" in (
        words(app)
    )
    for fact in ("from scratch, φ = −6", "32 photos to train on, 8 held out", "3 photos could not"):
        assert fact in facts(app)
    assert {"Cancel", "Resume"}.isdisjoint(labels(app))
    healthy(app.button(key=f"use-{run_id}").click().run())
    assert app.multiselect(key="model").value == ["Cats"]
    assert all(shape in facts(app) for shape in SHAPES)


def test_a_finished_run_without_its_network_says_so(jobs: Any) -> None:
    put_run(jobs, "cats-aaaaaa", ending=Ending("finished"), epochs=4)
    app = open_page()
    assert "no longer among the weights" in words(app)
    assert "Use it on Classify" not in labels(app)


def test_the_curves_are_taken_home_as_csv(jobs: Any) -> None:
    from app.views.train_actions import curves_csv

    put_run(jobs, "cats-aaaaaa", ending=Ending("stopped"), epochs=1)
    put_run(jobs, "dogs-bbbbbb", ending=Ending("stopped"), epochs=0)
    first, second = curves_csv("cats-aaaaaa").splitlines()
    assert first == "epoch,loss,learning_rate,seconds,top1,held_out_loss"
    assert second.split(",")[:5] == ["1.0", "1.5", "0.1", "40.0", "0.25"]
    assert curves_csv("dogs-bbbbbb").splitlines() == ["epoch"]
    assert open_page().get("download_button")


def test_a_run_of_another_server_is_followed_and_can_be_cancelled_but_none_begun(
    jobs: Any,
) -> None:
    me = Process.of(os.getpid())
    assert me is not None
    folder = put_run(jobs, "cats-aaaaaa", process=me)
    app = open_page()
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (50, "Epoch 3 of 4, about 75 s left")
    assert "Cancel" in labels(app) and "Resume" not in labels(app)
    assert start(app).disabled and "“Cats” is being trained; one run at a time" in words(app)
    assert not app.error
    (folder / "cancelled").touch()
    app = healthy(app.run())
    assert "Cancel at once" in labels(app)
    assert "go on later" in app.get("progress")[0].proto.text


def test_a_run_without_a_first_look_has_dashes_and_claims_no_measurement(jobs: Any) -> None:
    me = Process.of(os.getpid())
    assert me is not None
    put_run(jobs, "cats-aaaaaa", process=me, epochs=0)
    app = open_page()
    assert set(metrics(app).values()) == {"–"}
    assert "Starting PyTorch" in app.get("progress")[0].proto.text
    (said,) = (text.value for text in app.caption if "Nothing has been measured" in text.value)
    assert "badge" not in said


@pytest.mark.parametrize("ending", [Ending("failed", "Memory ran out with 16 photos."), None])
def test_a_failed_or_killed_run_says_why_and_can_be_resumed_or_removed(
    jobs: Any, ending: Ending | None
) -> None:
    folder = put_run(jobs, "cats-aaaaaa", ending=ending, process=GONE)
    app = open_page()
    (told,) = app.error
    said = "Memory ran out with 16 photos" if ending else "has ended without a word"
    assert said in told.value
    assert "Resume" in labels(app) and "Cancel" not in labels(app)
    assert len(figures(app)) == 2 and metrics(app)["Held-out top-1"] == "50.0 %"
    assert not start(app).disabled
    healthy(app.button(key="Remove it-cats-aaaaaa").click().run())
    assert not folder.exists() and "Nothing has been trained" in app.info[0].value


def test_a_cancelled_run_is_resumed_or_the_reason_why_not_is_told(
    jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_run(jobs, "cats-aaaaaa", ending=Ending("stopped"))
    app = open_page()
    assert not app.error and metrics(app)["Training loss"] == "1.000"
    spawned: list[Path] = []
    monkeypatch.setattr(jobs, "_spawn", spawned.append)
    healthy(app.button(key="Resume-cats-aaaaaa").click().run())
    assert spawned == [jobs.root / "cats-aaaaaa"] and not app.error
    me = Process.of(os.getpid())
    assert me is not None
    put_run(jobs, "dogs-bbbbbb", process=me)
    healthy(app.button(key="Resume-cats-aaaaaa").click().run())
    assert len(spawned) == 1 and "“Dogs” is being trained" in app.error[0].value.replace("\\", "")


def test_a_damaged_record_is_one_failed_run_among_the_others(jobs: Any) -> None:
    put_run(jobs, "cats-aaaaaa", ending=Ending("stopped"))
    (put_run(jobs, "dogs-bbbbbb") / "order.json").write_text("{")
    app = open_page(run="dogs-bbbbbb")
    assert "cannot be read" in app.error[0].value
    assert "Resume" not in labels(app) and "Remove it" in labels(app)
    assert {"open-cats-aaaaaa", "open-dogs-bbbbbb"} <= {button.key for button in app.button}
    healthy(app.button(key="open-cats-aaaaaa").click().run())
    assert "Resume" in labels(app) and not app.error


def test_names_and_classes_from_outside_are_shown_as_text(jobs: Any) -> None:
    hostile = "<script>alert(1)</script>"
    classes = (hostile, "**bold** :red[x]")
    spec = scaled(-6.0, num_classes=2, resolution=32)
    put_run(jobs, "cats-aaaaaa", name=f"{hostile} **b**", classes=classes, spec=spec)
    app = open_page()
    assert hostile not in facts(app) and "&lt;script&gt;alert(1)" in facts(app)
    assert all(not element.allow_html for element in app.markdown)
    assert app.subheader[1].value.startswith(r"\<script\>")


def test_the_form_orders_what_its_controls_say(jobs: Any) -> None:
    app = upload(open_page(), drawn_zip(8))
    assert "32 photos of 4 classes: circle 8, square 8, star 8, triangle 8" in (
        words(app).replace("**", "")
    )
    assert "“circle” has only 8 photos" in app.warning[0].value.replace("\\", "")
    app.slider(key="start_phi").set_value(-6.0)
    app.selectbox(key="pixels_seen").set_value("48")
    app.selectbox(key="optimizer").set_value("sgd")
    app.selectbox(key="policy").set_value("randaugment")
    app.number_input(key="epochs").set_value(200)
    app.text_input(key="train-name").set_value("  My\tshapes ")
    healthy(app.run())
    assert app.number_input(key="rate_sgd").value == 0.05
    healthy(start(app).click().run())
    (run,) = jobs.runs()
    assert not app.error and app.query_params["run"] == run.id
    order = run.order
    assert (order.name, order.classes, order.photos, order.phi) == ("My shapes", SHAPES, 32, -6.0)
    assert order.spec == scaled(-6.0, base_resolution=128, resolution=48, num_classes=4)
    wanted = {"epochs": 200, "optimizer": "sgd", "policy": "randaugment", "learning_rate": 0.05}
    assert wanted.items() <= asdict(order.recipe).items()
    assert run.live and "Cancel" in labels(app) and start(app).disabled
    healthy(app.button(key=f"Cancel-{run.id}").click().run())
    assert jobs.status(run.id).state in ("stopping", "stopped", "failed")


def test_a_fine_tuning_begins_from_weights_on_this_machine(
    jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_network("cats-aaaaaa", "Cats")
    spawned: list[Path] = []
    monkeypatch.setattr(jobs, "_spawn", spawned.append)
    app = upload(open_page(), drawn_zip(8))
    app.selectbox(key="begin").set_value("cats-aaaaaa")
    healthy(app.run())
    assert "Sees 32 × 32 pixels. Its classifier is replaced" in words(app)
    assert not [slider for slider in app.slider if slider.key == "start_phi"]
    app.number_input(key="frozen").set_value(3)
    healthy(start(healthy(app.run())).click().run())
    (folder,) = spawned
    order = Order.read(folder)
    assert (order.name, order.weights, order.phi) == ("my shapes", "cats-aaaaaa", None)
    assert (order.recipe.frozen_stages, order.recipe.body_rate) == (3, 0.1)
    assert "from Cats" in facts(app)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _class(name: str, count: int = 4) -> dict[str, bytes]:
    return {f"{name}/{number}.png": b"x" for number in range(count)}


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"#!/bin/sh\n" * 100, "neither a folder nor a zip"),
    "one class": (lambda: zipped(_class("cats")), "single class"),
    "empty class": (lambda: zipped(_class("a") | _class("b") | {"c/": b""}), "'c'"),
    "escape": (lambda: zipped(_class("a") | {"b/../../x.png": b""}), "not a plain relative path"),
    "too many": (lambda: zipped(_class("a") | _class("b", 5)), "9 photos, and 8 are accepted"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_zip_that_cannot_be_used_is_refused_in_a_sentence_and_nothing_is_lost(
    jobs: Any, kind: str
) -> None:
    make, sentence = REFUSED[kind]
    jobs.limits = Limits(photos=8)
    app = open_page(start_phi="-5.5")
    app.text_input(key="train-name").set_value("Mine")
    upload(app, make())
    (told,) = app.error
    assert sentence in told.value.replace("\\", "")
    assert start(app).disabled
    assert app.slider(key="start_phi").value == -5.5
    assert app.text_input(key="train-name").value == "Mine"
    upload(app, drawn_zip(2))
    assert not app.error and not start(app).disabled


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"upload_bytes": 1_000_000}, "are accepted; make the photos smaller"),
        ({"prepared_bytes": 1000}, "a run may keep"),
        ({"mult_adds": 1000}, "choose a smaller φ or fewer pixels"),
        ({"runs": 0}, "remove one that is no longer needed"),
    ],
)
def test_what_is_too_large_is_refused_and_the_form_stays_as_it_was(
    jobs: Any, limits: dict[str, int], sentence: str
) -> None:
    jobs.limits = Limits(**limits)
    too_large = drawn_zip(1) + bytes(1_000_000) if "upload_bytes" in limits else drawn_zip(8)
    app = upload(open_page(), too_large)
    if "upload_bytes" not in limits:
        app.text_input(key="train-name").set_value("Mine")
        healthy(start(healthy(app.run())).click().run())
        assert not start(app).disabled and app.text_input(key="train-name").value == "Mine"
    (told,) = app.error
    assert sentence in told.value.replace("\\", "")
    assert not jobs.runs() and "run" not in app.query_params


def test_photos_that_cannot_be_read_are_refused_when_they_are_read(jobs: Any) -> None:
    app = upload(open_page(), zipped(_class("a", 20) | _class("b", 20)))
    assert not app.error
    healthy(start(app).click().run())
    assert "Not one photo of the class 'a' can be read" in app.error[0].value.replace("\\", "")
    assert not jobs.runs() and not start(app).disabled


def test_too_few_photos_for_any_recipe_is_a_sentence_and_not_the_end_of_the_page(
    jobs: Any,
) -> None:
    put_run(jobs, "cats-aaaaaa", ending=Ending("stopped"))
    app = upload(open_page(), zipped(_class("a", 1) | _class("b", 1)))
    (told,) = app.error
    assert "2 photos are too few" in told.value and start(app).disabled
    assert "Cats" in words(app) and "Resume" in labels(app)


def test_the_estimate_is_by_a_run_of_the_same_work(jobs: Any) -> None:
    from effnet_core.training.presets import suited

    recipe = suited(800, fine_tuning=False, easy=True)
    spec = scaled(-4.0, base_resolution=128, num_classes=4)
    folder = put_run(
        jobs, "cats-aaaaaa", ending=Ending("finished"), phi=-4.0, spec=spec, recipe=recipe
    )
    path = folder / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 200}))
    # 12 epochs of 640 photos at 321.4 a second take 23.9 s.
    assert "About **24 s**, at the 321 photos a second of “Cats”" in words(open_page())
    assert "How long it takes" in words(open_page(start_phi="-5"))
