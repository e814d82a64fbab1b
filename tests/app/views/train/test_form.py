"""What Train's form orders, refuses and foretells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.datasets.drawn import SHAPES, drawn_zip
from effnet_core.files import read_json, write_json
from effnet_core.limits import RunLimits
from effnet_core.training.presets import suited
from effnet_core.training.runs.run import Ending, Order
from tests.reading.pictures import encoded, of_brand


def test_the_form_orders_what_its_controls_say(place: Any) -> None:
    app = place.upload(place.open_page(), drawn_zip(8))
    assert "32 photos of 4 classes: circle 8, square 8, star 8, triangle 8" in (
        place.words(app).replace("**", "")
    )
    assert "“circle” has only 8 photos" in app.warning[0].value.replace("\\", "")
    app.slider(key="start_phi").set_value(-6.0)
    app.selectbox(key="pixels_seen").set_value("48")
    app.selectbox(key="optimizer").set_value("sgd")
    app.selectbox(key="policy").set_value("randaugment")
    app.number_input(key="epochs").set_value(200)
    app.text_input(key="train-name").set_value("  My\tshapes ")
    place.healthy(app.run())
    assert app.number_input(key="rate_sgd").value == 0.05
    place.healthy(place.start(app).click().run())
    (run,) = place.jobs.runs()
    assert not app.error and app.query_params["run"] == run.id
    order = run.order
    assert (order.name, order.classes, order.photos, order.phi) == ("My shapes", SHAPES, 32, -6.0)
    assert order.spec == scaled(-6.0, base_resolution=128, resolution=48, num_classes=4)
    wanted = {"epochs": 200, "optimizer": "sgd", "policy": "randaugment", "learning_rate": 0.05}
    assert wanted.items() <= asdict(order.recipe).items()
    assert run.live and "Cancel" in place.labels(app) and place.start(app).disabled
    place.healthy(app.button(key=f"Cancel-{run.id}").click().run())
    assert place.jobs.status(run.id).state in ("stopping", "stopped", "failed")


def test_a_fine_tuning_begins_from_weights_on_this_machine(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put_network("cats-aaaaaa", "Cats")
    spawned: list[Path] = []
    monkeypatch.setattr(place.jobs, "_spawn", spawned.append)
    app = place.upload(place.open_page(), drawn_zip(8))
    app.selectbox(key="begin").set_value("cats-aaaaaa")
    place.healthy(app.run())
    assert "Sees 32 × 32 pixels. Its classifier is replaced" in place.words(app)
    assert not [slider for slider in app.slider if slider.key == "start_phi"]
    app.number_input(key="frozen").set_value(3)
    place.healthy(place.start(place.healthy(app.run())).click().run())
    (folder,) = spawned
    order = Order.read(folder)
    assert (order.name, order.weights, order.phi) == ("my shapes", "cats-aaaaaa", None)
    assert (order.recipe.frozen_stages, order.recipe.body_rate) == (3, 0.1)
    assert "from Cats" in place.facts(app)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


PHOTO = encoded(Image.new("RGB", (8, 8), "red"), "PNG")


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
    place: Any, kind: str
) -> None:
    make, sentence = REFUSED[kind]
    place.jobs.limits = RunLimits(photos=8)
    app = place.open_page(start_phi="-5.5")
    app.text_input(key="train-name").set_value("Mine")
    place.upload(app, make())
    (told,) = app.error
    assert sentence in told.value.replace("\\", "")
    assert place.start(app).disabled
    assert app.slider(key="start_phi").value == -5.5
    assert app.text_input(key="train-name").value == "Mine"
    place.upload(app, drawn_zip(2))
    assert not app.error and not place.start(app).disabled


def test_folders_that_may_be_splits_or_classes_are_asked_for(place: Any) -> None:
    files = {f"{folder}/{n}.png": PHOTO for folder in ("train", "test") for n in range(20)}
    app = place.upload(place.open_page(), zipped(files))
    (told,) = app.warning
    assert "splits or classes" in told.value and place.start(app).disabled
    (asked,) = [group for group in app.button_group if group.label == "The folders are"]
    place.healthy(asked.set_value("classes").run())
    assert "40 photos of 2 classes: test 20, train 20" in place.words(app).replace("**", "")
    assert not place.start(app).disabled


def test_what_a_zip_holds_besides_is_counted_by_kind(place: Any) -> None:
    heic = of_brand(b"heic")
    files = {f"{one}/{n}.png": PHOTO for one in ("a", "b") for n in range(20)}
    files |= {"a/x.heic": heic, "a/y.jpg": heic, "b/z.mov": b"", "b/notes.txt": b"", "c.png": PHOTO}
    app = place.upload(place.open_page(), zipped(files))
    assert "40 photos of 2 classes: a 20, b 20" in place.words(app).replace("**", "")
    (told,) = app.warning
    assert told.value.replace("\\", "") == (
        "Files passed over, which are not read as pictures: HEIC 2, .txt 1, film 1. Photos left "
        "out, which lie in no class's folder: 1. Save such pictures as JPEG to use them."
    )


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
    place: Any, limits: dict[str, int], sentence: str
) -> None:
    place.jobs.limits = RunLimits(**limits)
    too_large = drawn_zip(1) + bytes(1_000_000) if "upload_bytes" in limits else drawn_zip(8)
    app = place.upload(place.open_page(), too_large)
    if "upload_bytes" not in limits:
        app.text_input(key="train-name").set_value("Mine")
        place.healthy(place.start(place.healthy(app.run())).click().run())
        assert not place.start(app).disabled and app.text_input(key="train-name").value == "Mine"
    (told,) = app.error
    assert sentence in told.value.replace("\\", "")
    assert not place.jobs.runs() and "run" not in app.query_params


def test_photos_that_cannot_be_read_are_refused_when_they_are_read(place: Any) -> None:
    app = place.upload(place.open_page(), zipped(_class("a", 20) | _class("b", 20)))
    assert not app.error
    place.healthy(place.start(app).click().run())
    assert "Not one photo of the class 'a' can be read" in app.error[0].value.replace("\\", "")
    assert not place.jobs.runs() and not place.start(app).disabled


def test_too_few_photos_for_any_recipe_is_a_sentence_and_not_the_end_of_the_page(
    place: Any,
) -> None:
    place.put_run("cats-aaaaaa", ending=Ending("stopped"))
    app = place.upload(place.open_page(), zipped(_class("a", 1) | _class("b", 1)))
    (told,) = app.error
    assert "2 photos are too few" in told.value and place.start(app).disabled
    assert "Cats" in place.words(app) and "Resume" in place.labels(app)


def test_the_estimate_is_by_a_run_of_the_same_work(place: Any) -> None:
    recipe = suited(800, fine_tuning=False, easy=True)
    spec = scaled(-4.0, base_resolution=128, num_classes=4)
    folder = place.put_run(
        "cats-aaaaaa", ending=Ending("finished"), phi=-4.0, spec=spec, recipe=recipe
    )
    path = folder / "status.json"
    write_json(path, read_json(path) | {"step": 200})
    # 12 epochs of 640 photos at 321.4 a second take 23.9 s.
    assert "About **24 s**, at the 321 photos a second of “Cats”" in place.words(place.open_page())
    assert "How long it takes" in place.words(place.open_page(start_phi="-5"))
