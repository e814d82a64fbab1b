"""Lists of runs: the project's own, and what is wrong with a list."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import analyze, summarize
from effnet_core.errors import InvalidInput
from effnet_core.training.family import runs as family
from effnet_core.training.family.plan import plan
from effnet_core.training.recipe import Recipe
from effnet_core.training.trainer import trained_spec

RECORDS = Path(__file__).resolve().parents[4] / "assets" / "measured" / "runs"
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NETWORK = {
    "name": "deeper",
    "strategy": "depth",
    "base_phi": -2,
    "phi": None,
    "depth": 2.0,
    "width": 0.8,
    "resolution": 96,
    "dropout": 0.1,
}
LIST: dict[str, Any] = {
    "format": "effnet-family/1",
    "name": "two",
    "base_resolution": 128,
    "num_classes": 100,
    "recipe": {"epochs": 8, "policy": "autoaugment"},
    "networks": {"deeper": NETWORK},
    "runs": [
        {"id": "small", "group": "family", "phi": -4, "always": True},
        {"id": "deep", "group": "duel", "network": "deeper", "seed": 2},
    ],
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes LIST, with other fields, as a file."""

    def write(**fields: Any) -> Path:
        path = tmp_path / "list.json"
        path.write_text(json.dumps({**LIST, **fields}), encoding="utf-8")
        return path

    return write


def with_run(**fields: Any) -> list[dict[str, Any]]:
    """The runs of LIST, the first with other fields; None takes one away."""
    run = {**LIST["runs"][0], **fields}
    return [{name: value for name, value in run.items() if value is not None}, LIST["runs"][1]]


def test_own_list_has_the_runs_in_their_order() -> None:
    own = family.read(family.list_path("device"))
    duel = ("tiny100-depth", "tiny100-width", "tiny100-resolution", "tiny100-compound")
    assert [run.id for run in own.runs] == [
        "tiny100-phi-4",
        "tiny100-phi0",
        *duel,
        *(f"tiny100-phi{phi}" for phi in (-2, -1, -3, 1)),
        *(f"{run}-seed{seed}" for seed in (1, 2) for run in duel),
        "tiny100-phi-2-no-stochastic-depth",
        "tiny100-phi-2-no-autoaugment",
        "tiny100-phi2",
        "tiny100-phi3",
    ]
    assert [run.id for run in own.runs if run.always] == ["tiny100-phi-4"]
    assert (own.base_resolution, own.num_classes, own.recipe.held_out) == (128, 100, 5000)
    for run in own.runs:
        seed = run.id[-1] if "-seed" in run.id else "0"
        assert (run.group == "duel") == (run.network is not None)
        assert run.seed == int(seed)
        if run.phi is not None:
            assert own.spec(run) == scaled(run.phi, base_resolution=128, num_classes=100)


def test_the_processors_list_has_seeds_for_the_duel_and_its_base_and_seed_0_first() -> None:
    own = family.read(family.list_path("processor"))
    assert (own.base_resolution, own.num_classes, len(own.runs)) == (64, 25, 20)
    assert all(run.always for run in own.runs)
    seeds: dict[object, list[int]] = {}
    for run in own.runs:
        if run.group != "ablation":
            kind = run.phi if run.network is None else run.strategy
            seeds.setdefault(kind, []).append(run.seed)
    three, one = [0, 1, 2], [0]
    assert seeds == {
        -4.5: three,
        **dict.fromkeys(("compound", "depth", "width", "resolution"), three),
        **dict.fromkeys((-4.0, -2.0, -1.0), one),
    }
    order = [run.seed for run in own.runs]
    assert order == sorted(order)
    costs = [summarize(own.spec(run)).mult_adds for run in own.runs if run.group == "duel"]
    assert max(costs) / min(costs) <= 1.03


def test_the_processors_classes_are_every_fourth_by_id() -> None:
    own, folder = family.read(family.list_path("processor")), RECORDS.parents[1] / "family"
    with (folder / "classes25.csv").open(encoding="utf-8", newline="") as file:
        assert tuple(row["wnid"] for row in csv.DictReader(file)) == own.class_ids
    assert list(own.class_ids) == sorted(own.class_ids) and len(set(own.class_ids)) == 25


