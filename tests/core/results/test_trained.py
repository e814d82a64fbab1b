from __future__ import annotations

import copy
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from effnet_core.architecture.names import scaled
from effnet_core.attribution.scores import CENTRE_GAUSSIAN, RANDOM_MAP, Estimate, MapScores
from effnet_core.cost.report import summarize
from effnet_core.errors import InvalidInput
from effnet_core.results.seeds import grouped
from effnet_core.results.trained import (
    BesideControls,
    MeasuredRun,
    beside_controls,
    measured_maps,
    measured_runs,
    packaged_maps,
    read_maps,
    read_run,
)
from effnet_core.results.verdict import EQUAL_COST, duel_verdict
from effnet_core.training.family.duel import duel
from effnet_core.training.recipe import Recipe
from effnet_core.weights.packaged import packaged_weights

ROOT = Path(__file__).resolve().parents[3]
REAL = json.loads((ROOT / "assets/measured/runs/tiny100-phi-4.json").read_text(encoding="utf-8"))
FOUR = ("depth", "width", "resolution", "compound")


def record(identity: str, top1: float = 0.5, **changes: Any) -> dict[str, Any]:
    """A record of the form that is bundled; `changes` replace its fields."""
    found = copy.deepcopy(REAL) | {"id": identity, **changes}
    found.pop("seal", None)  # of the record as it was
    if found["validation"] is not None:
        found["validation"] |= {"top1": top1, "photos": changes.get("photos", 5000)}
    found["recipe"] |= {"seed": found["seed"]}
    return found


def write(folder: Path, *records: dict[str, Any]) -> Path:
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    for one in records:
        (folder / "runs" / f"{one['id']}.json").write_text(json.dumps(one), encoding="utf-8")
    return folder


def contender(strategy: str, top1: float, seed: int = 0, **changes: Any) -> dict[str, Any]:
    return record(
        f"{strategy}-{seed}",
        top1,
        **({"group": "duel", "strategy": strategy, "base_phi": -2.0, "seed": seed} | changes),
    )


def runs_of(*records: dict[str, Any]) -> tuple[MeasuredRun, ...]:
    with TemporaryDirectory() as folder:
        write(Path(folder), *records)
        return tuple(read_run(Path(folder) / "runs" / f"{one['id']}.json") for one in records)


def test_what_is_bundled_is_read_with_its_exact_cost() -> None:
    runs, maps = measured_runs(), measured_maps()
    run = next(run for run in runs if run.id == "tiny100-phi-4")
    assert run.cost == summarize(run.spec) and run.cost.mult_adds == 18_670_976
    assert (run.group, run.phi, run.spec.num_classes) == ("family", -4.0, 100)
    assert run.validation is not None and run.validation.top1 == REAL["validation"]["top1"]
    assert json.loads(run.text) == REAL
    assert Recipe.from_dict(dict(run.recipe)).epochs == len(run.curve)
    assert {one.run for one in maps} <= {run.id for run in runs}
    for one in maps:
        subjects = {row.subject for row in one.rows}
        assert {one.method, "random map", "centre Gaussian"} == subjects
        grids = {(row.stage, row.grid) for row in one.rows if not row.control}
        assert grids == {(r.stage, r.grid) for r in one.rows if r.subject == "random map"}


def test_a_run_without_held_out_photos_has_no_accuracy_on_them() -> None:
    (run,) = runs_of(record("one", held_out={"top1": None, "top5": None}))
    assert run.held_out.top1 is None is run.held_out.top5


def test_a_missing_folder_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured_runs(tmp_path / "none") == () and measured_maps(tmp_path / "none") == ()

    def missing(path: str) -> Path:
        raise FileNotFoundError(path)

    monkeypatch.setattr("effnet_core.results.trained.asset", missing)
    assert measured_runs() == () and measured_maps() == ()
    assert duel_verdict(()) is None and grouped(()) == ()


def test_runs_are_sorted_by_group_and_cost(tmp_path: Path) -> None:
    large = json.loads(scaled(-2.0, num_classes=100).to_json())
    folder = write(
        tmp_path,
        record("a", group="ablation"),
        record("b", spec=large),
        record("c"),
        contender("depth", 0.5),
    )
    assert [run.id for run in measured_runs(folder)] == ["c", "b", "depth-0", "a"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda r: r.pop("curve"), "lacks 'curve'"),
        (lambda r: r["validation"].update(top1=48.4), "from 0 to 1"),
        (lambda r: r["validation"].update(photos=0), "no photo"),
        (lambda r: r.update(seconds=math.nan), "finite"),
        (lambda r: r.update(seconds=10**400), "too large"),
        (lambda r: r.update(seed=-1), "whole number"),
        (lambda r: r.update(seed=True), "whole number"),
        (lambda r: r.update(group="friends"), "family, duel, ablation"),
        (lambda r: r.update(strategy="luck"), "compound, depth, width, resolution"),
        (lambda r: r["held_out"].pop("top1"), "lacks 'top1'"),
        (lambda r: r.update(device=""), "a text"),
        (lambda r: r.update(spec={}), "format"),
        (lambda r: r["spec"]["blocks"][0].update(in_channels=5), "does not follow"),
        (lambda r: r.update(data=[]), "damaged"),
        (lambda r: r.update(curve=[7]), "damaged"),
        (lambda r: r.update(weights="file"), "damaged"),
        (lambda r: r.update(id="another"), "its id is 'another'"),
    ],
)
def test_a_damaged_record_is_named(
    tmp_path: Path, damage: Callable[[dict[str, Any]], object], told: str
) -> None:
    values = record("one")
    damage(values)
    path = write(tmp_path, record("one")) / "runs" / "one.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        measured_runs(tmp_path)
    assert str(path) in str(error.value) and told in str(error.value)
    assert str(error.value).endswith("restore or remove it.")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_record_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    for read in (read_run, read_maps):
        with pytest.raises(InvalidInput, match=r"x\.json is damaged"):
            read(path)


