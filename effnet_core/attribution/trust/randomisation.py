"""Cascading randomisation: does a map change when what the network has learnt is taken away?

Adebayo et al. 2018, Sanity Checks for Saliency Maps (arXiv 1810.03292, section 3): the layers are
drawn anew from the classifier down, and each network's map is compared with the trained one's by
Spearman's rank correlation. A map that does not change does not depend on the weights; the reverse
says little, since a map may change and still be wrong.

What is drawn anew: the weights and biases of every convolution, squeeze-and-excitation and the
classifier, normal with variance 1 / fan-in (`random_tensors`). Their batch-norm gets scale 1, shift
0 and the statistics of its own input on this very picture: with trained statistics, which belong to
other weights, or fresh ones, which normalise nothing, activations would shrink or grow from layer
to layer (see `reference`), and the map would change because the signal is lost. Layers below keep
what they learnt. Deviations from the paper: steps of two stages, and one drawing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx.statistics import with_statistics
from effnet_core.engines.onnx.tensors import Tensors, random_tensors

SEED = 0
STAGES_A_STEP = 2


def cascade(
    spec: ArchitectureSpec, tensors: Tensors, picture: npt.NDArray[np.float32]
) -> Iterator[tuple[str, Tensors]]:
    """Each step's name for people and its network, from the classifier alone to every layer.

    `picture` is the network's input, normalised (3, R, R). `tensors` are the trained ones, by the
    names of `EfficientNet.state_dict()`; they are never changed.
    """
    drawn = random_tensors(spec, SEED)
    for lowest in _lowest(spec.stage_count):
        names = {name for name in drawn if _stage(name, spec.stage_count) >= lowest}
        mixed = {name: drawn[name] if name in names else tensors[name] for name in drawn}
        yield _title(lowest, spec.stage_count), with_statistics(spec, mixed, names, picture[None])


def _lowest(stage_count: int) -> Iterator[int]:
    """The lowest stage that each step draws anew; above the head, stage N + 1, the classifier."""
    yield stage_count + 2
    yield stage_count + 1
    yield from range(stage_count + 1 - STAGES_A_STEP, 0, -STAGES_A_STEP)
    yield 0


def _stage(name: str, stage_count: int) -> int:
    """The stage of a tensor, as `EfficientNet.prefix` counts; the classifier's is N + 2."""
    part, number, *_ = name.split(".")
    if part == "stages":
        return int(number)
    return {"stem": 0, "head": stage_count + 1, "classifier": stage_count + 2}[part]


def _title(lowest: int, stage_count: int) -> str:
    if lowest > stage_count:
        return "classifier" if lowest == stage_count + 2 else "and head convolution"
    return f"and stages down to {lowest}" if lowest else "and all the rest"