def test_one_recipe_for_all_but_what_the_ablations_are_about() -> None:
    own = family.read(family.list_path("device"))
    for run in own.runs:
        recipe = dataclasses.replace(own.recipe_of(run, on_cpu=False), seed=own.recipe.seed)
        if run.group == "ablation":
            changed = {"drop_path": 0.0} if "depth" in run.id else {"policy": "none"}
            assert recipe == dataclasses.replace(own.recipe, **changed) != own.recipe
        else:
            assert recipe == own.recipe


@pytest.mark.parametrize("record", sorted(RECORDS.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_measured_is_what_the_list_says(record: Path) -> None:
    measured = json.loads(record.read_text(encoding="utf-8"))
    lists = map(family.read, sorted((RECORDS.parents[1] / "family").glob("*.json")))
    ((own, run),) = [(one, run) for one in lists for run in one.runs if run.id == measured["id"]]
    recipes = [own.recipe_of(run, on_cpu=on_cpu) for on_cpu in (False, True)]
    recipe = Recipe.from_dict(measured["recipe"])
    assert recipe in recipes
    spec = ArchitectureSpec.from_json(json.dumps(measured["spec"]))
    assert spec == trained_spec(own.spec(run), recipe)
    for name in ("group", "strategy", "phi", "base_phi", "seed", "name"):
        assert measured[name] == own.describe(run, on_cpu=True)[name]


def test_deviations_are_applied_on_their_device_alone(written: Callable[..., Path]) -> None:
    changes = {"recipe": {"epochs": 4}, "reason": "short"}
    on_cpu = {"recipe": {"epochs": 2, "policy": "none"}, "reason": "slow"}
    found = family.read(written(runs=with_run(changes=changes, on_cpu=on_cpu, seed=3)))
    run, other = found.runs
    base = Recipe(epochs=8, policy="autoaugment", seed=3)
    assert found.recipe_of(run, on_cpu=False) == dataclasses.replace(base, epochs=4)
    assert found.recipe_of(run, on_cpu=True) == dataclasses.replace(base, epochs=2, policy="none")
    assert found.recipe_of(other, on_cpu=True) == dataclasses.replace(base, seed=2)
    said = found.describe(run, on_cpu=True)
    assert [one["reason"] for one in said["deviations"]] == ["short", "slow"]
    assert found.describe(run, on_cpu=False)["deviations"] == [changes]


def test_a_stated_network_is_built_as_stated(written: Callable[..., Path]) -> None:
    found = family.read(written())
    spec = found.spec(found.runs[1])
    assert (spec.name, spec.depth, spec.width, spec.resolution) == ("deeper", 2.0, 0.8, 96)
    assert (spec.dropout, spec.phi, spec.num_classes) == (0.1, None, 100)
    said = found.describe(found.runs[1], on_cpu=True)
    assert (said["strategy"], said["base_phi"], said["phi"], said["seed"]) == (
        "depth",
        -2.0,
        None,
        2,
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"format": "x"}, 'says "format": "effnet-family/1"'),
        ({"more": 1}, "the list has an unknown field 'more'"),
        ({"runs": []}, "at least one run"),
        ({"class_ids": ["a"]}, "class_ids must be 100 different ones"),
        ({"classifier": "one"}, "classifier"),
        ({"runs": LIST["runs"] * 2}, "no two of one id"),
        ({"runs": with_run(id="../up")}, "a run's id is lower-case"),
        ({"runs": with_run(id="")}, "a run's id is lower-case"),
        ({"runs": with_run(network="deeper")}, "either phi or network"),
        ({"runs": with_run(phi=None)}, "either phi or network"),
        ({"runs": with_run(phi=None, network="wide")}, "names no network of the list: 'wide'"),
        ({"runs": with_run(phi=99)}, "φ must lie between"),
        ({"runs": with_run(group="x")}, "the group of small is one of family, duel, ablation"),
        ({"runs": with_run(seeds=1)}, "small has an unknown field 'seeds'"),
        ({"runs": with_run(seed=-1)}, "seed must lie"),
        ({"runs": with_run(seed="1")}, "seed must be a whole number"),
        ({"runs": with_run(changes={"recipe": {"epochs": 2}})}, "so it must say a reason"),
        ({"runs": with_run(changes={"recipe": {"epoch": 2}, "reason": "r"})}, "called 'epoch'"),
        (
            {"runs": with_run(changes={"recipe": {"policy": "autoaugment"}, "reason": "r"})},
            "small says it changes policy to 'autoaugment', which changes nothing",
        ),
        (
            {"runs": with_run(changes={"recipe": {"seed": 5}, "reason": "r"})},
            "changes seed to 5, which changes nothing",
        ),
        (
            {"runs": with_run(always=None, on_cpu={"recipe": {"epochs": 2}, "reason": "r"})},
            "so it must be trained always",
        ),
        ({"recipe": {"epochs": 0}}, "epochs must lie from 1"),
        ({"networks": {"deeper": {**NETWORK, "strategy": "up"}}}, "the strategy of deeper"),
        ({"networks": {"deeper": {**NETWORK, "dropout": 5}}}, "unusable value for dropout"),
        ({"networks": {"deeper": {**NETWORK, "depth": 1e9}}}, "the cap is 2,000 blocks"),
        ({"networks": {"deeper": {"name": "x"}}}, "is not a list of runs"),
        ({"networks": 3}, "is not a list of runs"),
        ({"runs": 3}, "is not a list of runs"),
        ({"num_classes": 0}, "from 1 to 1,000,000"),
    ],
)
def test_what_is_wrong_with_a_list_is_a_sentence(
    written: Callable[..., Path], fields: dict[str, Any], sentence: str
) -> None:
    path = written(**fields)
    with pytest.raises(InvalidInput) as caught:
        family.read(path)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("list.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff", b"[" * 100_000, b"{}"])
