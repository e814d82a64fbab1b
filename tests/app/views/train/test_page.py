"""What Train shows of runs, from folders that were prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from effnet_core.architecture.names import scaled
from effnet_core.datasets.drawn import SHAPES
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import Ending

GONE = Process(1, "another boot 1")
"""A process of an earlier life of the machine: the number lives, and is somebody else's."""


def figures(app: AppTest) -> dict[str, dict[str, Any]]:
    """The curves by the title of their vertical axis."""
    found = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    return {figure["layout"]["yaxis"]["title"]["text"]: figure for figure in found}


def line(figure: dict[str, Any], name: str) -> list[float]:
    (trace,) = (one for one in figure["data"] if one["name"] == name)
    return list(trace["y"])


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


@pytest.mark.usefixtures("nothing_trained")
def test_a_fresh_machine_says_how_to_begin(place: Any) -> None:
    app = place.open_page()
    assert "Nothing has been trained on this machine yet" in app.info[0].value
    assert not app.error and not app.warning and not app.metric
    assert "800 pictures drawn" in place.words(
        app
    ) and "640 photos to train on, 160 held" in place.words(app)
    assert "How long it takes is known once" in place.words(app)
    assert not place.start(app).disabled
    assert not place.jobs.root.exists()  # looking leaves nothing behind


def test_the_record_of_a_bundled_run_is_opened_from_the_list(place: Any) -> None:
    app = place.open_page()
    assert "48.4 % validation top-1 · 100 classes · 72 pixels" in place.words(app)
    place.healthy(app.button(key="open-tiny100-phi-4").click().run())
    assert app.query_params["run"] == "tiny100-phi-4"
    assert "its record comes with the program" in place.words(app)
    assert len(figures(app)) == 2


def test_an_address_of_a_run_that_is_gone_says_so_and_shows_the_latest(place: Any) -> None:
    place.put_run("cats-aaaaaa", ending=Ending("stopped"))
    for run in ("dogs-bbbbbb", "../../etc", "<script>alert(1)</script>"):
        app = place.open_page(run=run)
        (told,) = app.warning
        assert "There is no run called" in told.value and "<script>" not in told.value
        assert "Cats" in place.words(app) and "Resume" in place.labels(app)


def test_a_finished_run_shows_its_curves_and_leads_to_classify(place: Any) -> None:
    run_id = "cats-aaaaaa"
    place.put_run(run_id, ending=Ending("finished"), epochs=4)
    place.put_network(run_id, "Cats")
    app = place.open_page(run=run_id)
    assert metrics(app) == {
        "Held-out top-1": "100.0 %",
        "Mean of classes": "80.0 %",
        "Training loss": "0.000",
        "Photos a second": "321",
        "Time spent": "80 s",
    }
    assert line(figures(app)["Held-out top-1 (%)"], "held-out top-1") == [25, 50, 75, 100]
    assert line(figures(app)["Held-out top-1 (%)"], "guessing") == [25, 25]
    assert line(figures(app)["Loss (nats)"], "training") == [1.5, 1.0, 0.5, 0.0]
    assert line(figures(app)["Loss (nats)"], "held-out") == pytest.approx([1.4, 1.0, 0.6, 0.2])
    assert "training loss went from 1.50 to 0.00 and the held-out top-1 from 25 % to 100 %" in (
        place.words(app)
    )
    for fact in ("from scratch, φ = −6", "32 photos to train on, 8 held out", "3 photos could not"):
        assert fact in place.facts(app)
    assert {"Cancel", "Resume"}.isdisjoint(place.labels(app))
    place.healthy(app.button(key=f"use-{run_id}").click().run())
    assert app.multiselect(key="model").value == ["Cats"]
    assert all(shape in place.facts(app) for shape in SHAPES)


def test_a_finished_run_without_its_network_says_so(place: Any) -> None:
    place.put_run("cats-aaaaaa", ending=Ending("finished"), epochs=4)
    app = place.open_page()
    assert "no longer among the weights" in place.words(app)
    assert "Use it on Classify" not in place.labels(app)


def test_the_curves_are_taken_home_as_csv(place: Any) -> None:
    from app.views.train.actions import curves_csv

    place.put_run("cats-aaaaaa", ending=Ending("stopped"), epochs=1)
    place.put_run("dogs-bbbbbb", ending=Ending("stopped"), epochs=0)
    first, second = curves_csv("cats-aaaaaa").splitlines()
    assert first == "epoch,loss,learning_rate,seconds,top1,held_out_loss"
    assert second.split(",")[:5] == ["1.0", "1.5", "0.1", "40.0", "0.25"]
    assert curves_csv("dogs-bbbbbb").splitlines() == ["epoch"]
    assert place.open_page().get("download_button")


