"""Which networks a calibration times, and which ones check it."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.host import cores_of_others
from effnet_core.latency.calibration import Calibration, Compared, Disturbance
from effnet_core.latency.fitting import TimedNetwork, fit
from effnet_core.latency.machine import this_machine
from effnet_core.latency.measuring import Clock, LatencyMeasurement, Protocol, measure_runtime

SECONDS = 75.0
"""Visits to the networks go on for so long at most; the one under way is finished."""

VISITS, MOST_VISITS = 3, 8
"""How often each network is timed, at different times; more where its two quietest disagree."""

_AGREEMENT = 1.03
# The share that is shown while extra visits go on, until time says more.
_NEARLY = 0.9

PROTOCOL = Protocol(repeats=7, warmup=3, seconds=0.3)

Timer = Callable[[ArchitectureSpec], LatencyMeasurement]
Load = Callable[[], Callable[[], float]]
Progress = Callable[[float, str], None]
"""Called with the share that is done and what is being done."""


def design() -> tuple[ArchitectureSpec, ...]:
    """The networks that a calibration times.

    Depth, width and resolution change by themselves, and not with φ, so that kinds of layer do not
    all grow together. Lite's networks have neither SiLU nor squeeze-and-excitation, V2's have dense
    convolutions, and ten classes leave the classifier out. None is a published variant or the
    compound rule's network at its own resolution, which is what `check` asks about.
    """
    sides = ((64, "b0"), (96, "b0"), (160, "b0"), (288, "b0"), (384, "b0"), (160, "b2"))
    more = (
        (224, "b4"),
        (320, "b5"),
        (160, "lite0"),
        (256, "lite1"),
        (160, "v2-b0"),
        (256, "v2-b1"),
    )
    widths = ((-4.0, 224), (-2.0, 224), (1.5, 224), (3.0, 192))
    depths = ((2.0, 224), (3.0, 192))
    return (
        *(variant(name, resolution=side) for side, name in (*sides, *more)),
        *(scaled(phi, strategy="width", resolution=side) for phi, side in widths),
        *(scaled(phi, strategy="depth", resolution=side) for phi, side in depths),
        *(scaled(phi, resolution=side) for phi, side in ((-4.0, 96), (-2.0, 320), (2.0, 160))),
        scaled(3.0, resolution=224, num_classes=10),
    )


def unseen() -> tuple[ArchitectureSpec, ...]:
    """What `check` asks about: B0–B4, and the formula from φ = -4 to 3 in steps of a half."""
    published = (variant(f"b{number}") for number in range(5))
    return (*published, *(scaled(halves / 2) for halves in range(-8, 7)))


def calibrate(
    progress: Progress | None = None,
    *,
    seconds: float = SECONDS,
    timer: Timer | None = None,
    clock: Clock = time.monotonic,
    load: Load = cores_of_others,
) -> Calibration:
    """Time `design()` on this machine and fit a model to it.

    `load` begins to watch how many cores other programs take; what it returns says it. Of the
    visits to a network the one with the lowest median counts: what other programs take
    from it is no property of the network. Raises what `measure_runtime` raises.
    """
    start, others = clock(), load()
    specs = design()
    visits = _visit(specs, seconds, progress, timer or _time, clock)
    made = datetime.date.today().isoformat()
    disturbance = Disturbance(made=made, spread=_spread(visits), others=round(others(), 2))
    measured = _quietest(visits)
    pairs = list(zip(specs, measured, strict=True))
    model = fit([TimedNetwork(spec, one.median_ms) for spec, one in pairs])
    timed = tuple(
        Compared.of(spec, (1 + error) * one.median_ms, one)
        for (spec, one), error in zip(pairs, model.held_out_errors, strict=True)
    )
    return Calibration(
        machine=this_machine(),
        made=made,
        seconds=round(clock() - start, 1),
        model=model,
        timed=timed,
        disturbance=disturbance,
    )


def check(
    calibration: Calibration,
    progress: Progress | None = None,
    *,
    seconds: float = SECONDS,
    timer: Timer | None = None,
    clock: Clock = time.monotonic,
) -> Calibration:
    """The calibration with `unseen()` networks predicted, timed and held against each other."""
    specs = unseen()
    measured = _quietest(_visit(specs, seconds, progress, timer or _time, clock))
    checked = tuple(
        Compared.of(spec, calibration.model.predict(spec).ms, one)
        for spec, one in zip(specs, measured, strict=True)
    )
    return replace(calibration, checked=checked)


def _time(spec: ArchitectureSpec) -> LatencyMeasurement:
    return measure_runtime(spec, PROTOCOL)


def _visit(
    specs: Sequence[ArchitectureSpec],
    seconds: float,
    progress: Progress | None,
    timer: Timer,
    clock: Clock,
) -> list[list[LatencyMeasurement]]:
    """The visits to each network; after the first round, only while `seconds` are not over."""
    start, done = clock(), 0
    visits: list[list[LatencyMeasurement]] = [[] for _ in specs]
    for round_ in range(MOST_VISITS):
        for spec, held in zip(specs, visits, strict=True):
            elapsed = (clock() - start) / seconds
            if round_ and elapsed >= 1:
                break
            if round_ >= VISITS and _settled(held):
                continue
            if progress is not None:
                share = min(done / (VISITS * len(specs)), max(_NEARLY, elapsed))
                progress(share, f"{spec.name}, {spec.resolution} pixels")
            held.append(timer(spec))
            done += 1
    return visits


def _quietest(visits: Sequence[Sequence[LatencyMeasurement]]) -> tuple[LatencyMeasurement, ...]:
    return tuple(min(held, key=_median) for held in visits)


def _spread(visits: Sequence[Sequence[LatencyMeasurement]]) -> float:
    """By how much the slowest visit is above the quietest, of the middle network."""
    each = [max(map(_median, held)) / min(map(_median, held)) - 1 for held in visits]
    return round(statistics.median(each), 4)


def _settled(visits: Sequence[LatencyMeasurement]) -> bool:
    """Whether the two quietest visits agree, so that neither was disturbed."""
    quietest, next_, *_ = sorted(map(_median, visits))
    return next_ <= _AGREEMENT * quietest


def _median(measured: LatencyMeasurement) -> float:
    return measured.median_ms
