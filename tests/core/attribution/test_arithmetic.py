"""The sums behind single cells against torch's own layers, and against arithmetic on paper."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from effnet_core.architecture.families import EDGE, LITE, V1, V2_BASE, V2_RW_S, V2_S
from effnet_core.architecture.family import Family, Padding
from effnet_core.architecture.scaling import ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec, expand
from effnet_core.attribution.arithmetic import cell_arithmetic, contributions, find_part
from effnet_core.attribution.cell import Cell, CellArithmetic, Sum
from effnet_core.engines.onnx.parts import PartMaps, part_maps
from effnet_core.engines.onnx.tensors import Tensors, random_tensors
from effnet_core.errors import InvalidInput
from effnet_core.network.build import build
from effnet_core.network.layers import Block, ConvNormAct, SqueezeExcite, activate
from effnet_core.network.model import EfficientNet

CELLS = 10_000
TOLERANCE = 1e-5
FAMILIES = (V1, LITE, V2_BASE, V2_S, EDGE, V2_RW_S)
SIDES: dict[Padding, int] = {"symmetric": 70, "same": 65}
"""An odd side and an even one that turns odd on the way down, so that both paddings meet both."""


def small(family: Family, padding: Padding) -> ArchitectureSpec:
    """A narrow network with every kind of block of the family."""
    coefficients = dataclasses.replace(
        ScalingRule().coefficients(0, exact_pixels=True), width=0.3, depth=0.5, resolution=64
    )
    spec = expand(family, coefficients, name=family.key, num_classes=5)
    return dataclasses.replace(spec, padding=padding, resolution=SIDES[padding])


@dataclass(frozen=True)
class Subject:
    """One network in torch, its tensors, and what its parts read of one picture."""

    spec: ArchitectureSpec
    tensors: Tensors
    model: EfficientNet
    maps: PartMaps

    def cells(self, generator: np.random.Generator, count: int) -> Iterator[Cell]:
        """Random cells of random parts; one in four touches the border."""
        blocks = [(0, None), *((b.stage, b.index) for b in self.spec.blocks)]
        blocks.append((self.spec.stage_count + 1, None))
        for number in generator.integers(0, len(blocks), count).tolist():
            channels, side, _ = self.maps.maps[number + 1].shape
            row, column = generator.integers(0, side, 2).tolist()
            if generator.random() < 0.25:
                row, column = generator.choice([0, side - 1], 2).tolist()
            yield Cell(
                stage=blocks[number][0],
                block=blocks[number][1],
                channel=int(generator.integers(channels)),
                row=row,
                column=column,
            )


@cache
def subject(family: Family, padding: Padding) -> Subject:
    spec = small(family, padding)
    tensors = random_tensors(spec, seed=7)
    model = build(spec)
    counters = {name: v for name, v in model.state_dict().items() if "num_batches" in name}
    model.load_state_dict(counters | {k: torch.from_numpy(v) for k, v in tensors.items()})
    shape = (1, 3, spec.resolution, spec.resolution)
    inputs = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    return Subject(spec, tensors, model.requires_grad_(False), part_maps(spec, tensors, inputs))


Layers = dict[str, tuple[Tensor, Tensor]]
"""Of each layer what its convolution put out and what the layer did, (C, h, w)."""


def torchs(model: EfficientNet, number: int, read: np.ndarray) -> Layers:
    """What torch's layers make of what the part `number` reads."""
    parts = [model.stem, *(b for s in model.stages for b in model.blocks(int(s))), model.head]
    part, x, found = parts[number], torch.tensor(read)[None], {}
    layers = part.named_children() if isinstance(part, Block) else [("", part)]
    for name, layer in layers:
        name = name or ("stem" if number == 0 else "head")
        if isinstance(layer, ConvNormAct):
            before = layer.conv(x)
            x = layer(x)
            found[name] = before[0], x[0]
        elif isinstance(layer, SqueezeExcite):
            reduced = layer.reduce(x.mean((2, 3), keepdim=True))
            hidden = activate(reduced.clone(), layer.activation)
            inner = layer.expand(hidden)
            found["reduce"], found["excite"] = (
                (reduced[0], hidden[0]),
                (inner[0], inner[0].sigmoid()),
            )
            x = layer(x)
            found["gate"] = x[0], x[0]
    if isinstance(part, Block) and part.skip:
        x = x + torch.tensor(read)
        found["shortcut"] = x[0], x[0]
    return found