def test_a_run_of_another_server_is_followed_and_can_be_cancelled_but_none_begun(
    place: Any,
) -> None:
    folder = place.put_run("cats-aaaaaa", process=place.me)
    app = place.open_page()
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (50, "Epoch 3 of 4, about 75 s left")
    assert "Cancel" in place.labels(app) and "Resume" not in place.labels(app)
    assert place.start(
        app
    ).disabled and "“Cats” is being trained; one run at a time" in place.words(app)
    assert not app.error
    (folder / "cancelled").touch()
    app = place.healthy(app.run())
    assert "Cancel at once" in place.labels(app)
    assert "go on later" in app.get("progress")[0].proto.text


def test_a_run_without_a_first_look_has_dashes_and_claims_no_measurement(place: Any) -> None:
    place.put_run("cats-aaaaaa", process=place.me, epochs=0)
    app = place.open_page()
    assert set(metrics(app).values()) == {"–"}
    assert "Starting PyTorch" in app.get("progress")[0].proto.text
    (said,) = (text.value for text in app.caption if "Nothing has been measured" in text.value)
    assert "badge" not in said


@pytest.mark.parametrize("ending", [Ending("failed", "Memory ran out with 16 photos."), None])
def test_a_failed_or_killed_run_says_why_and_can_be_resumed_or_removed(
    place: Any, ending: Ending | None
) -> None:
    folder = place.put_run("cats-aaaaaa", ending=ending, process=GONE)
    app = place.open_page()
    (told,) = app.error
    said = "Memory ran out with 16 photos" if ending else "has ended without a word"
    assert said in told.value
    assert "Resume" in place.labels(app) and "Cancel" not in place.labels(app)
    assert len(figures(app)) == 2 and metrics(app)["Held-out top-1"] == "50.0 %"
    assert not place.start(app).disabled
    place.healthy(app.button(key="Remove it-cats-aaaaaa").click().run())
    assert not folder.exists() and "Nothing has been trained" in app.info[0].value


def test_a_cancelled_run_is_resumed_or_the_reason_why_not_is_told(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put_run("cats-aaaaaa", ending=Ending("stopped"))
    app = place.open_page()
    assert not app.error and metrics(app)["Training loss"] == "1.000"
    spawned: list[Path] = []
    monkeypatch.setattr(place.jobs, "_spawn", spawned.append)
    place.healthy(app.button(key="Resume-cats-aaaaaa").click().run())
    assert spawned == [place.jobs.root / "cats-aaaaaa"] and not app.error
    place.put_run("dogs-bbbbbb", process=place.me)
    place.healthy(app.button(key="Resume-cats-aaaaaa").click().run())
    assert len(spawned) == 1 and "“Dogs” is being trained" in app.error[0].value.replace("\\", "")


def test_a_damaged_record_is_one_failed_run_among_the_others(place: Any) -> None:
    place.put_run("cats-aaaaaa", ending=Ending("stopped"))
    (place.put_run("dogs-bbbbbb") / "order.json").write_text("{")
    app = place.open_page(run="dogs-bbbbbb")
    assert "cannot be read" in app.error[0].value
    assert "Resume" not in place.labels(app) and "Remove it" in place.labels(app)
    assert {"open-cats-aaaaaa", "open-dogs-bbbbbb"} <= {button.key for button in app.button}
    place.healthy(app.button(key="open-cats-aaaaaa").click().run())
    assert "Resume" in place.labels(app) and not app.error


def test_names_and_classes_from_outside_are_shown_as_text(place: Any) -> None:
    hostile = "<script>alert(1)</script>"
    classes = (hostile, "**bold** :red[x]")
    spec = scaled(-6.0, num_classes=2, resolution=32)
    place.put_run("cats-aaaaaa", name=f"{hostile} **b**", classes=classes, spec=spec)
    app = place.open_page()
    assert hostile not in place.facts(app) and "&lt;script&gt;alert(1)" in place.facts(app)
    assert all(not element.allow_html for element in app.markdown)
    assert app.subheader[1].value.startswith(r"\<script\>")
