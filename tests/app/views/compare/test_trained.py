"""What Compare says of networks trained here: with none, one, and a whole family and duel."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.charts.trained.figure import curve
from app.views.compare.trained import RUN
from effnet_core.architecture.names import scaled
from effnet_core.cost.report import summarize
from effnet_core.files import unsealed
from effnet_core.results.trained import measured_runs
from tests.app.reading import COMPARE, healthy, opened

open_page = partial(opened, COMPARE, view="Trained here")
looks = partial(opened, COMPARE, view="Where they look")


MEASURED = Path(__file__).resolve().parents[4] / "assets" / "measured"
REAL, MAPS = (
    unsealed(json.loads((MEASURED / kind / "tiny100-phi-4.json").read_text(encoding="utf-8")))
    for kind in ("runs", "maps")
)
FOUR = ("depth", "width", "resolution", "compound")


def put(folder: Path, identity: str, top1: float, *, maps: bool = False, **changes: Any) -> None:
    one = copy.deepcopy(REAL) | {"id": identity, **changes}
    one["validation"]["top1"] = top1
    one.pop("seal", None)  # of the record as it was
    for kind, values in (("runs", one), ("maps", MAPS | {"run": identity})):
        if kind == "runs" or maps:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            text = json.dumps(values)
            (folder / kind / f"{identity}.json").write_text(text, encoding="utf-8")


def put_duel(folder: Path, compound: float, other: float) -> None:
    for name in FOUR:
        for seed in (0, 1):
            top = (compound if name == "compound" else other) + 0.004 * seed
            duel: dict[str, Any] = {
                "group": "duel",
                "strategy": name,
                "base_phi": -2.0,
                "phi": None,
            }
            put(folder, f"{name}-{seed}", top, seed=seed, **duel)


def figures(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(one.proto.spec) for one in app.get("plotly_chart")]


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace.get("name"): trace for trace in figure["data"]}


def words(app: AppTest) -> str:
    return " ".join(text.value for text in (*app.markdown, *app.caption, *app.subheader))


@pytest.mark.usefixtures("nothing_trained")
def test_without_runs_the_part_says_where_they_start() -> None:
    app = open_page()
    assert "No network has been trained here yet" in app.info[0].value and not figures(app)
    assert [link.proto.page for link in app.get("page_link")] == ["train"]
    assert RUN not in {box.key for box in app.selectbox}


def test_what_is_bundled_is_shown() -> None:
    app = open_page()
    table = next(one.value for one in app.dataframe if "Validation top-1 %" in one.value)
    row = table[table["Run"] == "tiny100-phi-4"].iloc[0]
    assert row["Validation top-1 %"] == 100 * REAL["validation"]["top1"]
    assert row["Held-out top-1 %"] == 100 * REAL["held_out"]["top1"]
    assert row["FLOPs (multiply-adds)"] == 18_670_976


def test_one_run_makes_one_point_and_no_winner(measured_folder: Path) -> None:
    put(measured_folder, "only", 0.484, maps=True)
    app = open_page()
    trained, *curves = figures(app)
    (published,) = figures(opened(COMPARE))
    (trace,) = trained["data"]
    assert trace["customdata"] == ["only"] and trace["y"] == [48.4] and "error_y" not in trace
    assert trace["x"] == [18_670_976]
    low, high = trained["layout"]["yaxis"]["range"]
    assert low < 48.4 < high
    assert not any("only" in (t.get("customdata") or ()) for t in published["data"])
    assert "ImageNet" not in trained["layout"]["yaxis"]["title"]["text"]
    text = words(app)
    assert "cannot be compared" in text and "one seed" in text and "the duel" not in text
    assert "5,000 validation photos" in text and len(curves) == 2
    scores = next(one.value for one in looks().dataframe if "Maps" in one.value)
    assert list(scores["Score"]) == [
        name for name in ("Pointing", "Energy", "Insertion", "Deletion") for _ in range(2)
    ]
    assert list(scores["Map"][:2]) == ["Grad-CAM, last map", "Grad-CAM, stage 5"]
    assert list(scores["Grid"][:2]) == ["3 × 3", "5 × 5"]
    # one row: the map, the random maps on its grid, the centre, an even map
    assert list(scores.iloc[0])[4:] == ["43.3 ± 2.1", "42.1 ± 2.0", "78.8 ± 1.8", "50.6 ± 1.3"]
    assert list(scores.iloc[6])[4:7] == ["10.7 ± 0.6", "11.0 ± 0.6", "8.7 ± 0.5"]
    assert list(scores["Even"].isna()) == [False] * 4 + [True] * 4
    assert app.get("plotly_chart")[0].proto.alt.endswith("φ = −4: 48.4 % at 18.7 M.")


@pytest.mark.parametrize(
    ("axis", "value"),
    [("Parameters", summarize(scaled(-4.0, num_classes=100)).params), ("Test resolution", 72)],
)
def test_the_part_follows_the_axis(measured_folder: Path, axis: str, value: int) -> None:
    put(measured_folder, "only", 0.484)
    app = open_page(cost=axis, spacing="linear")
    trained = figures(app)[0]
    assert trained["data"][0]["x"] == [value] and trained["layout"]["xaxis"]["type"] == "linear"
    assert trained["layout"]["xaxis"]["title"]["text"].startswith(axis)


def test_an_axis_without_a_figure_for_them_is_said(measured_folder: Path) -> None:
    put(measured_folder, "only", 0.484)
    app = open_page(cost="Latency on this machine")
    assert "was not measured for these" in words(app)
    (trained, *_) = figures(app)
    assert trained["data"][0]["x"] == [18_670_976]


@pytest.mark.parametrize(("compound", "told"), [(0.7, "won the duel"), (0.6, "did not win")])
def test_a_duel_has_bars_and_its_verdict(measured_folder: Path, compound: float, told: str) -> None:
    put(measured_folder, "family", 0.484)
    put_duel(measured_folder, compound, 0.65)
    app = open_page()
    drawn = traces(figures(app)[0])
    assert {f"duel: {name} only" for name in FOUR[:3]} | {"duel: compound"} <= set(drawn)
    star = drawn["duel: compound"]
    assert star["y"] == [pytest.approx(100 * (compound + 0.002))]
    assert star["error_y"]["array"] == [pytest.approx(0.4 / 2**0.5)]
    assert "error_y" not in drawn["family, 20 epochs"]
    text = words(app)
    assert told in text and "Bars: standard deviation over seeds" in text
    assert ("did not win" in text) == (compound < 0.65)


def test_networks_of_another_recipe_are_not_joined(measured_folder: Path) -> None:
    put(measured_folder, "short", 0.48)
    put(measured_folder, "long", 0.6, recipe={**REAL["recipe"], "epochs": 100}, phi=-3.0)
    drawn = traces(figures(open_page())[0])
    assert set(drawn) == {"family, 20 epochs", "family, 100 epochs"}


def test_map_scores_against_cost_from_two_networks_on(measured_folder: Path) -> None:
    put(measured_folder, "small", 0.48, maps=True)
    spec = json.loads(scaled(-3.0, num_classes=100).to_json())
    put(measured_folder, "large", 0.6, maps=True, spec=spec, phi=-3.0)
    app = looks(score="energy")
    drawn = traces(figures(app)[0])
    assert {"Grad-CAM, last map", "Grad-CAM, inner stage", "centre Gaussian"} <= set(drawn)
    row = next(row for row in MAPS["rows"] if row["subject"] == "centre Gaussian")
    assert drawn["centre Gaussian"]["y"] == [pytest.approx(100 * row["energy"]["mean"])] * 2
    assert drawn["centre Gaussian"]["customdata"] == ["small", "large"]
    scores = next(one.value for one in app.dataframe if "Maps" in one.value)
    assert set(scores["Score"]) == {"Energy"} and set(scores["Network"]) == {"φ = −4", "φ = −3"}
    assert len(drawn["random map, last map’s grid"]["error_y"]["array"]) == 2


def test_a_run_without_held_out_photos_or_environment_is_shown(measured_folder: Path) -> None:
    nothing: dict[str, Any] = {"held_out": {"top1": None, "top5": None}, "environment": None}
    put(measured_folder, "only", 0.48, **nothing)
    app = open_page()
    facts = next(one.proto.body for one in app.get("html") if 'class="facts"' in one.proto.body)
    assert "validation top-1 48.0 %" in facts and "held-out" not in facts
    table = next(one.value for one in app.dataframe if "Validation top-1 %" in one.value)
    assert table["Held-out top-1 %"].isna().all()


def test_choosing_a_run_opens_its_record(measured_folder: Path) -> None:
    put(measured_folder, "first", 0.48)
    put(measured_folder, "second", 0.6, seed=3, phi=-3.0)
    app = open_page(trained="φ = −3, seed 3 (second)")
    assert app.selectbox(key=RUN).value == "φ = −3, seed 3 (second)"
    facts = next(one.proto.body for one in app.get("html") if 'class="facts"' in one.proto.body)
    assert "seed 3" in facts and "validation top-1 60.0 %" in facts
    settings = next(one.value for one in app.dataframe if "Setting" in one.value)
    values = dict(zip(settings["Setting"], settings["Value"], strict=True))
    assert values["optimizer"] == "sgd" and values["data: name"] == REAL["data"]["name"]
    app.selectbox(key=RUN).set_value("φ = −4, seed 0 (first)").run()
    facts = next(one.proto.body for one in app.get("html") if 'class="facts"' in one.proto.body)
    assert "validation top-1 48.0 %" in facts and "seed 0" in facts
    assert "“nobody”" in open_page(trained="nobody").warning[0].value.replace("\\", "")


def test_a_click_on_a_mark_opens_its_run(measured_folder: Path) -> None:
    put(measured_folder, "first", 0.48)
    put(measured_folder, "second", 0.6, phi=-3.0)

    def clicked() -> None:
        from types import SimpleNamespace

        import streamlit as st

        from app.views.compare.trained import CHART, open_run

        points = [{"customdata": "second"}]
        held = {CHART: SimpleNamespace(selection=SimpleNamespace(points=points))}
        st.session_state.update(held)
        open_run(CHART)

    app = healthy(AppTest.from_function(clicked).run())
    assert app.session_state[RUN] == "φ = −3, seed 0 (second)"


def test_curves_are_the_records(measured_folder: Path) -> None:
    put(measured_folder, "only", 0.484)
    (run,) = measured_runs()
    loss, top1 = (curve(run, what).data[0] for what in ("loss", "top1"))
    assert list(loss.y) == [epoch["loss"] for epoch in REAL["curve"]]
    assert list(top1.y) == [100 * epoch["top1"] for epoch in REAL["curve"]]
    assert list(top1.x) == [epoch["epoch"] for epoch in REAL["curve"]]


def test_a_damaged_record_costs_this_part_alone(measured_folder: Path) -> None:
    put(measured_folder, "only", 0.484)
    (measured_folder / "runs" / "only.json").write_text("{", encoding="utf-8")
    app = open_page()
    assert "only.json is damaged" in app.error[0].value.replace("\\", "")
    assert not figures(app)
    assert len(figures(opened(COMPARE))) == 1


def test_names_from_a_record_are_text(measured_folder: Path) -> None:
    data = {**REAL["data"], "name": "**bold** :red[hot]"}
    put(measured_folder, "only", 0.484, data=data, device="<script>alert(1)</script>")
    app = open_page()
    assert "**bold**" not in words(app)
    facts = next(one.proto.body for one in app.get("html") if 'class="facts"' in one.proto.body)
    assert "<script>" not in facts and "&lt;script&gt;" in facts
