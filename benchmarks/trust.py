"""How often the verdict on a map calls out planted fakes, and how often it is wrong on true maps.

`python -m benchmarks.trust WEIGHTS PHOTOS [METHOD [STAGE]]` makes each photo's map of its first
class, by Grad-CAM at the last stage where nothing else is asked for, and three fakes: an edge
detector's map, which follows the picture but no weights; another photo's map of its own first
class, which follows the weights but not this picture; and a blob in the middle, which follows
neither. True maps are judged by all tests, fakes until a test speaks against them. Photos with even
and odd places, sorted by name, are counted apart: rules were looked for on the even ones.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effnet_core.attribution.controls import centre_gaussian
from effnet_core.attribution.maps import MapRequest
from effnet_core.attribution.reference import reference_range
from effnet_core.attribution.trust import Subject, onnx_subject
from effnet_core.attribution.trust.judge import TESTS
from effnet_core.engines.onnx.tensors import Tensors
from effnet_core.engines.predictor import Predictor
from effnet_core.images import to_input
from effnet_core.weights import LoadedWeights, WeightsStore, resolve_weights

OTHER = 7
"""How many places further the photo lies whose map is shown instead."""

Maps = npt.NDArray[np.floating]
Remade = Callable[[Tensors, npt.NDArray[np.float32]], Maps]


def edges(_: Tensors, pictures: npt.NDArray[np.float32]) -> Maps:
    """The size of the grey pictures' slope, (N, H, W)."""
    down, across = np.gradient(pictures.mean(axis=1), axis=(1, 2))
    found: Maps = np.hypot(down, across)
    return found


def blob(_: Tensors, pictures: npt.NDArray[np.float32]) -> Maps:
    """The centre Gaussian, (N, H, W)."""
    height, width = pictures.shape[2:]
    return np.stack([centre_gaussian((height, width))] * len(pictures))


def of_other(subject: Subject, tensors: Tensors, pictures: npt.NDArray[np.float32]) -> Maps:
    """The map of another subject's picture, whatever `pictures` are, (N, h, w)."""
    return np.concatenate([subject.remade(tensors, subject.picture[None])] * len(pictures))


def subjects(
    loaded: LoadedWeights,
    photos: Sequence[Path],
    method: str = "grad-cam",
    stage: int | None = None,
) -> Iterator[Subject]:
    """Each photo with the model's first class and its map; no stage stands for the last one."""
    predictor = Predictor(loaded, device="cpu")
    last = loaded.spec.stage_count + 1
    request = MapRequest(method=method, stage=last if stage is None else stage)
    side = loaded.spec.resolution
    reference = partial(reference_range, loaded.spec, request, (side, side))
    tensors = loaded.tensors
    for photo in photos:
        found = predictor.predict_bytes(photo.read_bytes(), top_k=1)
        picture = to_input(found.pixels, loaded.preprocessing)
        yield onnx_subject(loaded.spec, tensors, picture, request, found.top[0].index, reference)


def outcome(subject: Subject, *, in_full: bool) -> str:
    """What is said of the map that the subject's method makes, and by which tests."""
    (values,) = subject.remade(subject.tensors, subject.picture[None]).astype(np.float32)
    weak = []
    for test in TESTS:
        found = test(values, subject)
        if found.outcome == "against" and not in_full:
            return f"against ({found.test})"
        if found.outcome != "for":
            weak.append((found.outcome, found.test))
    worst = min(weak)[0] if weak else "for"  # "against" before "weak"
    return f"{worst} ({', '.join(test for _, test in weak)})" if weak else worst


def main(weights: str, folder: str, method: str = "grad-cam", stage: str = "") -> None:
    """Print every verdict, and how many there are of each."""
    photos = sorted(Path(folder).iterdir())
    loaded = resolve_weights(weights, WeightsStore())
    every = list(subjects(loaded, photos, method, int(stage) if stage else None))
    counts: Counter[tuple[str, str, str]] = Counter()
    for place, subject in enumerate(every):
        other = every[(place + OTHER) % len(every)]
        makers: dict[str, Remade] = {
            "true": subject.remade,
            "edges": edges,
            "other photo": partial(of_other, other),
            "blob": blob,
        }
        for name, remade in makers.items():
            said = outcome(replace(subject, remade=remade), in_full=name == "true")
            counts[name, "odd" if place % 2 else "even", said] += 1
            print(f"{photos[place].name}: {name}: {said}", flush=True)
    for (name, half, said), count in sorted(counts.items()):
        print(f"{name}, {half} places: {said}: {count}")


if __name__ == "__main__":
    main(*sys.argv[1:])
