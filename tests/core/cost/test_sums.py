"""What parts cost in all is what their layers cost, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from effnet_core.architecture.family import Padding
from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.architecture.walk import Part, runs, walk
from effnet_core.cost.layers import LayerCost, layers
from effnet_core.cost.sums import Sums, sums, sums_of, total

CHANNELS = st.integers(1, 200)
BLOCKS = st.builds(
    BlockSpec,
    stage=st.just(1),
    index=st.just(0),
    operator=st.sampled_from(["mbconv", "fused_mbconv"]),
    kernel=st.sampled_from([3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    in_channels=CHANNELS,
    expanded_channels=CHANNELS,
    squeeze_channels=st.integers(0, 50),
    out_channels=CHANNELS,
    drop_path=st.just(0.0),
)


def counted(layers: Sequence[LayerCost]) -> dict[str, int]:
    """The sums that layers alone can give."""
    operations: Counter[str] = Counter()
    for layer in layers:
        operations[layer.kind] += layer.mult_adds + layer.other_ops
    return {
        "params": sum(layer.params for layer in layers),
        "conv": operations["conv"],
        "linear": operations["linear"],
        "batch_norm": operations["batch_norm"],
        "pooled": operations["adaptive_avg_pool2d"],
        "activations": sum(layer.activations for layer in layers),
        "buffers": sum(layer.buffers for layer in layers),
        "norms": sum(layer.kind == "batch_norm" for layer in layers),
    }


def agree(part: Part) -> None:
    found, counts = sums(part.steps), list(layers(part))
    expected = counted(counts)
    assert {name: getattr(found, name) for name in expected} == expected
    names = {layer.name for layer in counts}
    assert {part.prefix + step.peak_at for step in part.steps} <= names
    # A layer's output is alive while it runs, so no peak is below the largest.
    assert found.peak >= max(c * h * w for c, h, w in (layer.out_shape for layer in counts))


@given(
    block=BLOCKS,
    widened=st.booleans(),
    padding=st.sampled_from(["symmetric", "same"]),
    side=st.integers(1, 300),
)
def test_a_blocks_sums_are_its_layers(
    block: BlockSpec, widened: bool, padding: Padding, side: int
) -> None:
    if not widened:
        block = replace(block, expanded_channels=block.in_channels)
    spec = replace(variant("b0"), blocks=(block,), padding=padding)
    part = list(walk(spec, 2 * side))[1]
    agree(part)
    run = list(runs(spec, 2 * side))[1]
    assert sums_of(run.walked, *run.numbers) == sums(part.steps)


@given(
    name=st.sampled_from(sorted(VARIANTS)),
    classes=st.integers(1, 2000),
    side=st.integers(32, 600),
)
def test_the_ends_sums_are_their_layers(name: str, classes: int, side: int) -> None:
    spec: ArchitectureSpec = replace(variant(name), num_classes=classes)
    stem, *_, head = walk(spec, side)
    agree(stem)
    agree(head)


def test_the_total_adds_all_but_the_peak() -> None:
    parts = [Sums(1, 2, 3, 4, 5, 6, 7, 8, 9), Sums(10, 20, 30, 40, 50, 60, 70, 80, 90)]
    assert total(parts, [1, 1]) == Sums(11, 22, 33, 44, 55, 66, 77, 88, 90)
    assert total(parts, [2, 3]) == Sums(32, 64, 96, 128, 160, 192, 224, 256, 90)
