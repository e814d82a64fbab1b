"""`effnet budget`: the largest φ, and the free depth, width and resolution, within limits."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from effnet_core.architecture.scaling import BASE_RESOLUTION
from effnet_core.cli.common import Commands, add_command, positive, print_table, working
from effnet_core.cli.streams import print_json
from effnet_core.cost.budget import (
    BUDGET_DTYPES,
    LABELS,
    QUANTITIES,
    Answer,
    Device,
    Latency,
    Limits,
    Setting,
    best_free,
    device,
    devices,
    largest_phi,
)
from effnet_core.latency import Calibration, standing

TIE = 0.01
"""The share of the most multiply-adds that the shape nearest to compound scaling may give up."""

_TITLES = {
    "phi": "Largest φ",
    "free": "Free, most multiply-adds",
    "free_near_compound": f"Free, within {100 * TIE:g} % of that, nearest to compound",
}
_HEADERS = (
    "",
    "φ",
    "Depth",
    "Width",
    "Pixels",
    "Blocks",
    "Parameters",
    "Multiply-adds",
    "Weights, bytes",
    "Peak, bytes",
    "Milliseconds",
)


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "budget", _run, "What fits into limits: the largest φ, and free coefficients."
    )
    for name in QUANTITIES:
        option = "--max-" + name.replace("_", "-")
        parser.add_argument(option, type=_number, metavar="N", help=f"the most {LABELS[name]}")
    known = "; ".join(f"{one.key}: {one.title} ({one.source})" for one in devices())
    parser.add_argument(
        "--device-preset",
        metavar="NAME",
        help=f"limits of a device, under limits that are given: {known}",
    )
    parser.add_argument(
        "--num-classes", type=int, default=1000, metavar="N", help="number of classes [1000]"
    )
    parser.add_argument(
        "--dtype",
        choices=BUDGET_DTYPES,
        help="of weights and activations; int8 means 1 byte for each value [the device's, or "
        "float32]",
    )
    parser.add_argument(
        "--batch",
        type=positive,
        default=1,
        metavar="N",
        help="images at once, for memory and milliseconds [1]",
    )
    parser.add_argument(
        "--base-resolution",
        type=int,
        default=BASE_RESOLUTION,
        metavar="N",
        help=f"input side at φ = 0 [{BASE_RESOLUTION}]",
    )


def _number(text: str) -> float:
    """A number such as 5000000 or 5e6, whole where it is, for argparse."""
    number = float(text)
    return int(number) if number.is_integer() else number


_number.__name__ = "number"  # argparse names the type in its message


def calibrated() -> Calibration:
    """The calibration of this machine; raises CalibrationError where none can be used."""
    return standing().require()


def _run(args: argparse.Namespace) -> int:
    preset = device(args.device_preset) if args.device_preset is not None else None
    limits = _limits(args, preset)
    setting = Setting(
        base_resolution=args.base_resolution,
        num_classes=args.num_classes,
        batch=args.batch,
        dtype=args.dtype or (preset and preset.dtype) or "float32",
    )
    latency: Latency | None = None if limits.latency_ms is None else calibrated().predict
    with working("Searching"):
        answers = {
            "phi": largest_phi(limits, setting, latency=latency),
            "free": best_free(limits, setting, latency=latency),
            "free_near_compound": best_free(limits, setting, tie=TIE, latency=latency),
        }
    if args.json:
        print_json(_as_json(limits, setting, preset, answers))
    else:
        _print(limits, setting, preset, answers)
    return 0 if any(answer.fits for answer in answers.values()) else 1


def _limits(args: argparse.Namespace, preset: Device | None) -> Limits:
    """The limits given, over those of the device."""
    given = {name: getattr(args, f"max_{name}") for name in QUANTITIES}
    own = Limits(**given)
    return own if preset is None else Limits(**(preset.limits.given | own.given))


def _as_json(
    limits: Limits, setting: Setting, preset: Device | None, answers: dict[str, Answer]
) -> dict[str, Any]:
    about = ("num_classes", "dtype", "batch", "base_resolution")
    return {
        "limits": limits.given,
        "device_preset": preset and {"key": preset.key, "source": preset.source, "url": preset.url},
        **{name: getattr(setting, name) for name in about},
        "calibrated": None if limits.latency_ms is None else calibrated().made,
        "tie": TIE,
        **{key: _answer(answer) for key, answer in answers.items()},
    }


def _answer(answer: Answer) -> dict[str, Any]:
    network = answer.network
    return {
        "fits": answer.fits,
        **dataclasses.asdict(network),
        "memory_bytes": network.memory_bytes,
        "binding": list(answer.binding),
        "ends": list(answer.ends),
        "left": {room.name: room.left for room in answer.rooms},
        "searched": answer.searched,
    }


def _print(
    limits: Limits, setting: Setting, preset: Device | None, answers: dict[str, Answer]
) -> None:
    listed = "; ".join(f"{limit:,} {LABELS[name]}" for name, limit in limits.given.items())
    print(f"At most {listed}")
    print(f"({setting.num_classes:,} classes, {setting.dtype}, batch {setting.batch:,})")
    if preset is not None:
        print(f"{preset.title}. {preset.why}\nSource: {preset.source}, {preset.url}")
    free, near = answers["free"], answers["free_near_compound"]
    one = near.network == free.network
    shown = {key: answer for key, answer in answers.items() if answer is not near or not one}
    rows = [(_TITLES[key], *_cells(answer)) for key, answer in shown.items() if answer.fits]
    if rows:
        print()
        width = len(_HEADERS) - (limits.latency_ms is None)
        print_table(_HEADERS[:width], [row[:width] for row in rows])
    print()
    for key, answer in shown.items():
        print(f"{_TITLES[key]}: {_sentence(answer)}")
    if one and free.fits:
        print(f"{_TITLES['free_near_compound']}: the same network.")
    if limits.latency_ms is not None:
        held = calibrated()
        print(
            f"\nMilliseconds are predicted from the calibration of {held.made} "
            f"({held.machine.title}); the slow edge of the band, in brackets, is held to the limit."
        )
    print(
        f"\nSearched for φ: {answers['phi'].searched}; otherwise: {answers['free'].searched}.\n"
        "Nothing here says how accurate a network is: a shape far from the compound ratio may be "
        "a poor one."
    )


def _cells(answer: Answer) -> tuple[object, ...]:
    network, band = answer.network, answer.network.latency
    beyond = ", beyond what was timed" if band and band.extrapolated else ""
    return (
        network.phi,
        round(network.depth, 3),
        round(network.width, 3),
        network.resolution,
        network.blocks,
        network.params,
        network.mult_adds,
        network.weight_bytes,
        network.peak_bytes,
        band and f"{band.ms:.1f} ({band.low_ms:.1f} – {band.high_ms:.1f}){beyond}",
    )


def _sentence(answer: Answer) -> str:
    """What stops the search, and what is left; where nothing fits, by how much it is missed."""
    if not answer.fits:
        over = " and ".join(
            _amount(room.name, -room.left) for room in answer.rooms if room.left < 0
        )
        return f"nothing fits. The smallest network searched ({_shape(answer)}) is over by {over}."
    stops = []
    if answer.binding:
        stops.append(f"the limit on {_listed([LABELS[name] for name in answer.binding])}")
    if answer.ends:
        ends = _listed([axis.replace("phi", "φ") for axis in answer.ends])
        stops.append(f"the end of the search in {ends}")
    left = "; ".join(_amount(room.name, room.left) for room in answer.rooms)
    return f"stopped by {' and '.join(stops)}. Left: {left}."


def _shape(answer: Answer) -> str:
    """What the network is, in words."""
    network = answer.network
    if network.phi is not None:
        return f"φ = {network.phi:g}, {network.resolution} pixels"
    return f"depth {network.depth:.3g}, width {network.width:.3g}, {network.resolution} pixels"


def _amount(name: str, amount: float) -> str:
    """An amount of what is limited, with its name: counts in full, short times in three digits."""
    short = name == "latency_ms" and amount < 100
    return f"{format(amount, '.3g' if short else ',.0f')} {LABELS[name]}"


def _listed(words: list[str]) -> str:
    """One or more words as "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
