"""Verifying a network on Scale, and the files that can be taken away."""

from __future__ import annotations

import csv
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from app.scale.network import Load, Network
from app.scale.results import curves
from app.views.scale.files import curves_csv, file_stem, layers_csv
from effnet_core.architecture.names import scaled
from effnet_core.cost.report import analyze, summarize
from tests.app.reading import SCALE, downloads, healthy, opened, press

open_page = partial(opened, SCALE, show="Verify and download")


def refusals(app: AppTest) -> str:
    return " ".join(error.value for error in app.error).replace("\\", "")


def test_verification_agrees_for_a_small_network() -> None:
    app = open_page(phi="-6")
    press(app, "Verify with fvcore and torch")
    assert "figures agree exactly" in app.success[0].value
    assert set(app.dataframe[0].value["Difference"]) == {0}


def test_a_giant_is_not_built_for_a_page() -> None:
    app = open_page(network="published", variant="l2")
    press(app, "Verify with fvcore and torch")
    assert "effnet cost --verify" in refusals(app)
    press(app, "Make ONNX")
    assert "effnet export" in refusals(app)


def test_making_one_file_keeps_the_other_and_another_network_has_none() -> None:
    app = open_page(phi="-6")
    press(app, "Make runnable Python")
    press(app, "Make ONNX")
    endings = {name.rsplit(".", 1)[1] for name in offered(app)}
    assert endings == {"py", "onnx"}
    healthy(app.slider(key="phi").set_value(-5.0).run())
    assert not offered(app)


def offered(app: AppTest) -> list[str]:
    return [label for label in downloads(app) if label.startswith("Download ")]


def test_the_csv_has_a_row_for_each_layer() -> None:
    report = analyze(scaled(1))
    lines = layers_csv(report).splitlines()
    assert len(lines) == len(report.layers) + 1
    assert lines[0].startswith("name,stage,block,role,kind")


def test_the_curves_hold_what_the_core_computes() -> None:
    rows = list(
        csv.DictReader(curves_csv(curves(Network(classes=10), Load(2, "float16"))).splitlines())
    )
    row = next(row for row in rows if row["strategy"] == "width" and float(row["phi"]) == 2.5)
    totals = summarize(scaled(2.5, strategy="width", num_classes=10), batch=2, dtype="float16")
    assert int(row["params"]) == totals.params
    assert int(row["peak"]) == totals.peak_activation_bytes


@pytest.mark.parametrize(
    ("network", "stem"),
    [
        (Network(variant="v2-s"), "efficientnet-v2-s"),
        (Network(phi=-1.5, strategy="depth"), "efficientnet-phi-1.5-strategy-depth"),
    ],
)
def test_file_names_are_plain(network: Network, stem: str) -> None:
    assert file_stem(network).replace("--", "-") == stem
