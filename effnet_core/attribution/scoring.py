"""Scoring a network's maps on photos whose object is boxed, beside controls that know nothing.

Whose map? With the target "label" that of the photo's true class: the box belongs to it, and
pointing game and energy are defined for it. Its probability is followed too, where RISE and
Grad-CAM++ follow the model's own first class; "predicted" takes that one throughout.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import numpy.typing as npt
import torch

from effnet_core.attribution import metrics
from effnet_core.attribution.cases import Case, as_inputs, draw, prepare
from effnet_core.attribution.compute import Stage
from effnet_core.attribution.controls import centre_gaussian, random_map
from effnet_core.attribution.maps import MapRequest, black, photo_maps
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.registry import Method, find_method
from effnet_core.attribution.scores import (
    CENTRE_GAUSSIAN,
    RANDOM_MAP,
    Estimate,
    MapScores,
    Target,
)
from effnet_core.cost.report import deepest_stage
from effnet_core.datasets.photo_set import PhotoSet
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput

BATCH = 32
"""Photos whose maps are made together."""

Map = npt.NDArray[np.float32]


def score_maps(
    predictor: Predictor,
    photos: PhotoSet,
    *,
    method: str = "grad-cam",
    stages: tuple[Stage, ...] | None = None,
    parameters: Iterable[tuple[str, Value]] = (),
    count: int = 500,
    seed: int = 0,
    target: Target = "label",
    steps: int = metrics.STEPS,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[MapScores, ...]:
    """Every metric of `metrics` for a method's maps and the controls, on photos with boxes.

    Rows: for each stage the method's maps and random maps on the same grid, and last the centre
    Gaussian at the input's size. `stages` None is the last and the deepest of at least 5 × 5, once
    if they are one; input methods, which take `parameters`, have none. `count` photos are drawn
    with `seed`, all if there are fewer, from those with a known box in the model's view. Classes
    are matched by place where photos and model have the same, else by name; with the target
    "label", photos of classes that the model lacks are left out. `batch` photos share their passes:
    that changes speed and memory, not results. `progress(done, total)` counts photos. Raises
    InvalidInput, and what `attribute` raises.
    """
    chosen = find_method(method)
    numbers = _stage_numbers(predictor, chosen, stages)
    values, dark = chosen.values(parameters), black(predictor.preprocessing)
    requests = [MapRequest(method=method, stage=n, values=values, black=dark) for n in numbers]
    _check(count=count, seed=seed, target=target, batch=batch)
    samples = draw(predictor, photos, count=count, seed=seed, target=target)
    rows: dict[tuple[str, int | None], _Row] = {}  # by subject and stage, as first scored
    for start in range(0, len(samples), batch):
        cases = prepare(predictor, samples[start : start + batch])
        made = [(request, *_timed_maps(predictor, cases, request)) for request in requests]
        for place, case in enumerate(cases):
            maps = ((request, raws[place], seconds) for request, raws, seconds in made)
            for subject, stage, raw, seconds in _subjects(case, maps, seed):
                height, width = raw.shape
                row = rows.setdefault((subject, stage), _Row((height, width)))
                row.add(case, raw, steps)
                row.seconds += seconds
            if progress is not None:
                progress(start + place + 1, len(samples))
    return tuple(
        MapScores(
            subject=subject,
            stage=stage,
            grid=row.grid,
            photos=len(samples),
            target=target,
            steps=steps,
            **{key: Estimate.of(found) for key, found in row.values.items()},
            seconds=row.seconds,
        )
        for (subject, stage), row in rows.items()
    )


@dataclass
class _Row:
    """One subject's values, photo by photo, by the fields of `MapScores` that are estimates."""

    grid: tuple[int, int]
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: float = 0.0

    def add(self, case: Case, raw: Map, steps: int) -> None:
        """Score one map with every metric; all its altered pictures go through as one batch."""
        start = time.perf_counter()
        large = metrics.enlarged(raw, case.size)
        grey = np.zeros_like(case.picture)
        appearing = metrics.exchanged(large, case.blurred, case.picture, steps)
        fading = metrics.exchanged(large, case.picture, grey, steps)
        kept = metrics.explained(large, case.picture)[None]
        answers = case.confidence(np.concatenate([appearing, fading, kept]))
        inserted, deleted, (at_kept,) = np.split(answers, [steps - 1, 2 * (steps - 1)])
        to_whole = metrics.curve([case.at_blurred, *inserted, case.whole], case.size)
        to_grey = metrics.curve([case.whole, *deleted, case.at_grey], case.size)
        found = {
            "pointing": metrics.pointing_game(large, case.box, case.size),
            "energy": metrics.energy_inside(large, case.box, case.size),
            "insertion": to_whole.area,
            "deletion": to_grey.area,
            "average_drop": metrics.drop(case.whole, at_kept),
            "increase": metrics.increase(case.whole, at_kept),
            "box_share": case.box.share(case.size),
            "confidence": case.whole,
        }
        for key, value in found.items():
            self.values[key].append(value)
        self.seconds += time.perf_counter() - start


