"""What must not change: values written down before the code that gives them was rearranged.

`python -m tests.core.test_golden` writes `tests/golden/` anew from the code as it is: only where
a value is meant to change, and the difference is read line by line.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effnet_core.architecture.families import FAMILIES, PUBLISHED
from effnet_core.architecture.names import VARIANTS, scaled, variant
from effnet_core.architecture.rounding import ROUNDINGS, Rounding
from effnet_core.architecture.scaling import STRATEGIES, ScalingCoefficients, ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.cost.report import analyze, summarize
from effnet_core.latency import terms
from effnet_core.weights.key_names import Style, module_names

GOLDEN = Path(__file__).parents[1] / "golden"
LISTED: tuple[dict[str, Any], ...] = (
    {"variant": "b0"},
    {"variant": "b3", "resolution": 301},
    {"variant": "b7"},
    {"variant": "lite0"},
    {"variant": "lite4"},
    {"variant": "v2-b0"},
    {"variant": "v2-b3", "resolution": 251},
    {"variant": "v2-s"},
    {"phi": -4.0},
    {"phi": 1.5, "strategy": "width", "repeats": "nearest", "num_classes": 7},
)
STYLES: tuple[Style, ...] = ("own", "torchvision", "timm", "lukemelas")
KEYED = ("b0", "b1", "lite1", "v2-b1", "v2-s")


def network(how: dict[str, Any]) -> ArchitectureSpec:
    """The network that a golden row names."""
    held = dict(how)
    if "variant" in held:
        return variant(held.pop("variant"), **held)
    if "rule" in held:
        held["rule"] = ScalingRule(*held["rule"])
    if "phi" in held:
        return scaled(held.pop("phi"), **held)
    baseline = next(each for each in FAMILIES if each.key == held["family"])
    coefficients = ScalingCoefficients(held["depth"], held["width"], held["resolution"], 0.2)
    repeats: Rounding = held["repeats"]
    classes = held["num_classes"]
    return expand(baseline, coefficients, name="drawn", repeats=repeats, num_classes=classes)


def drawn() -> list[dict[str, Any]]:
    """300 networks: every variant, the formula's of every strategy, every family at odd sizes."""
    chance = random.Random(2024)
    rows: list[dict[str, Any]] = [{"variant": name} for name in VARIANTS]
    while len(rows) < 60:
        name = chance.choice(VARIANTS)
        rows.append({"variant": name, "resolution": chance.randint(32, 700)})
    while len(rows) < 180:
        how: dict[str, Any] = {
            "phi": round(chance.uniform(-6, 4), 2),
            "strategy": chance.choice(STRATEGIES),
            "repeats": chance.choice(ROUNDINGS),
        }
        if chance.random() < 0.3:
            how["rule"] = [round(chance.uniform(0.8, 1.5), 3) for _ in range(3)]
        if chance.random() < 0.3:
            how |= {"base_resolution": chance.randint(64, 300), "exact_pixels": True}
        if chance.random() < 0.3:
            how |= {"resolution": chance.randint(32, 400), "num_classes": chance.randint(1, 3000)}
        try:
            network(how)
        except ValueError:
            continue
        rows.append(how)
    while len(rows) < 300:
        rows.append(
            {
                "family": chance.choice(FAMILIES).key,
                "depth": round(chance.uniform(0.3, 3), 3),
                "width": round(chance.uniform(0.2, 2.5), 3),
                "resolution": chance.randint(32, 500),
                "repeats": chance.choice(ROUNDINGS),
                "num_classes": chance.randint(1, 1500),
            }
        )
    return rows


def totals(spec: ArchitectureSpec) -> list[Any]:
    """Everything that is counted of a network as a whole."""
    found, batch = summarize(spec), summarize(spec, batch=3, dtype="float16")
    counts = found.fvcore
    return [
        found.blocks,
        spec.resolution,
        found.params,
        found.mult_adds,
        found.activations,
        counts.conv,
        counts.linear,
        counts.batch_norm,
        counts.adaptive_avg_pool2d,
        found.weight_bytes,
        found.peak_activation_bytes,
        found.peak_at,
        batch.weight_bytes,
        batch.peak_activation_bytes,
    ]


def layers(spec: ArchitectureSpec) -> list[list[Any]]:
    """Every layer of a network."""
    return [
        [
            layer.name,
            layer.stage,
            layer.block,
            layer.role,
            layer.kind,
            list(layer.out_shape),
            layer.params,
            layer.mult_adds,
            layer.other_ops,
            layer.activations,
            layer.buffers,
        ]
        for layer in analyze(spec).layers
    ]


