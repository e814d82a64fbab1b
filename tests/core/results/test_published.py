"""`results.published`: the files say what their sources say, and every record is usable."""

from __future__ import annotations

import csv
import math
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effnet_core.data.tables import TEST_SETS, read
from effnet_core.errors import InvalidInput
from effnet_core.results import published
from effnet_core.results.published import (
    TEST_SET_TITLES,
    benchmarks,
    families,
    paper_table,
    pareto_front,
    price,
    published_cost,
    recipes,
    results,
    sources,
    speed,
)

ROOT = Path(__file__).resolve().parents[3]


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))


def one(**wanted: object) -> published.PublishedResult:
    found = [
        result
        for result in results()
        if all(getattr(result, name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1, found
    return found[0]


# --- the files equal their sources ------------------------------------------------------------


def test_torchvisions_figures_are_what_torchvision_says_now() -> None:
    accuracies, costs = script("published_from_torchvision")["tables"]()
    assert list(read("accuracy_torchvision.csv")) == accuracies
    assert list(read("cost_torchvision.csv")) == costs


def test_timms_figures_are_what_its_table_says(test_data: Path) -> None:
    with (test_data / "facts" / "timm_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    accuracies, costs, speeds = script("published_from_timm")["tables"](rows)
    assert len(rows) == 170 == len(results(source="timm", test_set="imagenet"))
    assert list(read("accuracy_timm.csv")) == accuracies
    assert list(read("cost_timm.csv")) == costs
    assert list(read("speed_timm.csv")) == speeds


def test_the_papers_tables_are_what_was_copied_from_it(test_data: Path) -> None:
    with (test_data / "facts" / "paper_results.csv").open(newline="") as file:
        copied = list(csv.DictReader(file))
    ours = [row for table in (2, 3, 4, 7) for row in paper_table(table)]
    assert len(copied) == len(ours) == 47

    def text(value: str) -> float | None:
        return float(value) if value else None

    for row, fact in zip(ours, copied, strict=True):
        assert (row.table, row.model) == (int(fact["table"]), fact["model"])
        assert (row.scaling, row.note) == (fact["scaling"], fact["note"])
        assert (row.top1, row.top5) == (text(fact["top1_percent"]), text(fact["top5_percent"]))
        assert (row.params_m, row.mult_adds_b) == (
            text(fact["params_m"]),
            text(fact["mult_adds_b"]),
        )
        seconds = text(fact["latency_s"])
        assert row.latency_ms == (None if seconds is None else pytest.approx(1000 * seconds))


# --- every record is complete -----------------------------------------------------------------


def test_every_record_says_where_it_comes_from_and_how_it_was_measured() -> None:
    assert len(results()) > 1_100
    for result in results():
        assert result.source in sources()
        assert (result.source, result.recipe) in recipes()
        assert result.test_set in TEST_SET_TITLES
        assert 0 < result.top1 < 100 and (result.top5 is None or result.top1 < result.top5 < 100)
        assert result.model and result.family in families()
        if result.source != "paper":
            assert result.test_resolution and result.interpolation
            assert result.crop is not None and 0.5 < result.crop <= 1
    assert len(set(results())) == len(results())


def test_sources_benchmarks_and_recipes_belong_together() -> None:
    assert tuple(TEST_SET_TITLES) == TEST_SETS
    assert all(source.url.startswith("https://") for source in sources().values())
    assert {benchmark.source for benchmark in benchmarks().values()} <= set(sources())
    assert {benchmark.unit for benchmark in benchmarks().values()} == {"images/s", "ms"}
    used = {(result.source, result.recipe) for result in results()}
    assert used == set(recipes())


def test_two_digit_top1_of_the_paper_rounds_to_its_one_digit() -> None:
    for table_2, table_8 in zip(paper_table(2), paper_table(8), strict=False):
        assert table_2.model == table_8.model
        assert math.isclose(table_2.top1, table_8.top1, abs_tol=0.0501)
    assert one(source="paper", published_as="EfficientNet-B0", recipe="paper").top1 == 77.11


def test_results_are_found_by_what_they_are() -> None:
    assert {result.test_set for result in results(test_set="real")} == {"real"}
    b0 = results(architecture="b0", source="torchvision")
    assert [(r.top1, r.test_resolution, r.interpolation) for r in b0] == [(77.692, 224, "bicubic")]
    noisy = results(recipe="ns_jft_in1k", architecture="l2", test_set="a")
    assert [result.top1 for result in noisy] == [84.68]
    assert results(family="EfficientNet-Lite", test_set="imagenet", architecture="b0") == ()
    with pytest.raises(InvalidInput, match="sketch"):
        results(test_set="imagenet-c")
    with pytest.raises(InvalidInput, match="7"):
        paper_table(5)


def test_only_this_projects_architectures_carry_their_name() -> None:
    strangers = (
        "pruned",
        "_es",
        "_em",
        "_el",
        "_rw_",
        "cc_",
        "mixnet",
        "_xl",
        "test_",
        "_h_",
        "_x_",
    )
    for result in results():
        if any(part in result.published_as for part in strangers):
            assert result.architecture is None, result.published_as
        elif result.published_as.startswith(("efficientnet_", "tf_efficientnet")):
            assert result.architecture is not None, result.published_as


# --- cost and speed ---------------------------------------------------------------------------


def test_every_efficientnet_is_priced_and_has_the_parameters_its_source_says() -> None:
    priced = 0
    for result in results():
        cost, stated = price(result), published_cost(result)
        assert (cost is None) == (result.architecture is None)
        if cost is None:
            continue
        priced += 1
        if stated is not None and stated.params_m is not None and result.source != "paper":
            assert f"{cost.params / 1e6:.2f}" == f"{stated.params_m:.2f}", result
        if stated is not None and stated.mult_adds_b is not None:  # other conventions, coarse
            assert cost.mult_adds / 1e9 == pytest.approx(stated.mult_adds_b, rel=0.06, abs=0.03)
    assert priced > 400


def test_a_record_is_priced_at_its_own_test_resolution() -> None:
    small, large = (
        one(
            published_as="tf_efficientnetv2_s",
            recipe="in1k",
            test_set="imagenet",
            test_resolution=r,
        )
        for r in (300, 384)
    )
    cheap, dear = price(small), price(large)
    assert cheap is not None and dear is not None
    ratio = dear.mult_adds / cheap.mult_adds
    assert ratio == pytest.approx((384 / 300) ** 2, rel=0.05)
    assert dear.params == cheap.params


def test_the_papers_table_2_lies_within_six_percent() -> None:
    rows = [row for row in paper_table(2) if row.model.startswith("EfficientNet-B")]
    assert len(rows) == 8
    for row in rows:
        cost = price(one(source="paper", published_as=row.model, recipe="paper"))
        assert cost is not None
        assert cost.params / 1e6 == pytest.approx(row.params_m, rel=0.06)
        assert cost.mult_adds / 1e9 == pytest.approx(row.mult_adds_b, rel=0.06)


def test_what_the_source_says_of_cost_is_marked_as_the_sources() -> None:
    resnet = one(
        published_as="resnet50", recipe="a1_in1k", test_resolution=224, test_set="imagenet"
    )
    cost = published_cost(resnet)
    assert cost is not None
    assert (cost.params_m, cost.mult_adds_b, cost.activations_m) == (25.56, 4.11, 11.11)
    assert "batch-norm" in cost.convention
    assert price(resnet) is None


def test_speeds_are_looked_up_by_network_and_resolution_in_the_records_own_source() -> None:
    b0 = one(published_as="efficientnet_b0", recipe="ra_in1k", test_set="imagenet")
    assert speed(b0, "rtx4090_amp") == 8794.71
    assert speed(b0, "i7_12700h_fp32_compiled") == 10.662
    assert speed(b0, "xeon_e5_2690_one_core") is None
    h_b5 = results(family="EfficientNet, modified", test_set="imagenet")
    assert {speed(r, "i9_10940x_fp32_compiled") for r in h_b5 if "_h_b5" in r.published_as} == {
        None
    }
    paper_b7 = one(source="paper", published_as="EfficientNet-B7", recipe="paper")
    assert speed(paper_b7, "xeon_e5_2690_one_core") == 3100
    with pytest.raises(InvalidInput, match="rtx4090_amp"):
        speed(b0, "abacus")
    for benchmark in benchmarks():
        assert any(speed(result, benchmark) for result in results())


# --- Pareto front -----------------------------------------------------------------------------


def test_a_front_worked_out_by_hand() -> None:
    points = [(3, 80), (1, 70), (2, 69), (2, 75), (3, 80), (4, 80), (5, 90)]
    assert pareto_front(points) == (1, 3, 0, 4, 6)
    assert pareto_front([]) == ()


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=25))
def test_the_front_is_exactly_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    def beaten(point: tuple[int, int]) -> bool:
        return any(
            other != point and other[0] <= point[0] and other[1] >= point[1] for other in points
        )

    front = pareto_front(points)
    assert set(front) == {i for i, point in enumerate(points) if not beaten(point)}
    assert [points[i] for i in front] == sorted(points[i] for i in front)


# --- the page of differences ------------------------------------------------------------------


def test_the_page_of_differences_is_what_this_code_computes() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert page == script("write_differences")["page"]()


def test_table_7_costs_what_counting_says() -> None:
    table_7_cost = script("write_differences")["table_7_cost"]
    exact = {row.scaling: table_7_cost(row.scaling)[1].mult_adds / 1e9 for row in paper_table(7)}
    assert round(exact["depth d=4"], 2) == 1.58
    assert round(exact["width w=2"], 2) == 1.45
    assert round(exact["resolution r=2"], 2) == 1.54
