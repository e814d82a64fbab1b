"""Scoring a network's maps on photos whose object is boxed, beside controls that know nothing.

Whose map? With the target "label" that of the photo's true class: the box belongs to it, and
pointing game and energy are defined for it. Its probability is followed too, where RISE and
Grad-CAM++ follow the model's own first class; "predicted" takes that one throughout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import numpy.typing as npt
import torch

from effnet_core.attribution import metrics
from effnet_core.attribution.cases import Case, Photos, as_inputs, draw, prepare
from effnet_core.attribution.compute import Stage
from effnet_core.attribution.controls import centre_gaussian, random_map
from effnet_core.attribution.parameters import Value
from effnet_core.attribution.photo_maps import photo_maps
from effnet_core.attribution.registry import Method, find_method
from effnet_core.attribution.scores import (
    CENTRE_GAUSSIAN,
    METRICS,
    RANDOM_MAP,
    Estimate,
    MapScores,
    Target,
)
from effnet_core.attribution.stages import deepest_stage
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import InvalidInput

BATCH = 32
"""Photos whose maps are made together."""


def score_maps(
    predictor: Predictor,
    photos: Photos,
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
    plan = _Plan(
        predictor=predictor,
        method=chosen,
        stages=_stage_numbers(predictor, chosen, stages),
        parameters=chosen.values(parameters),
        steps=steps,
        seed=seed,
    )
    _check(count=count, seed=seed, target=target, batch=batch)
    samples = draw(predictor, photos, count=count, seed=seed, target=target)
    rows = _Rows()
    for start in range(0, len(samples), batch):
        cases = prepare(predictor, samples[start : start + batch], target)
        maps = tuple(_timed_maps(plan, cases, stage) for stage in plan.stages)
        for place, case in enumerate(cases):
            _score(plan, case, tuple((raws[place], seconds) for raws, seconds in maps), rows)
            if progress is not None:
                progress(start + place + 1, len(samples))
    return rows.summarised(target, steps)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What was asked for, checked."""

    predictor: Predictor
    method: Method
    stages: tuple[int | None, ...]
    parameters: tuple[tuple[str, Value], ...]
    steps: int
    seed: int


@dataclass
class _Row:
    """One subject's values, photo by photo, by metric."""

    grid: tuple[int, int]
    values: dict[str, list[float]]
    seconds: float = 0.0


@dataclass
class _Rows:
    """All rows by (subject, stage), in the order first asked for, and what they share."""

    rows: dict[tuple[str, int | None], _Row] = field(default_factory=dict)
    box_shares: list[float] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)

    def of(self, subject: str, stage: int | None, grid: tuple[int, int]) -> _Row:
        """The row of this subject, made when first asked for."""
        empty = _Row(grid, {metric: [] for metric in METRICS})
        return self.rows.setdefault((subject, stage), empty)

    def summarised(self, target: Target, steps: int) -> tuple[MapScores, ...]:
        """Means over the photos."""
        return tuple(
            MapScores(
                subject=subject,
                stage=stage,
                grid=row.grid,
                photos=len(self.confidences),
                target=target,
                steps=steps,
                **{key: Estimate.of(values) for key, values in row.values.items()},
                box_share=Estimate.of(self.box_shares),
                confidence=Estimate.of(self.confidences),
                seconds=row.seconds,
            )
            for (subject, stage), row in self.rows.items()
        )


def _timed_maps(
    plan: _Plan, cases: tuple[Case, ...], stage: int | None
) -> tuple[npt.NDArray[np.float32], float]:
    """The maps (B, h, w) of a batch of photos at a stage, and the seconds for each of them."""
    start = time.perf_counter()
    maps = photo_maps(
        plan.predictor.model,
        as_inputs(plan.predictor, np.stack([case.picture for case in cases])),
        torch.tensor([case.class_index for case in cases], device=plan.predictor.device),
        method=plan.method.id,
        stage=stage,
        parameters=plan.parameters,
        preprocessing=plan.predictor.preprocessing,
    )
    return maps, (time.perf_counter() - start) / len(cases)


def _score(
    plan: _Plan,
    case: Case,
    maps: tuple[tuple[npt.NDArray[np.float32], float], ...],
    rows: _Rows,
) -> None:
    """Score one photo's maps (h, w), one a stage with its seconds, and the controls."""
    rows.box_shares.append(case.box.share(case.size))
    rows.confidences.append(case.whole)
    for stage, (raw, seconds) in zip(plan.stages, maps, strict=True):
        height, width = raw.shape
        row = rows.of(plan.method.id, stage, (height, width))
        row.seconds += seconds
        _add(row, case, raw, plan.steps)
        generator = np.random.default_rng((plan.seed, case.place, height, width))
        control = random_map((height, width), generator)
        _add(rows.of(RANDOM_MAP, stage, (height, width)), case, control, plan.steps)
    centre = centre_gaussian(case.size)
    _add(rows.of(CENTRE_GAUSSIAN, None, case.size), case, centre, plan.steps)


def _add(row: _Row, case: Case, raw: npt.NDArray[np.float32], steps: int) -> None:
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
    }
    for key, value in found.items():
        row.values[key].append(value)
    row.seconds += time.perf_counter() - start


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
    last = predictor.model.last_stage
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
