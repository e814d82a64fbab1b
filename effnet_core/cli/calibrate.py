"""`effnet calibrate` and `effnet latency`: milliseconds on this machine, timed and predicted."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cli.common import Commands, add_command, positive, print_table, working
from effnet_core.cli.network import add_network, network
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput
from effnet_core.latency import (
    SECONDS,
    TERMS,
    Calibration,
    Compared,
    LatencyMeasurement,
    PredictedLatency,
    Protocol,
    Standing,
    errors_of,
    measure_runtime,
    standing,
)
from effnet_core.latency.making import Task, make

_HEADERS = ("Network", "Pixels", "Predicted ms", "Measured ms", "25 – 75 %", "Runs", "Error")
_BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"


def register(commands: Commands) -> None:
    """Add both commands."""
    parser = add_command(
        commands,
        "calibrate",
        _calibrate,
        "Time a few networks on this machine, so that milliseconds of all others are predicted.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="hold the predictions against networks that were never timed (B0–B4 and φ = -4 to 3); "
        f"takes up to {SECONDS:g} s more, and calibrates first where nothing usable is kept",
    )
    parser = add_command(
        commands,
        "latency",
        _latency,
        "Milliseconds of a network on this machine: predicted from its calibration, or measured.",
    )
    add_network(parser)
    parser.add_argument("--measure", action="store_true", help="time it now, in float32")
    parser.add_argument(
        "--batch", type=positive, default=1, metavar="N", help="images at once, for --measure [1]"
    )
    parser.add_argument(
        "--repeats", type=positive, default=20, metavar="N", help="timed runs, for --measure [20]"
    )


def _calibrate(args: argparse.Namespace) -> int:
    task: Task = "check" if args.check else "calibrate"
    with tqdm(total=1.0, desc="Timing", bar_format=_BAR, leave=False) as bar:

        def show(share: float, doing: str) -> None:
            bar.n = share
            bar.set_postfix_str(doing)

        found = make(task, show)
    if args.json:
        print_json(_as_json(found))
    else:
        _print(found)
    return 0


def _as_json(found: Calibration) -> dict[str, Any]:
    model = found.model
    return {
        "machine": dataclasses.asdict(found.machine),
        "made": found.made,
        "seconds": found.seconds,
        "busy": found.busy,
        "disturbance": found.disturbance and dataclasses.asdict(found.disturbance),
        "passed_over": found.passed_over and dataclasses.asdict(found.passed_over),
        "coefficients_ms": dict(zip(TERMS, model.coefficients, strict=True)),
        "band": dict(zip(("low", "high"), model.band, strict=True)),
        "held_out": _compared(found.timed),
        "checked": _compared(found.checked) if found.checked else None,
    }


def _compared(networks: Sequence[Compared]) -> dict[str, Any]:
    mean, worst = errors_of(networks)
    rows = [{**dataclasses.asdict(one), "error": one.error} for one in networks]
    return {"mean_error": mean, "worst_error": worst, "networks": rows}


def _print(found: Calibration) -> None:
    print(f"{found.machine.title}\nCalibrated on {found.made} in {found.seconds:.0f} s.")
    if found.busy and found.disturbance is not None:
        print(f"Busy: repeat when idle ({found.disturbance.words}).")
    if found.passed_over is not None:
        over = found.passed_over
        print(f"That of {over.made} was busier ({over.words}) and is not used: repeat when idle.")
    print()
    _print_compared("Each network of the calibration, predicted from the others", found.timed)
    if found.checked:
        print()
        _print_compared("Networks that were never part of it", found.checked)
    low, high = found.model.band
    print(
        f"\nThe band of a prediction reaches from {100 * (low - 1):+.1f} % to "
        f"{100 * (high - 1):+.1f} %: nine in ten held-out networks lie within. Milliseconds are of "
        "one float32 picture, without decoding."
    )


def _print_compared(title: str, networks: Sequence[Compared]) -> None:
    mean, worst = errors_of(networks)
    rows = [
        (
            one.name,
            one.resolution,
            f"{one.predicted_ms:.2f}",
            f"{one.median_ms:.2f}",
            f"{one.low_ms:.2f} – {one.high_ms:.2f}",
            one.runs,
            f"{100 * one.error:+.1f} %",
        )
        for one in networks
    ]
    print(f"{title}: mean error {100 * mean:.1f} %, largest {100 * worst:.1f} %\n")
    print_table(_HEADERS, rows)


def _latency(args: argparse.Namespace) -> int:
    spec = network(args)
    if args.measure:
        with working(f"Timing {spec.name}"):
            measured = measure_runtime(spec, Protocol(repeats=args.repeats), batch=args.batch)
        if args.json:
            print_json({"name": spec.name, "basis": "measured", **dataclasses.asdict(measured)})
        else:
            _print_measured(spec, measured)
        return 0
    if args.repeats != 20:
        raise InvalidInput("--repeats belongs to --measure: a prediction times nothing.")
    stand = standing()
    predicted = stand.require().predict(spec, args.batch)
    if args.json:
        print_json(_prediction(spec, stand, predicted))
    else:
        _print_predicted(spec, stand, predicted)
    return 0


def _prediction(
    spec: ArchitectureSpec, stand: Standing, predicted: PredictedLatency
) -> dict[str, Any]:
    held = stand.require()
    return {
        "name": spec.name,
        "basis": "predicted",
        "resolution": spec.resolution,
        **dataclasses.asdict(predicted),
        "calibrated": held.made,
        "machine": dataclasses.asdict(held.machine),
    }


def _print_predicted(spec: ArchitectureSpec, stand: Standing, predicted: PredictedLatency) -> None:
    held = stand.require()
    beyond = ""
    if predicted.extrapolated:
        ends = (held.model.least_mult_adds, held.model.most_mult_adds)
        least, most = (f"{end / 1e9:.2g}" for end in ends)
        beyond = (
            f" Extrapolated: the networks that were timed have {least} to {most} G multiply-adds, "
            "and beyond them the band is not known to hold."
        )
    print(
        f"{spec.name} at {spec.resolution} × {spec.resolution} pixels: {predicted.ms:.2f} ms, "
        f"predicted (band {predicted.low_ms:.2f} – {predicted.high_ms:.2f} ms).{beyond}\n"
        f"From the calibration of {held.made}: {held.machine.title}."
    )


def _print_measured(spec: ArchitectureSpec, measured: LatencyMeasurement) -> None:
    print(
        f"{spec.name} at {measured.resolution} × {measured.resolution} pixels: "
        f"{measured.median_ms:.2f} ms, measured (25 – 75 %: {measured.low_ms:.2f} – "
        f"{measured.high_ms:.2f} ms, {measured.repeats} runs after {measured.warmup}).\n"
        f"{measured.engine}, {measured.threads} threads, {measured.dtype}, batch "
        f"{measured.batch}: {measured.processor}."
    )