def test_map_scores_are_read_as_scoring_writes_them(tmp_path: Path) -> None:
    estimate = Estimate(0.25, None)
    names = ("pointing", "energy", "insertion", "deletion", "average_drop", "increase")
    row = MapScores(
        subject="grad-cam", stage=8, grid=(3, 2), photos=1, target="label", steps=12,
        **dict.fromkeys(names, estimate), box_share=estimate, confidence=estimate, seconds=0.1,
    )  # fmt: skip
    told = {"run": "one", "method": "grad-cam", "photos": 1, "seed": 0, "date": "2026-01-02"}
    path = tmp_path / "one.json"
    path.write_text(json.dumps({**told, "rows": [row.to_dict()]}), encoding="utf-8")
    maps = read_maps(path)
    (found,) = maps.rows
    assert beside_controls(maps) == (BesideControls(found=found, random=None, centre=None),)
    assert (found.grid, found.stage, found.control) == ((3, 2), 8, False)
    assert (found.pointing.mean, found.pointing.standard_error) == (0.25, None)
    path.rename(tmp_path / "two.json")
    with pytest.raises(InvalidInput, match="its run is 'one'"):
        read_maps(tmp_path / "two.json")


def test_maps_stand_beside_the_controls_of_their_own_grid() -> None:
    pairs = beside_controls(read_maps(ROOT / "assets/measured/maps/tiny100-phi-4.json"))
    assert [(one.found.subject, one.found.grid) for one in pairs] == [
        ("grad-cam", (3, 3)),
        ("grad-cam", (5, 5)),
    ]
    for one in pairs:
        assert one.random is not None and one.centre is not None
        assert (one.random.subject, one.random.grid) == (RANDOM_MAP, one.found.grid)
        assert (one.centre.subject, one.centre.grid) == (CENTRE_GAUSSIAN, (72, 72))


@given(some.lists(some.floats(0, 1), min_size=1, max_size=6))
def test_seeds_make_one_point_with_mean_and_spread(tops: list[float]) -> None:
    (one,) = grouped(runs_of(*(record(f"s{i}", top, seed=i) for i, top in enumerate(tops))))
    assert len(one.runs) == len(tops)
    assert one.mean_top1 == pytest.approx(sum(tops) / len(tops))
    assert one.seed_range == (min(tops), max(tops))
    if len(tops) == 1:
        assert one.spread is None
    else:
        assert one.spread == pytest.approx(statistics.stdev(tops))


