"""`effnet calibrate`, `effnet latency` and the budget's milliseconds, without any real timing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.names import scaled, variant
from effnet_core.cost.budget import Limits, Setting, largest_phi
from effnet_core.cost.report import summarize
from effnet_core.latency import (
    TERMS,
    Calibration,
    errors_of,
    making,
    save,
    standing,
    this_machine,
)

Effnet = Callable[..., Any]


@pytest.fixture
def kept(tmp_path: Path, made_up: Calibration) -> Calibration:
    """A usable calibration where `effnet` looks for it."""
    save(made_up, tmp_path / "cache" / "calibration.json")
    return made_up


def test_it_calibrates_checks_and_keeps_the_result(
    effnet: Effnet, monkeypatch: pytest.MonkeyPatch, made_up_timer: Any, made_up: Calibration
) -> None:
    monkeypatch.setattr("effnet_core.latency.calibrating._time", made_up_timer)
    result = effnet("calibrate", "--json").json
    assert result["machine"]["threads"] == this_machine().threads
    assert list(result["coefficients_ms"]) == list(TERMS)
    assert tuple(result["coefficients_ms"].values()) == made_up.model.coefficients
    assert result["held_out"]["mean_error"] == made_up.model.mean_error
    assert result["checked"] is None
    result = effnet("calibrate", "--check", "--json").json
    held = standing().require()
    mean, worst = errors_of(held.checked)
    assert (result["checked"]["mean_error"], result["checked"]["worst_error"]) == (mean, worst)
    assert len(result["checked"]["networks"]) == 20
    text = effnet("calibrate", "--check").out
    assert f"mean error {100 * mean:.1f} %, largest {100 * worst:.1f} %" in text
    assert "compound φ=-3.5" in text


def test_a_prediction_has_its_band_and_its_date(effnet: Effnet, kept: Calibration) -> None:
    result = effnet("latency", "--variant", "b3", "--json").json
    expected = kept.predict(variant("b3"))
    assert (result["ms"], result["low_ms"], result["high_ms"]) == (
        expected.ms,
        expected.low_ms,
        expected.high_ms,
    )
    assert (result["basis"], result["calibrated"]) == ("predicted", kept.made)
    text = effnet("latency", "--phi", "1.5").out
    assert f"{kept.predict(scaled(1.5)).ms:.2f} ms, predicted (band" in text
    assert f"calibration of {kept.made}" in text and "xtrapolated" not in text


def test_networks_past_those_that_were_timed_are_said_to_be(
    effnet: Effnet, kept: Calibration
) -> None:
    # The largest that is timed is B5 at 320 pixels, which has more than B4 at its own 380.
    for name, beyond in (("b3", False), ("b4", False), ("b5", True), ("b7", True)):
        assert effnet("latency", "--variant", name, "--json").json["extrapolated"] is beyond
    assert summarize(variant("b4")).mult_adds < kept.model.most_mult_adds
    for network in (("--variant", "b5"), ("--phi", "-6", "--resolution", 32)):
        text = effnet("latency", *network).out
        assert "Extrapolated: the networks that were timed have 0.026 to 4.8 G" in text
    budget = effnet("budget", "--max-params", 60_000_000, "--max-latency-ms", 1e6)
    assert "beyond what was timed" in budget.out


def test_a_measurement_says_what_ran(effnet: Effnet) -> None:
    small = ("--phi", "-6", "--resolution", 32, "--num-classes", 2, "--measure", "--repeats", 3)
    result = effnet("latency", *small, "--batch", 2, "--json").json
    assert (result["basis"], result["repeats"], result["batch"]) == ("measured", 3, 2)
    assert result["low_ms"] <= result["median_ms"] <= result["high_ms"]
    text = effnet("latency", *small).out
    assert "ms, measured (25 – 75 %:" in text and "ONNX Runtime" in text


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("--variant b0", 1, "This machine is not calibrated."),
        ("--variant b0 --repeats 3", 2, "--repeats belongs to --measure"),
        ("--variant b0 --measure --repeats 1", 2, "2 to 1000 repeats"),
        ("--variant b9", 2, "No EfficientNet is called"),
    ],
)
def test_what_cannot_be_told_is_a_sentence(
    effnet: Effnet, arguments: str, code: int, sentence: str
) -> None:
    answer = effnet("latency", *arguments.split())
    assert answer.code == code and sentence in answer.err


def test_a_stale_calibration_is_not_used(
    effnet: Effnet, made_up: Calibration, tmp_path: Path
) -> None:
    old = replace(made_up, machine=replace(made_up.machine, engine="ONNX Runtime 0.1"))
    save(old, tmp_path / "cache" / "calibration.json")
    for command in (("latency", "--variant", "b0"), ("budget", "--max-latency-ms", 5)):
        answer = effnet(*command)
        assert answer.code == 1
        assert "is stale (engine ONNX Runtime 0.1 →" in answer.err
        assert "`effnet calibrate`" in answer.err


def test_other_batches_are_refused(effnet: Effnet, kept: Calibration) -> None:
    for command in (
        ("latency", "--variant", "b0", "--batch", 8),
        ("budget", "--max-latency-ms", 5, "--batch", 8),
    ):
        answer = effnet(*command)
        assert answer.code == 1 and "for a batch of 1, not 8" in answer.err


def test_a_budget_in_milliseconds_holds_the_slow_edge(effnet: Effnet, kept: Calibration) -> None:
    limits = ("--max-latency-ms", 5, "--max-params", 900_000, "--num-classes", 10)
    result = effnet("budget", *limits, "--json").json
    expected = largest_phi(
        Limits(latency_ms=5, params=900_000), Setting(num_classes=10), latency=kept.predict
    )
    phi = result["phi"]
    assert phi["phi"] == expected.network.phi
    band = kept.predict(scaled(phi["phi"], num_classes=10))
    assert phi["latency"]["high_ms"] == band.high_ms <= 5
    assert phi["left"]["latency_ms"] == 5 - band.high_ms
    assert (
        f"{band.ms:.1f} ({band.low_ms:.1f} – {band.high_ms:.1f})" in effnet("budget", *limits).out
    )


def test_it_says_by_how_many_milliseconds_nothing_fits(effnet: Effnet, kept: Calibration) -> None:
    answer = effnet("budget", "--max-latency-ms", 0.01)
    assert answer.code == 1
    smallest = kept.predict(scaled(-6.0)).high_ms
    assert f"is over by {smallest - 0.01:,.3g} milliseconds" in answer.out


def test_only_one_calibrates_at_a_time(effnet: Effnet, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with making._alone(tmp_path / "cache" / "calibration.json"):
        answer = effnet("calibrate")
    assert answer.code == 1 and "being calibrated already" in answer.err