def parts(spec: ArchitectureSpec) -> list[list[Any]]:
    """Every stage and every part of a network."""
    report = analyze(spec)
    stages = [
        [
            s.title,
            s.operator,
            s.repeats,
            list(s.out_shape),
            s.params,
            s.mult_adds,
            s.activations,
            s.receptive_field,
        ]
        for s in report.stages
    ]
    blocks = [
        [
            p.stage,
            p.block,
            list(p.out_shape),
            p.params,
            p.mult_adds,
            p.activations,
            p.peak_activation_bytes,
        ]
        for p in report.parts
    ]
    return stages + blocks


def keys(name: str, style: Style) -> list[list[str]] | None:
    """Each module's name in a style and here; None where the style has no such network."""
    if style == "lukemelas" and name.startswith("v2"):
        return None
    return [list(pair) for pair in module_names(variant(name), style).items()]


def answers() -> dict[str, Any]:
    """What the bundled model says of the samples, and where it looked."""
    from effnet_core.attribution import attribute
    from effnet_core.engines.predictor import Predictor
    from effnet_core.images import decode
    from effnet_core.images.samples import load_sample, sample_images
    from effnet_core.weights import WeightsStore, resolve_weights

    predictor = Predictor(resolve_weights("tiny100-phi-4", WeightsStore()))
    found = {}
    for sample in sample_images():
        said = predictor.predict(decode(load_sample(sample.name)))
        inputs = predictor.inputs(said.pixels)
        best = said.top[0].index
        mapped = attribute(predictor, inputs, class_index=best, method="grad-cam")
        found[sample.name] = {
            "engine": said.engine.split()[0],
            "crop": list(said.crop_box),
            "top": [[each.index, each.label, each.probability] for each in said.top],
            "stage": mapped.stage,
            "map": mapped.raw.tolist(),
        }
    return found


def read(name: str) -> Any:
    """What was written down."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("part", range(4))
def test_totals_of_300_networks(part: int) -> None:
    rows = read("totals")
    assert len(rows) == 300
    for how, expected in rows[part::4]:
        assert totals(network(how)) == expected, how


@pytest.mark.parametrize("place", range(len(LISTED)))
def test_layers_parts_and_terms_of_ten_networks(place: int) -> None:
    how, expected = read("layers")[place]
    spec = network(how)
    assert layers(spec) == expected["layers"]
    assert parts(spec) == expected["parts"]
    assert [int(amount) for amount in terms(spec)] == expected["terms"]


@pytest.mark.parametrize("place", range(5))
def test_networks_as_json(place: int) -> None:
    how, expected = read("specs")[place]
    spec = network(how)
    assert json.loads(spec.to_json()) == expected
    assert ArchitectureSpec.from_json(json.dumps(expected)) == spec


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("style", STYLES)
def test_keys_of_every_checkpoint_style(name: str, style: Style) -> None:
    expected = read("keys")[name][style]
    if expected is not None:
        assert keys(name, style) == expected


def test_answers_maps_and_engine_of_the_bundled_model() -> None:
    expected, found = read("bundled"), answers()
    assert found.keys() == expected.keys()
    for sample, said in found.items():
        before = expected[sample]
        for exact in ("engine", "crop", "stage"):
            assert said[exact] == before[exact], sample
        assert [row[:2] for row in said["top"]] == [row[:2] for row in before["top"]]
        chances = [row[2] for row in said["top"]], [row[2] for row in before["top"]]
        np.testing.assert_allclose(*chances, atol=1e-5)
        largest = np.abs(before["map"]).max()
        np.testing.assert_allclose(said["map"], before["map"], atol=1e-4 * largest)


def write() -> None:
    """Write every file of golden data from the code as it is."""
    listed = [(how, network(how)) for how in LISTED]
    files: dict[str, Any] = {
        "totals": [[how, totals(network(how))] for how in drawn()],
        "layers": [
            [how, {"layers": layers(s), "parts": parts(s), "terms": [int(t) for t in terms(s)]}]
            for how, s in listed
        ],
        "specs": [[how, json.loads(spec.to_json())] for how, spec in listed[3:8]],
        "keys": {name: {style: keys(name, style) for style in STYLES} for name in KEYED},
        "bundled": answers(),
    }
    assert set(PUBLISHED) < set(VARIANTS)
    for name, value in files.items():
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        (GOLDEN / f"{name}.json").write_text(text.replace("]],[[", "]],\n[[") + "\n", "utf-8")


if __name__ == "__main__":
    write()
