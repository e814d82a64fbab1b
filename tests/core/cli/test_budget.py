"""`effnet budget`: the core's answers, in full, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from effnet_core.architecture.names import variant
from effnet_core.cli import budget as command
from effnet_core.cost.budget import (
    LABELS,
    Answer,
    Limits,
    Setting,
    best_free,
    device,
    devices,
    largest_phi,
)
from effnet_core.cost.report import summarize
from effnet_core.latency import Calibration

Effnet = Callable[..., Any]

KEYS = [
    "limits",
    "device_preset",
    "num_classes",
    "dtype",
    "batch",
    "base_resolution",
    "calibrated",
    "tie",
    "phi",
    "free",
    "free_near_compound",
    "published",
]


def require_equal(found: dict[str, Any], answer: Answer) -> None:
    network = answer.network
    for name in ("phi", "depth", "width", "resolution", "blocks", *LABELS):
        if name != "latency_ms":
            assert found[name] == getattr(network, name)
    assert found["fits"] == answer.fits
    assert found["binding"] == list(answer.binding) and found["ends"] == list(answer.ends)
    assert found["left"] == {room.name: room.left for room in answer.rooms}
    assert found["searched"] == answer.searched


def test_every_option_reaches_the_core(effnet: Effnet) -> None:
    options = "--max-params 3000000 --max-mult-adds 200000000 --max-weight-bytes 9000000 "
    options += "--max-peak-bytes 20000000 --max-memory-bytes 28000000 "
    options += "--num-classes 10 --dtype float16 --batch 3 --base-resolution 192"
    answer = effnet("budget", *options.split(), "--json")
    assert answer.code == 0 and answer.err == ""
    result = answer.json
    assert list(result) == KEYS
    limits = Limits(
        params=3_000_000,
        mult_adds=200_000_000,
        weight_bytes=9_000_000,
        peak_bytes=20_000_000,
        memory_bytes=28_000_000,
    )
    setting = Setting(num_classes=10, dtype="float16", batch=3, base_resolution=192)
    assert result["limits"] == limits.given and result["device_preset"] is None
    require_equal(result["phi"], largest_phi(limits, setting))
    require_equal(result["free"], best_free(limits, setting))
    require_equal(result["free_near_compound"], best_free(limits, setting, tie=result["tie"]))


def test_published_networks_come_with_what_they_break(effnet: Effnet) -> None:
    result = effnet("budget", "--max-weight-bytes", 20e6, "--max-mult-adds", 4e8, "--json").json
    found = {one["network"]: one for one in result["published"]}
    lite0, b0 = found["lite0"], found["b0"]
    assert lite0["fits"] and lite0["weights"] == "lite0" and lite0["broken"] == []
    assert lite0["left"]["weight_bytes"] == 20_000_000 - lite0["weight_bytes"]
    assert b0["broken"] == ["weight_bytes"] and not b0["fits"]
    assert b0["top1"] == 77.692 and b0["source"] == "torchvision"
    text = effnet("budget", "--max-weight-bytes", 20e6, "--max-mult-adds", 4e8).out
    published, _, shapes = text.partition("Shapes that nobody trained:")
    assert "lite0" in published and "lite0" not in shapes and "Largest φ" in shapes
    over = summarize(variant("b0")).weight_bytes - 20_000_000
    assert f"over by {over:,} bytes of weights" in published


def test_amounts_may_be_written_with_an_exponent(effnet: Effnet) -> None:
    short = effnet("budget", "--max-params", "5e6", "--max-mult-adds", "4e8", "--json")
    assert short.json["limits"] == {"params": 5_000_000, "mult_adds": 400_000_000}
    assert "5e" not in short.out and "5000000.0" not in short.out


def test_text_gives_the_networks_what_stops_them_and_what_is_left(effnet: Effnet) -> None:
    text = effnet("budget", "--max-mult-adds", 400_000_000, "--max-params", 5_300_000).out
    assert "At most 5,300,000 parameters; 400,000,000 multiply-adds" in text
    b0 = summarize(Setting().network(0.0))
    for number in (b0.params, b0.mult_adds, b0.weight_bytes, b0.peak_activation_bytes):
        assert f"{number:,}" in text
    assert "stopped by the limit on parameters and multiply-adds. Left: " in text
    assert f"{5_300_000 - b0.params:,} parameters" in text
    for said in ("every φ from -6 to 10", "every multiple of 8 pixels", "Nothing here says how"):
        assert said in text


def test_the_end_of_the_search_is_told(effnet: Effnet) -> None:
    text = effnet("budget", "--max-params", 10**12).out
    assert "Largest φ: stopped by the end of the search in φ. Left" in text
    assert "stopped by the end of the search in depth, width and resolution. Left" in text
    left = 10**12 - summarize(Setting().network(10.0)).params
    assert f"Left: {left:,} parameters." in text


def test_a_device_brings_limits_its_dtype_and_its_source(effnet: Effnet) -> None:
    mcu = device("mcu")
    arguments = ("budget", "--device-preset", "mcu", "--num-classes", 10)
    result = effnet(*arguments, "--json").json
    assert result["limits"] == mcu.limits.given
    assert result["dtype"] == "int8" and result["device_preset"]["url"] == mcu.url
    require_equal(result["phi"], largest_phi(mcu.limits, Setting(dtype="int8", num_classes=10)))
    text = effnet(*arguments).out
    assert mcu.source in text and mcu.why in text and "10 classes, int8" in text
    given = effnet(*arguments, "--max-weight-bytes", 10**7, "--dtype", "float16", "--json").json
    assert given["limits"] == {"weight_bytes": 10**7, "peak_bytes": 2**19}
    assert given["dtype"] == "float16"


def test_help_lists_the_devices_with_their_sources(
    effnet: Effnet, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        effnet("budget", "--help")
    text = " ".join(capsys.readouterr().out.split())
    for one in devices():
        assert f"{one.key}: {one.title} ({one.source})" in text


@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_fits_is_said_with_how_much_is_missing(effnet: Effnet, as_json: bool) -> None:
    answer = effnet("budget", "--max-params", 1000, *(["--json"] if as_json else []))
    assert answer.code == 1
    missing = summarize(Setting().network(-6.0)).params - 1000
    if as_json:
        assert answer.json["phi"]["fits"] is False
        assert answer.json["phi"]["left"] == {"params": -missing}
        return
    assert "The smallest network searched (φ = -6, 96 pixels) is over by " in answer.out
    assert f"over by {missing:,} parameters" in answer.out
    missing = summarize(Setting().free_network(0.25, 0.25, 32)).params - 1000
    smallest = "The smallest network searched (depth 0.25, width 0.25, 32 pixels) is over by "
    assert answer.out.count(smallest) == 1
    assert f"{smallest}{missing:,} parameters." in answer.out


def test_one_free_shape_for_both_searches_is_shown_once(effnet: Effnet) -> None:
    text = effnet("budget", "--device-preset", "mcu").out
    limits, setting = device("mcu").limits, Setting(dtype="int8")
    network = best_free(limits, setting).network
    assert network == best_free(limits, setting, tie=command.TIE).network
    assert text.count(f"{network.mult_adds:,}") == 1
    assert "nearest to compound: the same network.\n" in text


def test_the_formula_may_fail_where_free_coefficients_fit(effnet: Effnet) -> None:
    answer = effnet("budget", "--device-preset", "mcu", "--json")
    assert answer.code == 0
    assert not answer.json["phi"]["fits"] and answer.json["free"]["fits"]


def test_milliseconds_need_a_calibration(effnet: Effnet) -> None:
    answer = effnet("budget", "--max-latency-ms", 5, "--json")
    assert answer.code == 1
    assert answer.json["error"].startswith("This machine is not calibrated.")
    assert "`effnet calibrate`" in answer.json["error"]


def test_a_calibration_answers_with_its_band(
    effnet: Effnet, monkeypatch: pytest.MonkeyPatch, made_up: Calibration
) -> None:
    monkeypatch.setattr(command, "calibrated", lambda: made_up)
    # few parameters leave few networks to time
    limits = ("--max-latency-ms", 2.5, "--max-params", 700_000, "--num-classes", 10)
    result = effnet("budget", *limits, "--json").json
    expected = largest_phi(
        Limits(latency_ms=2.5, params=700_000), Setting(num_classes=10), latency=made_up.predict
    )
    assert result["phi"]["fits"] == expected.fits
    assert result["calibrated"] == made_up.made
    for key in ("phi", "free", "free_near_compound"):
        band = result[key]["latency"]
        assert band["low_ms"] < band["ms"] < band["high_ms"]
        assert result[key]["left"]["latency_ms"] == 2.5 - band["high_ms"]
    text = effnet("budget", *limits).out
    assert f"predicted from the calibration of {made_up.made}" in text
    left = 2.5 - result["free"]["latency"]["high_ms"]
    assert f" parameters; {left:.3g} milliseconds." in text


def test_milliseconds_are_of_float32(
    effnet: Effnet, monkeypatch: pytest.MonkeyPatch, made_up: Calibration
) -> None:
    monkeypatch.setattr(command, "calibrated", lambda: made_up)
    answer = effnet("budget", "--max-latency-ms", 5, "--dtype", "int8")
    assert answer.code == 2
    assert "predicted for float32 alone, not for int8" in answer.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "needs at least one limit"),
        ("--max-params 0", "The limit on parameters must be a number above 0; got 0."),
        ("--max-params -5", "must be a number above 0; got -5."),
        ("--max-params many", "invalid number value: 'many'"),
        ("--max-latency-ms nan", "must be a number above 0; got nan."),
        ("--max-peak-bytes 5", "the smallest input alone, 32 × 32 pixels in float32"),
        ("--max-params 1 --device-preset toaster", "No device is called 'toaster'; known: mcu"),
        ("--max-params 1 --dtype int4", "invalid choice: 'int4'"),
        ("--max-params 1 --batch 0", "whole number of at least 1"),
        ("--max-params 1 --batch 99999", "Batch size must be"),
        ("--max-params 1 --num-classes 0", "number of classes must be"),
        ("--max-params 1 --base-resolution 8", "Base resolution must lie between"),
    ],
)
def test_bad_usage_is_one_sentence(effnet: Effnet, arguments: str, sentence: str) -> None:
    answer = effnet("budget", *arguments.split())
    assert answer.code == 2
    assert answer.out == ""
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    assert sentence in effnet("budget", *arguments.split(), "--json").json["error"]
