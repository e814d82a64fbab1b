"""`effnet cost`: the contract, and the same figures as the core's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from effnet_core.architecture.names import VARIANTS, architecture, scaled, variant
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.cost.report import analyze
from effnet_core.network import verify as verify_module

Effnet = Callable[..., Any]

KEYS = [
    "name",
    "phi",
    "depth",
    "width",
    "resolution",
    "blocks",
    "params",
    "mult_adds",
    "activations",
    "fvcore",
    "weight_bytes",
    "peak_activation_bytes",
    "run_bytes",
    "layers",
]
LAYER_KEYS = [
    "name",
    "stage",
    "block",
    "kind",
    "out_shape",
    "params",
    "mult_adds",
    "activations",
]


def test_published_variant_has_the_keys_of_the_contract_and_the_known_figures(
    effnet: Effnet,
) -> None:
    answer = effnet("cost", "--variant", "b4", "--json")
    assert answer.code == 0
    assert answer.err == ""
    result = answer.json
    assert list(result) == KEYS
    assert result["name"] == "b4"
    assert result["phi"] is None
    assert (result["depth"], result["width"], result["resolution"]) == (1.8, 1.4, 380)
    assert result["params"] == 19_341_616  # torchvision's
    assert result["mult_adds"] == 4_393_771_024
    assert result["activations"] == 49_489_032  # pycls'
    assert list(result["fvcore"]) == ["conv", "linear", "batch_norm", "adaptive_avg_pool2d"]
    assert result["fvcore"]["conv"] + result["fvcore"]["linear"] == result["mult_adds"]
    assert all(list(layer) == LAYER_KEYS for layer in result["layers"])
    stem = result["layers"][0]
    assert stem == {
        "name": "stem.conv",
        "stage": 0,
        "block": None,
        "kind": "conv",
        "out_shape": [48, 190, 190],
        "params": 3 * 3 * 3 * 48,
        "mult_adds": 3 * 3 * 3 * 48 * 190 * 190,
        "activations": 48 * 190 * 190,
    }
    for total in ("params", "mult_adds", "activations"):
        assert sum(layer[total] for layer in result["layers"]) == result[total]


def test_formula_takes_every_option(effnet: Effnet) -> None:
    options = "--alpha 1.1 --beta 1.2 --gamma 1.05 --strategy width --rounding nearest "
    options += "--base-resolution 200 --num-classes 7 --batch 3 --dtype float16 --exact-pixels"
    result = effnet("cost", "--phi", "-1.5", *options.split(), "--json").json
    spec = scaled(
        -1.5,
        rule=ScalingRule(1.1, 1.2, 1.05),
        strategy="width",
        repeats="nearest",
        base_resolution=200,
        exact_pixels=True,
        num_classes=7,
    )
    report = analyze(spec, batch=3, dtype="float16")
    assert result["phi"] == -1.5
    assert (result["depth"], result["width"]) == (spec.depth, spec.width)
    assert result["resolution"] == spec.resolution == 200
    assert result["params"] == report.totals.params
    assert result["weight_bytes"] == report.totals.weight_bytes
    assert result["peak_activation_bytes"] == report.totals.peak_activation_bytes


def test_a_given_resolution_is_taken_as_it_is(effnet: Effnet) -> None:
    for network in (("--phi", "1"), ("--variant", "b1")):
        assert effnet("cost", *network, "--resolution", "211", "--json").json["resolution"] == 211


@pytest.mark.parametrize("name", [*VARIANTS, "efficientnet_v2_s", "tf_efficientnetv2_b0"])
def test_every_name_is_accepted(effnet: Effnet, name: str) -> None:
    result = effnet("cost", "--variant", name, "--json").json
    assert result["params"] == analyze(architecture(name)).totals.params


def test_spec_file_is_accepted(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(scaled(0.4, num_classes=3).to_json())
    assert effnet("cost", "--variant", path, "--json").json["phi"] == 0.4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--rounding nearest --base-resolution 300", "--base-resolution and --rounding have no"),
        ("--rounding ceil", "--rounding has no"),
    ],
)
def test_scripts_may_give_the_formulas_rounding_with_a_variant_and_are_told(
    effnet: Effnet, options: str, said: str
) -> None:
    answer = effnet("cost", "--variant", "b1", *options.split(), "--json")
    assert answer.code == 0
    assert answer.out == effnet("cost", "--variant", "b1", "--json").out
    assert f"warning: {said} effect with --variant" in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("command", ["cost", "build", "export"])
def test_a_rule_far_from_two_is_warned_of(effnet: Effnet, tmp_path: Path, command: str) -> None:
    options = {
        "cost": (),
        "build": ("--out", tmp_path / "o.safetensors"),
        "export": ("--format", "json", "--out", tmp_path / "o.json"),
    }[command]
    small = (command, "--phi", "-3", "--resolution", "32", *options, "--json")
    answer = effnet(*small, "--alpha", "3", "--beta", "3")
    assert answer.code == 0
    assert answer.json["name"]
    warning = ScalingRule(3, 3, 1.15).warning
    assert warning is not None
    assert f"effnet: warning: {warning}\n" in answer.err
    assert "α·β²·γ²" not in effnet(*small).err


def test_text_names_every_stage_and_says_what_the_figures_are(effnet: Effnet) -> None:
    text = effnet("cost", "--variant", "b0").out
    for row in analyze(variant("b0")).stages:
        assert row.title in text
        assert f"{row.mult_adds:,}" in text
    for said in ("5,288,548", "computed", "One multiply-add counts once", "batch-norm", "float32"):
        assert said in text


def test_verify_adds_the_counters(effnet: Effnet) -> None:
    arguments = ("cost", "--variant", "b0", "--resolution", "64", "--verify")
    answer = effnet(*arguments, "--json")
    assert answer.code == 0
    assert list(answer.json) == [*KEYS, "verify"]
    verified = answer.json["verify"]
    assert verified["agrees"] is True
    assert verified["not_counted"]["silu"] == 49
    assert {row["difference"] for row in verified["rows"]} == {0}
    assert {row["counter"] for row in verified["rows"]} == {"network", "fvcore", "torch"}
    text = effnet(*arguments).out
    assert "All figures agree." in text
    assert "silu (49×)" in text


def test_verify_fails_when_a_counter_disagrees(
    effnet: Effnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_module, "_torch_counts", lambda spec, side: {"conv": 1, "linear": 1})
    answer = effnet("cost", "--phi", "-3", "--resolution", "64", "--verify")
    assert answer.code == 1
    assert "Some figures disagree." in answer.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "--variant --phi is required"),
        ("--variant b0 --phi 1", "not allowed with"),
        ("--variant b99", "No EfficientNet is called 'b99'"),
        ("--variant nowhere.json", "cannot be read"),
        ("--phi 10.5", "φ must lie between -6 and 10; got 10.5."),
        ("--phi nan", "φ must lie between"),
        ("--phi much", "invalid float value: 'much'"),
        ("--phi 1 --alpha 9", "α must lie between"),
        ("--phi 1 --resolution 8", "Resolution must lie between"),
        ("--phi 1 --resolution 8.5", "invalid int value"),
        ("--phi 1 --num-classes 0", "at least one class"),
        ("--phi 1 --strategy sideways", "invalid choice: 'sideways'"),
        ("--phi 1 --rounding down", "invalid choice: 'down'"),
        ("--phi 1 --batch 0", "whole number of at least 1"),
        ("--phi 1 --dtype int8", "dtype must be one of"),
        ("--phi 10 --strategy depth", "2,000 blocks"),
        ("--variant b0 --alpha 1.2", "--alpha belongs to the formula"),
        ("--variant b0 --exact-pixels", "--exact-pixels belongs to the formula"),
        ("--var b0", "--variant --phi is required"),
    ],
)
def test_bad_usage_is_one_sentence(effnet: Effnet, arguments: str, sentence: str) -> None:
    answer = effnet("cost", *arguments.split())
    assert answer.code == 2
    assert answer.out == ""
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    as_json = effnet("cost", *arguments.split(), "--json")
    assert as_json.code == 2
    assert sentence in as_json.json["error"]
