"""One network with fixed weights at several input sizes: what it says of a picture at each.

Convolutions and pooling take any size, so no weight changes. Accuracy is best near the size that a
network was trained for, and often a little above it: objects look larger in training's random crops
than in testing's central one (Touvron et al., arXiv 1906.06423).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from effnet_core.engines.onnx.cache import GraphCache
from effnet_core.engines.prediction import ClassProbability
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput
from effnet_core.limits import MAX_PROBE_SIZES, PROBE_MAX, PROBE_MIN
from effnet_core.weights.checkpoints import LoadedWeights

_PARTS = (3 / 7, 4 / 7, 5 / 7, 6 / 7, 1, 9 / 7, 11 / 7, 2)
"""Of the trained size: 96 to 448 pixels for 224."""


@dataclass(frozen=True, kw_only=True)
class ProbedSize:
    """What a network says at one input size.

    `target` is the class that is followed, `top` the most probable one, `grid` the last map's
    (height, width). `milliseconds` is measured from the picture's bytes to the answer, after a
    first pass. `trained` marks the size that belongs to the weights.
    """

    resolution: int
    target: ClassProbability
    top: ClassProbability
    grid: tuple[int, int]
    milliseconds: float
    trained: bool


def probe_sizes(trained: int) -> tuple[int, ...]:
    """Eight sizes around the trained one, multiples of 8 but for itself."""
    near = (trained if part == 1 else 8 * round(trained * part / 8) for part in _PARTS)
    return tuple(dict.fromkeys(max(PROBE_MIN, min(PROBE_MAX, size)) for size in near))


def require_sizes(sizes: Sequence[int]) -> None:
    """Raise InvalidInput unless there are some sizes, not too many, each within its limits."""
    if not 1 <= len(sizes) <= MAX_PROBE_SIZES:
        raise InvalidInput(f"From 1 to {MAX_PROBE_SIZES} sizes can be probed; got {len(sizes)}.")
    for size in sizes:
        if type(size) is not int or not PROBE_MIN <= size <= PROBE_MAX:
            raise InvalidInput(
                f"A size to probe must be a whole number of pixels from {PROBE_MIN} to "
                f"{PROBE_MAX}; got {size!r:.40}."
            )


def probe(
    loaded: LoadedWeights,
    data: bytes,
    sizes: Sequence[int] = (),
    *,
    class_index: int | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    graphs: GraphCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ProbedSize, ...]:
    """What the weights say of a picture's bytes at each of `sizes` (default: `probe_sizes`).

    The shorter edge keeps its proportion to the crop. The class followed is `class_index`, or the
    most probable one at the trained size. `progress(done, total)` counts sizes. Raises InvalidInput
    (sizes, class), ImageError or DoesNotFit.
    """
    trained = loaded.preprocessing.crop
    wanted = tuple(sizes) or probe_sizes(trained)
    require_sizes(wanted)

    def at(size: int) -> Predictor:
        kept = graphs if size == trained else None  # other sizes are asked for once
        return Predictor(resized(loaded, size), device=device, dtype=dtype, graphs=kept)

    if class_index is None:
        class_index = at(trained).predict_bytes(data, top_k=1).top[0].index
    return tuple(_probed(map(at, wanted), data, class_index, trained, len(wanted), progress))


def resized(loaded: LoadedWeights, size: int) -> LoadedWeights:
    """The same weights for pictures of another size."""
    spec = replace(loaded.spec, resolution=size)
    return replace(loaded, spec=spec, preprocessing=loaded.preprocessing.at(size))


def _probed(
    predictors: Iterator[Predictor],
    data: bytes,
    class_index: int,
    trained: int,
    total: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[ProbedSize]:
    for done, predictor in enumerate(predictors, start=1):
        predictor.warm_up()
        said = predictor.predict_bytes(data, top_k=1)
        features = predictor.forward(predictor.inputs(said.pixels)).features
        yield ProbedSize(
            resolution=said.resolution,
            target=said.of(class_index),
            top=said.top[0],
            grid=(features.shape[1], features.shape[2]),
            milliseconds=said.milliseconds,
            trained=said.resolution == trained,
        )
        if progress is not None:
            progress(done, total)
