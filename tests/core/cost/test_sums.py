"""What parts cost in all is what their layers cost, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from effnet_core.architecture.families import Padding
from effnet_core.architecture.names import VARIANTS, variant
from effnet_core.architecture.spec import ArchitectureSpec, BlockSpec
from effnet_core.cost.layers import LayerCost, block_layers, halved, head_layers, stem_layers
from effnet_core.cost.sums import PartSums, block_sums, head_sums, stem_sums, total

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


def agree(sums: PartSums, layers: Sequence[LayerCost]) -> None:
    found = sums._asdict()
    del found["peak"], found["peak_at"]
    assert found == counted(layers)
    assert sums.peak_at in {layer.name for layer in layers}
    # A layer's output is alive while it runs, so no peak is below the largest.
    assert sums.peak >= max(c * h * w for c, h, w in (layer.out_shape for layer in layers))


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
    agree(block_sums(block, padding, side), block_layers(block, side))


@given(
    name=st.sampled_from(sorted(VARIANTS)),
    classes=st.integers(1, 2000),
    side=st.integers(32, 600),
)
def test_the_ends_sums_are_their_layers(name: str, classes: int, side: int) -> None:
    spec: ArchitectureSpec = replace(variant(name), num_classes=classes)
    agree(stem_sums(spec, side), stem_layers(spec, side))
    agree(head_sums(spec, halved(side)), head_layers(spec, halved(side)))


def test_the_total_adds_all_but_the_peak() -> None:
    parts = [
        PartSums(1, 2, 3, 4, 5, 6, 7, 8, 9, "one"),
        PartSums(10, 20, 30, 40, 50, 60, 70, 80, 90, "two"),
    ]
    assert total(parts) == PartSums(11, 22, 33, 44, 55, 66, 77, 88, 90, "two")