def test_what_is_no_list_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.json"):
        family.read(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        family.read(tmp_path / "absent.json")


def test_runs_are_chosen_in_the_order_of_the_list(written: Callable[..., Path]) -> None:
    found = family.read(written())
    assert found.chosen(None) == found.chosen(("deep", "small")) == found.runs
    assert [run.id for run in found.chosen(("deep",))] == ["deep"]
    with pytest.raises(InvalidInput, match="called 'wide'; it has small, deep"):
        found.chosen(("small", "wide"))


def test_plan_has_exact_costs_and_no_invented_duration(tmp_path: Path) -> None:
    own = family.read(family.list_path("device"))
    rows = plan(own, own.runs, CPU, out=tmp_path, photos=50_000, records=tmp_path)
    for run, row in zip(own.runs, rows, strict=True):
        report = analyze(own.spec(run))
        assert row.mult_adds == sum(layer.mult_adds for layer in report.layers)
        assert row.params == sum(layer.params for layer in report.layers)
        assert (row.resolution, row.blocks) == (report.resolution, len(report.spec.blocks))
        assert row.state == ("to do" if run.always else "needs CUDA")
        assert (row.photos_per_second, row.measured_on, row.seconds_left) == (None, None, None)
    small = rows[0]
    assert (small.resolution, small.blocks) == (72, 10)
    assert (small.mult_adds, small.params) == (18_670_976, 1_270_582)
    costs = [row.mult_adds for row in rows if row.group == "duel"]
    assert len(costs) == 12 and max(costs) <= 1.03 * min(costs)


def test_plan_says_what_each_device_would_do(tmp_path: Path) -> None:
    own = family.read(family.list_path("device"))
    assert {row.state for row in plan(own, own.runs, CUDA, records=tmp_path)} == {"to do"}
    here = plan(own, own.runs, CPU, every=True, records=tmp_path)
    assert {row.state for row in here} == {"to do"}
    assert here[0].epochs == own.recipe_of(own.runs[0], on_cpu=True).epochs
    there = plan(own, own.runs, CUDA, records=tmp_path)
    assert {row.epochs for row in there} == {own.recipe.epochs}


def test_plan_estimates_from_what_was_measured(
    tmp_path: Path, written: Callable[..., Path]
) -> None:
    recipe = {"epochs": 4, "batch": 30, "held_out": 20}
    found = family.read(written(recipe=recipe))
    record = {"photos_per_second": 50.0, "device": "Abacus"}
    (tmp_path / "small.json").write_text(json.dumps(record), encoding="utf-8")
    small, deep = plan(found, found.runs, CPU, photos=120, records=tmp_path)
    # 100 photos are 3 batches of 30, four times over.
    assert small.seconds_left == pytest.approx(4 * 90 / 50)
    assert (small.photos_per_second, small.measured_on) == (50.0, "Abacus")
    assert deep.seconds_left is deep.photos_per_second is None
    assert plan(found, found.runs, CPU, records=tmp_path)[0].seconds_left is None
    (tmp_path / "small.json").write_text("{", encoding="utf-8")
    assert plan(found, found.runs, CPU, photos=120, records=tmp_path)[0].seconds_left is None