def _timed_maps(
    predictor: Predictor, cases: tuple[Case, ...], request: MapRequest
) -> tuple[Map, float]:
    """The maps (B, h, w) of a batch of photos, and the seconds for each of them."""
    start = time.perf_counter()
    inputs = as_inputs(predictor, np.stack([case.picture for case in cases]))
    classes = torch.tensor([case.class_index for case in cases], device=predictor.device)
    maps = photo_maps(predictor.model, inputs, classes, request)
    return maps, (time.perf_counter() - start) / len(cases)


def _subjects(
    case: Case, maps: Iterable[tuple[MapRequest, Map, float]], seed: int
) -> Iterator[tuple[str, int | None, Map, float]]:
    """What is scored on a photo, by subject and stage: its own maps with their seconds, controls.

    Each map (h, w) is followed by a random one on its grid, and all by the centre Gaussian.
    """
    for request, raw, seconds in maps:
        yield request.method, request.stage, raw, seconds
        height, width = raw.shape
        generator = np.random.default_rng((seed, case.place, height, width))
        yield RANDOM_MAP, request.stage, random_map((height, width), generator), 0.0
    yield CENTRE_GAUSSIAN, None, centre_gaussian(case.size), 0.0


def _stage_numbers(
    predictor: Predictor, method: Method, stages: tuple[Stage, ...] | None
) -> tuple[int | None, ...]:
    """The stages as numbers, each once; (None,) for input methods. Raises InvalidInput."""
    if not method.supports_stages:
        if stages is not None:
            raise InvalidInput(
                f"{method.title} works on the input's pixels, so no stage can be chosen for it."
            )
        return (None,)
    last = predictor.spec.stage_count + 1
    if stages is None:
        stages = (last, deepest_stage(predictor.spec, resolution=predictor.preprocessing.crop))
    numbers = tuple(dict.fromkeys([last if stage == "last" else stage for stage in stages]))
    if not numbers or not all(type(n) is int and 0 <= n <= last for n in numbers):
        raise InvalidInput(
            f'Stages are "last" or whole numbers from 0 (stem) to {last} (head convolution), at '
            f"least one; got {stages!r:.80}."
        )
    return numbers


def _check(*, count: int, seed: int, target: str, batch: int) -> None:
    if count < 1 or batch < 1:
        raise InvalidInput(
            f"Maps are scored on at least one photo, at least one at a time; got {count} photos "
            f"and {batch} at a time."
        )
    if seed < 0:
        raise InvalidInput(f"The seed must be a whole number from 0; got {seed}.")
    if target not in get_args(Target):
        raise InvalidInput(
            f"The target must be {' or '.join(get_args(Target))}; got {target!r:.40}."
        )
