"""The calibration is offered, followed and shown; milliseconds are an axis. Nothing is timed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import resources
from app.charts.calibration import message, scatter
from app.scale.network import Load, Network
from app.scale.pricing import TENTHS, measured, price_each, price_network
from app.scale.quantities import MS_LABEL, latency
from app.text import unbroken
from effnet_core.architecture.names import scaled, variant
from effnet_core.latency import Calibration, Disturbance, check, errors_of, save
from effnet_core.latency.job import JobState
from effnet_core.latency.making import Task
from tests.app.reading import SCALE, component, healthy, opened, seen

open_page = partial(opened, SCALE)


def buttons(app: AppTest) -> dict[str, Any]:
    return {button.label: button for button in app.button}


class FakeJob:
    def __init__(self, state: JobState) -> None:
        self.state = state
        self.started: list[Task] = []

    def start(self, task: Task) -> None:
        self.started.append(task)
        self.state = replace(self.state, task=task, running=True)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> FakeJob:
    fake = FakeJob(JobState())
    monkeypatch.setattr(resources, "calibration_job", lambda: fake)
    return fake


def test_an_uncalibrated_machine_is_offered_a_calibration(job: FakeJob) -> None:
    app = open_page(y=MS_LABEL)
    (offered,) = app.info
    assert "not calibrated. An axis of milliseconds needs a" in seen(offered)
    assert not [c for c in app.get("bidi_component") if "-growth" in c.proto.id]
    assert component(app, "ratio")
    healthy(buttons(app)["Calibrate this machine"].click().run())
    assert job.started == ["calibrate"]


def test_a_running_calibration_is_followed_and_offered_once(job: FakeJob) -> None:
    job.state = JobState(running=True, share=0.4, doing="b0, 96 pixels")
    app = open_page(y=MS_LABEL)
    assert "Calibrate this machine" not in buttons(app)
    (bar,) = app.get("progress")
    assert bar.proto.value == 40 and "b0, 96 pixels" in bar.proto.text
    assert job.started == []


def test_a_calibration_that_failed_says_why_and_is_offered_again(job: FakeJob) -> None:
    job.state = JobState(error="Another one is under way.")
    app = open_page(y=MS_LABEL)
    assert [seen(error) for error in app.error] == ["Another one is under way."]
    assert "Calibrate this machine" in buttons(app)


def test_a_stale_calibration_is_not_drawn(
    job: FakeJob, uncalibrated: Path, made_up: Calibration
) -> None:
    save(replace(made_up, machine=replace(made_up.machine, threads=77)), uncalibrated)
    app = open_page(x=MS_LABEL)
    (offered,) = app.info
    assert "is stale (threads 77 →" in seen(offered)
    assert "Calibrate this machine" in buttons(app)


def test_milliseconds_are_an_axis_that_moves_with_the_hand(
    job: FakeJob, calibrated: Calibration
) -> None:
    app = open_page(y=MS_LABEL, phi="1.5")
    given = component(app, "growth")
    assert given["chart"]["y"]["label"] == "Milliseconds on this machine"
    for phi in (-6.0, 0.0, 1.5, 4.0):
        row = given["rows"][round(10 * (phi + 6))]
        assert row["y"] == pytest.approx(calibrated.predict(scaled(phi)).ms)
    band = calibrated.predict(scaled(1.5))
    text = given["rows"][75]["text"]
    assert f"{band.ms:.1f} ms predicted ({band.low_ms:.1f} – {band.high_ms:.1f})" in text
    compound = next(line for line in given["chart"]["lines"] if "compound" in line["name"])
    at_zero = compound["y"][compound["x"].index(0)]
    assert at_zero == pytest.approx(calibrated.predict(variant("b0")).ms)
    captions = " ".join(caption.value for caption in app.caption)
    assert f"predicted from a calibration of this machine, {calibrated.made}" in captions
    assert ":violet-badge[predicted]" in captions


def test_the_machine_is_calibrated_and_checked_again_from_the_page(
    job: FakeJob, calibrated: Calibration
) -> None:
    app = open_page(y=MS_LABEL)
    assert {"Check with networks never timed", "Recalibrate"} <= buttons(app).keys()
    healthy(buttons(app)["Check with networks never timed"].click().run())
    assert job.started == ["check"]
    assert buttons(app)["Recalibrate"].disabled


def test_checked_networks_stand_at_the_time_they_took(
    job: FakeJob, uncalibrated: Path, made_up: Calibration, made_up_timer: Any
) -> None:
    def slower(spec: Any) -> Any:
        found = made_up_timer(spec)
        return replace(found, median_ms=1.1 * found.median_ms)

    checked = check(made_up, timer=slower, clock=lambda: 0.0)
    save(checked, uncalibrated)
    app = open_page(y=MS_LABEL)
    (taken,) = (m for m in component(app, "growth")["chart"]["marks"] if "measured" in m["name"])
    heights = {mark["title"]: mark["y"] for mark in taken["marks"]}
    assert heights["B2"] == pytest.approx(1.1 * made_up_timer(variant("b2")).median_ms)
    assert heights["φ = −3.5"] == pytest.approx(1.1 * made_up_timer(scaled(-3.5)).median_ms)
    assert all("ms measured" in mark["text"] for mark in taken["marks"])
    mean, worst = errors_of(checked.checked)
    told = " ".join(markdown.value for markdown in app.markdown)
    assert message(checked.checked, mean, worst) in told
    assert f"off by {100 * mean:.1f} % on average, by {100 * worst:.1f} % at most" in told


def test_against_a_lists_milliseconds_once_calibrated(calibrated: Calibration) -> None:
    app = open_page(phi="1", show="Against A", a="b4")
    rows = app.table[0].value.set_index("Quantity")
    shown = rows.loc["Milliseconds on this machine", "A: B4"]
    ms = calibrated.predict(variant("b4")).ms
    assert shown.startswith(unbroken(f"{ms:.1f} ms predicted"))


def test_milliseconds_beyond_what_was_timed_say_so(job: FakeJob, calibrated: Calibration) -> None:
    assert not calibrated.predict(scaled(1.5)).extrapolated
    assert calibrated.predict(scaled(6.0)).extrapolated
    app = open_page(y=MS_LABEL, phi="6", a="b1")
    given = component(app, "growth")
    for phi, row in zip(TENTHS, given["rows"], strict=True):
        said = row["text"].endswith("), beyond what was timed")
        assert said == calibrated.predict(scaled(phi)).extrapolated, phi
    published = next(m for m in given["chart"]["marks"] if m["name"] == "published")
    texts = {mark["title"]: mark["text"] for mark in published["marks"]}
    assert "beyond" in texts["B7"] and "beyond" not in texts["B4"]
    captions = " ".join(caption.value for caption in app.caption)
    assert "φ = 6 is beyond what was timed." in captions
    again = open_page(y=MS_LABEL, phi="1.5", show="Against A", a="b7")
    assert "is beyond" not in " ".join(caption.value for caption in again.caption)
    row = again.table[0].value.set_index("Quantity").loc["Milliseconds on this machine"]
    assert row["A: B7"].endswith("), beyond what was timed")
    assert row["φ = 1.5"].endswith(")")


def test_the_scatter_holds_every_pair_and_the_band(
    made_up: Calibration, made_up_timer: Any
) -> None:
    checked = check(made_up, timer=made_up_timer, clock=lambda: 0.0)
    drawn = scatter(checked)
    held, unseen = drawn.marks
    assert [(m.x, m.y) for m in held.marks] == [
        (one.median_ms, one.predicted_ms) for one in checked.timed
    ]
    assert len(unseen.marks) == 20 and unseen.marks[1].title == "B1"
    equal, upper, lower = drawn.lines
    assert equal.x == equal.y
    fast, slow = checked.model.band
    assert [upper.y[0] * fast, lower.y[0] * slow] == pytest.approx([upper.x[0], lower.x[0]])
    assert len(scatter(made_up).marks) == 1


def test_many_networks_are_priced_as_single_ones(made_up: Calibration) -> None:
    quantity = latency(made_up)
    each = price_each(Network(strategy="depth", classes=7), TENTHS, Load())
    for phi, priced in list(zip(TENTHS, each, strict=True))[::20]:
        if priced is not None:
            spec = scaled(phi, strategy="depth", num_classes=7)
            assert quantity.of(priced) == pytest.approx(made_up.predict(spec).ms)
    v2 = price_network(Network(variant="v2-s"), Load())
    assert quantity.of(v2) == pytest.approx(made_up.predict(variant("v2-s")).ms)


def test_a_check_of_another_version_leaves_out_networks_it_does_not_know(
    made_up: Calibration,
) -> None:
    strange = replace(made_up.timed[0], name="b99")
    assert measured(replace(made_up, checked=(strange,)), Load()) == ()


def test_one_job_serves_every_session() -> None:
    st.cache_resource.clear()
    assert resources.calibration_job() is resources.calibration_job()


BUSY = Disturbance(made="2031-02-03", spread=0.18, others=1.2)


def test_a_busy_calibration_says_so_with_its_date(uncalibrated: Path, made_up: Calibration) -> None:
    save(replace(made_up, disturbance=BUSY), uncalibrated)
    app = open_page(y=MS_LABEL)
    said = " ".join(seen(text) for text in (*app.markdown, *app.caption))
    assert ":orange-badge[busy: repeat when idle]" in said
    assert "differed by 18 %, other programs took 1.2 cores" in said
    assert f"Calibrated {made_up.made}" in said and "Recalibrate" in buttons(app)


def test_a_later_busy_one_is_named_and_the_quieter_kept(
    uncalibrated: Path, made_up: Calibration
) -> None:
    save(replace(made_up, passed_over=BUSY), uncalibrated)
    said = " ".join(seen(text) for text in open_page(y=MS_LABEL).markdown)
    assert "The calibration of 2031-02-03 was slower" in said and "is kept" in said