def test_only_runs_that_differ_in_their_seed_alone_are_averaged() -> None:
    other = {**REAL["recipe"], "epochs": 100}
    quick = {**REAL["recipe"], "compiled": True, "micro_batches": 4}
    started: dict[str, Any] = {"from": {"id": "v2-b0", "origin": "published", "sha256": "0"}}
    records = (
        record("a"),
        record("b", seed=1, recipe=quick),
        record("c", seed=1, recipe=other),
        record("d", seed=1, group="ablation"),
        record("e", seed=1, phi=-3.0),
        record("f", seed=1, spec=json.loads(scaled(-3.0, num_classes=100).to_json())),
        record("g", seed=1, **started),
        record("h", validation=None),
        record("i", seed=1, data={**REAL["data"], "name": "other photos"}),
        record("j", seed=1, photos=4000),
    )
    groups = [[run.id for run in one.runs] for one in grouped(runs_of(*records))]
    assert groups == [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"], ["i"], ["j"]]


def test_no_verdict_before_all_four_are_validated() -> None:
    four = [contender(name, 0.5) for name in FOUR]
    for left_out in range(4):
        assert duel_verdict(runs_of(*four[:left_out], *four[left_out + 1 :])) is None
        waiting = [dict(one) for one in four]
        waiting[left_out]["validation"] = None
        assert duel_verdict(runs_of(*waiting)) is None
    assert duel_verdict(runs_of(*(record(name, strategy=name) for name in FOUR))) is None
    other = contender("compound", 0.9, recipe={**REAL["recipe"], "epochs": 7})
    assert duel_verdict(runs_of(*four[:3], other)) is None, "another recipe is another duel"
    assert duel_verdict(runs_of(*four)) is not None


def test_verdict_by_hand() -> None:
    tops = {
        "depth": (0.60, 0.62), "width": (0.50, 0.52),
        "resolution": (0.40, 0.42), "compound": (0.70, 0.74),
    }  # fmt: skip
    records = [
        contender(k, t, seed, photos=400) for k, v in tops.items() for seed, t in enumerate(v)
    ]
    found = duel_verdict(runs_of(*records))
    assert found is not None and found.won and found.equal_cost and found.cost_gap == 0
    assert [one.strategy for one in found.rivals] == ["depth", "width", "resolution"]
    assert found.margin == pytest.approx(0.72 - 0.61)
    assert found.spread == pytest.approx(0.04 / math.sqrt(2))
    assert found.photo_error == pytest.approx(math.sqrt((0.72 * 0.28 + 0.61 * 0.39) / 400))
    assert found.clear
    assert found.headline == "Compound scaling won the duel: 11.00 points ahead of depth only."
    assert "seeds spread by 2.83 points" in found.details and "φ = −2" in found.details


def test_a_lost_duel_is_told_as_lost() -> None:
    records = [contender(name, 0.66 if name == "width" else 0.65) for name in FOUR]
    found = duel_verdict(runs_of(*records))
    assert found is not None and found.won is False and not found.clear and found.spread is None
    assert found.headline.startswith("Compound scaling did not win") and "width" in found.headline
    assert "1.00 points behind" in found.headline and "chance" in found.details
    level = duel_verdict(runs_of(*(contender(name, 0.5) for name in FOUR)))
    assert level is not None and level.won is False and "level" in level.headline


def test_a_lead_that_chance_could_make_is_no_victory() -> None:
    records = [contender(name, 0.66 if name == "compound" else 0.65) for name in FOUR]
    found = duel_verdict(runs_of(*records))
    # √(0.66·0.34/5000 + 0.65·0.35/5000) = 0.0095: a lead of 0.01 is not twice that
    assert found is not None and found.won and not found.clear
    assert found.headline.startswith("Compound scaling leads in the duel by what may be chance")


def test_at_unequal_cost_nobody_wins() -> None:
    dear = json.loads(scaled(-3.0, num_classes=100).to_json())
    records = [contender(name, 0.5) for name in FOUR[:3]] + [contender("compound", 0.9, spec=dear)]
    found = duel_verdict(runs_of(*records))
    assert found is not None and found.won is None and found.cost_gap > EQUAL_COST
    assert "nobody won" in found.headline


@given(some.lists(some.floats(0, 1), min_size=4, max_size=4), some.booleans())
def test_the_verdict_follows_the_numbers(tops: list[float], two_seeds: bool) -> None:
    records = [contender(name, top) for name, top in zip(FOUR, tops, strict=True)]
    if two_seeds:
        records.append(contender("compound", tops[3], seed=1))
    found = duel_verdict(runs_of(*records))
    assert found is not None
    assert found.won == (tops[3] > max(tops[:3]))
    assert found.margin == pytest.approx(tops[3] - max(tops[:3]))
    assert found.spread is None
    assert ("did not" in found.headline) == (not found.won)


def test_the_duel_in_the_run_list_counts_as_fought_at_equal_cost() -> None:
    costs = [one.mult_adds for one in duel().contenders]
    assert max(costs) / min(costs) - 1 <= EQUAL_COST


def test_results_trained(
    effnet: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = effnet("results", "--trained")
    assert real.code == 0 and "tiny100-phi-4" in real.out and "centre Gaussian" in real.out
    assert "not to be compared with accuracies on ImageNet" in real.out
    assert effnet("results", "--trained", "--source", "timm").code == 2
    folder = tmp_path / "measured"
    monkeypatch.setattr("effnet_core.results.trained.asset", lambda path: folder)
    assert "no network that was trained here" in effnet("results", "--trained").out
    write(folder, *(contender(name, 0.66 if name == "width" else 0.65) for name in FOUR))
    assert "did not win the duel" in effnet("results", "--trained").out
    told = effnet("results", "--trained", "--json").json
    assert told["duel"]["won"] is False and told["duel"]["margin"] == pytest.approx(-0.01)
    assert told["maps"] == [] and len(told["runs"]) == 4
    assert told["runs"][0]["cost"]["mult_adds"] == 18_670_976
    assert told["runs"][0]["validation"]["top5"] == REAL["validation"]["top5"]


def test_the_stage_that_explain_begins_with_beats_a_random_map_on_every_packaged_network() -> None:
    found = packaged_maps()
    assert sorted(found) == [each.id for each in packaged_weights()]
    for maps in found.values():
        assert maps.found.photos == 500 and maps.random is not None
        points, random = maps.found.pointing, maps.random.pointing
        assert points.standard_error is not None and random.standard_error is not None
        apart = (points.standard_error**2 + random.standard_error**2) ** 0.5
        assert points.mean - random.mean > 5 * apart
