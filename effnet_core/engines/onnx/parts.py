"""What every part of a network reads and puts out for one picture, by one pass of ONNX Runtime.

A part is the stem, a block or the head, as in `architecture.walk`. This module needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.cores import CORES, behind, is_heavy
from effnet_core.engines.onnx.graph import Writer
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import Tensors

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PartMaps:
    """The feature maps between a network's n parts, read-only float32.

    `maps` are n + 1, (C, h, w) each: part i reads `maps[i]`, the first of which is the normalised
    input, and puts out `maps[i + 1]`. `means` are n: the channels' means (C,) from which part i's
    squeeze-and-excitation makes its gates, None where it has none.
    """

    maps: tuple[Array, ...] = field(repr=False)
    means: tuple[Array | None, ...] = field(repr=False)

    def __post_init__(self) -> None:
        for array in (*self.maps, *self.means):
            if array is not None:
                array.flags.writeable = False

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in (*self.maps, *self.means) if array is not None)


def part_maps(spec: ArchitectureSpec, tensors: Tensors, inputs: Array) -> PartMaps:
    """Run one normalised picture (1, 3, R, R) through a graph that puts out every feature map.

    R is the spec's resolution. `tensors` are as for `whole_graph`, and the graph is let go of
    afterwards. Raises what `whole_graph` raises.
    """
    writer = Writer(spec, tensors)
    stem, *_, head = writer.stages()
    places = [f"stages.{block.stage}.{block.index}" for block in spec.blocks]
    squeezing = [f"{place}.squeeze_excite" for place in places]
    outputs = [stem.output, *(writer.places[place] for place in places), head.output]
    means = [writer.places[place] for place in squeezing if place in writer.places]
    graph = writer.file({value: f"of_{value}" for value in (*outputs, *means)})

    def run() -> tuple[Array, ...]:
        # Copies, as `OnnxEngine.forward` makes them.
        return tuple(array.copy() for array in OnnxSession(graph).run(inputs))

    if is_heavy(spec):
        arrays = behind(run)
    else:
        with CORES.alone():
            arrays = run()
    found = iter([array[0] for array in arrays])
    maps = [next(found) for _ in outputs]
    by_block = [next(found)[:, 0, 0] if place in writer.places else None for place in squeezing]
    return PartMaps((inputs[0].copy(), *maps), (None, *by_block, None))