def compared(one: Sum, cell: Cell, layers: Layers) -> None:
    """What a sum says before and after, against torch's layer at the same place."""
    row, column = (cell.row, cell.column) if one.role != "expand" else one.corner or (-1, -1)
    if one.role in ("reduce", "excite"):
        row, column = 0, 0
    before, after = (float(each[one.channel, row, column]) for each in layers[one.role])
    # A convolution's own sum; that of squeeze-and-excitation comes with its bias.
    total = one.total + (one.shift if one.role in ("reduce", "excite") else 0)
    assert close(total, before), (cell, one)
    assert close(one.output, after), (cell, one)


def close(found: float, expected: float) -> bool:
    """To 1e-5, of the value where that is above 1; `pytest.approx` would take half of the time."""
    return abs(found - expected) <= TOLERANCE * max(1, abs(expected))


@pytest.mark.parametrize("padding", SIDES)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.key)
def test_ten_thousand_cells_equal_the_networks_own(family: Family, padding: Padding) -> None:
    drawn = subject(family, padding)
    generator = np.random.default_rng(3)
    kinds: Counter[tuple[str, ...]] = Counter()
    known: dict[int, Layers] = {}
    for cell in drawn.cells(generator, CELLS // (len(FAMILIES) * len(SIDES))):
        number, _ = find_part(drawn.spec, cell.stage, cell.block)
        if number not in known:
            known[number] = torchs(drawn.model, number, drawn.maps.maps[number])
        found = cell_arithmetic(drawn.spec, drawn.tensors, drawn.maps, cell)
        assert close(found.value, found.network), cell
        for one in found.sums:
            compared(one, cell, known[number])
        kinds[tuple(one.role for one in found.sums)] += 1
    assert set(kinds) == expected_kinds(drawn.spec)


def expected_kinds(spec: ArchitectureSpec) -> set[tuple[str, ...]]:
    """The layers of every kind of part, as the block diagrams of the papers have them."""
    kinds: set[tuple[str, ...]] = {("stem",), ("head",)}
    for block in spec.blocks:
        gates = ("reduce", "excite", "gate") if block.squeeze_channels else ()
        if block.operator == "mbconv":
            layers = (*["expand"] * block.expands, "depthwise", *gates, "project")
        else:
            layers = ("fused", *["project"] * (block.expands or block.always_projects))
        kinds.add((*layers, *["shortcut"] * block.skip))
    return kinds


def test_every_kind_of_block_and_stride_is_among_them() -> None:
    blocks = [b for family in FAMILIES for b in small(family, "same").blocks]
    seen = {(b.operator, b.expands, b.squeeze_channels > 0, b.stride, b.skip) for b in blocks}
    assert {kind[:3] for kind in seen} == {
        ("mbconv", False, False),
        ("mbconv", False, True),
        ("mbconv", True, False),
        ("mbconv", True, True),
        ("fused_mbconv", False, False),
        ("fused_mbconv", True, False),
    }
    assert {kind[3:] for kind in seen} == {(1, True), (1, False), (2, False)}


def test_a_long_sum_adds_up_from_its_strongest_terms_and_the_rest() -> None:
    one = subject(V1, "symmetric")
    found = cell_arithmetic(
        one.spec, one.tensors, one.maps, Cell(stage=5, channel=2, row=1, column=2)
    )
    (project,) = [each for each in found.sums if each.role == "project"]
    terms, rest = project.strongest(6)
    assert len(terms) == 6 < len(project.values)
    assert sum(term.product for term in terms) + rest == pytest.approx(project.total, abs=1e-15)
    products = np.abs(project.values * project.weights).ravel()
    assert [abs(term.product) for term in terms] == sorted(products, reverse=True)[:6]
    every, nothing = project.strongest(10_000)
    assert len(every) == len(products)
    assert nothing == pytest.approx(0, abs=1e-14)


def test_each_sum_reads_what_the_one_before_put_out() -> None:
    one = subject(V1, "same")
    found = cell_arithmetic(
        one.spec, one.tensors, one.maps, Cell(stage=3, channel=1, row=0, column=0, block=0)
    )
    sums = {each.role: each for each in found.sums}
    ((pixel,), _) = sums["depthwise"].strongest(1)
    assert pixel.value == pytest.approx(sums["expand"].output, abs=1e-12)
    assert (pixel.channel, pixel.row, pixel.column) == (
        sums["expand"].channel,
        *(sums["expand"].corner or ()),
    )
    ((hidden,), _) = sums["excite"].strongest(1)
    assert hidden.value == pytest.approx(sums["reduce"].output, abs=1e-12)
    assert sums["gate"].values.ravel() == pytest.approx(sums["depthwise"].output, abs=1e-12)
    ((gated,), _) = sums["project"].strongest(1)
    assert gated.value == pytest.approx(sums["gate"].output, abs=1e-12)


def test_the_corner_of_a_stem_is_worked_out_on_paper() -> None:
    """Ones all over: 3×3 of three channels, of which a corner's window sees 2×2, so 12 of 27."""
    spec = small(V1, "symmetric")
    tensors = dict(random_tensors(spec, 0))
    tensors["stem.conv.weight"] = np.ones_like(tensors["stem.conv.weight"])
    for name, value in (("weight", 2), ("bias", -20), ("running_mean", 0), ("running_var", 1)):
        tensors[f"stem.norm.{name}"] = np.full_like(tensors[f"stem.norm.{name}"], value)
    spec = dataclasses.replace(spec, bn_eps=3.0)  # √(1 + 3) = 2, so the scale is 2 / 2
    inputs = np.ones((1, 3, spec.resolution, spec.resolution), np.float32)
    found = cell_arithmetic(
        spec, tensors, part_maps(spec, tensors, inputs), Cell(stage=0, channel=0, row=0, column=0)
    )
    (stem,) = found.sums
    assert (stem.total, stem.scale, stem.shift, stem.normalised) == (12, 1, -20, -8)
    assert stem.corner == (-1, -1)
    assert stem.inside.tolist() == [[False] * 3, [False, True, True], [False, True, True]]
    assert found.value == pytest.approx(-8 / (1 + np.exp(8)), abs=1e-15)  # SiLU
    terms, rest = stem.strongest(20)
    assert (len(terms), rest) == (12, 0)
    assert found.plane.shape == (35, 35)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"stage": 9}, "from 0 \\(stem\\) to 8"),
        ({"stage": -1}, "The stage must be"),
        ({"block": 7}, "Stage 4 has blocks 0 to"),
        ({"stage": 0, "block": 0}, "Stage 0 has no blocks"),
        ({"channel": 10_000}, "The channel of stage 4's feature map must be"),
        ({"row": -1}, "The row of stage 4's"),
        ({"column": 5}, "The column of stage 4's feature map must be a whole number from 0 to 4"),
    ],
)
def test_a_cell_that_is_not_there_gets_a_sentence(wrong: dict[str, int], sentence: str) -> None:
    one = subject(V1, "symmetric")
    right = {"stage": 4, "channel": 0, "row": 0, "column": 0}
    with pytest.raises(InvalidInput, match=sentence):
        cell_arithmetic(one.spec, one.tensors, one.maps, Cell(**(right | wrong)))


def test_channels_of_the_last_map_add_up_to_the_logit() -> None:
    one = subject(V1, "symmetric")
    features = one.maps.maps[-1]
    weights = one.tensors["classifier.weight"][3]
    positions = features[0].size
    found = contributions(
        features, np.broadcast_to((weights / positions)[:, None, None], features.shape)
    )
    logit = one.model.forward_head(torch.tensor(features)[None])[0, 3]
    total = found.sum() + one.tensors["classifier.bias"][3]
    assert total == pytest.approx(float(logit), abs=TOLERANCE)


def test_results_cannot_be_changed() -> None:
    one = subject(LITE, "symmetric")
    found: CellArithmetic = cell_arithmetic(
        one.spec, one.tensors, one.maps, Cell(stage=2, channel=0, row=0, column=0)
    )
    with pytest.raises(ValueError, match="read-only"):
        found.sums[0].values[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        one.maps.maps[3][0] = 1
