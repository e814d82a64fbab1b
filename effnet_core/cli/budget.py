"""`effnet budget`: published networks, the largest φ, and free coefficients within limits."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, cast

from effnet_core.architecture.families import V1, find_family
from effnet_core.cli.amounts import amount, listed, milliseconds, over
from effnet_core.cli.common import Commands, add_command, positive, print_table, working
from effnet_core.cli.network import add_family
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
from effnet_core.results import PublishedAnswer, PublishedNetwork, published_within

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
        commands,
        "budget",
        _run,
        "What fits into limits: published networks, the largest φ, and free coefficients.",
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
    add_family(parser)
    parser.add_argument(
        "--base-resolution",
        type=int,
        metavar="N",
        help="input side at φ = 0 [the family's, 224]",
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
        family=find_family(args.family or V1.word),
        base_resolution=args.base_resolution,
        num_classes=args.num_classes,
        batch=args.batch,
        dtype=args.dtype or (preset and preset.dtype) or "float32",
    )
    latency: Latency | None = None if limits.latency_ms is None else calibrated().predict
    published = published_within(limits, setting, latency=latency)
    with working("Searching"):
        answers = {
            "phi": largest_phi(limits, setting, latency=latency),
            "free": best_free(limits, setting, latency=latency),
            "free_near_compound": best_free(limits, setting, tie=TIE, latency=latency),
        }
    if args.json:
        networks = [_published(one, limits) for one in published.networks]
        print_json({**_as_json(limits, setting, preset, answers), "published": networks})
    else:
        _print_about(limits, setting, preset)
        _print_published(published)
        _print(limits, answers)
    found = (bool(published.fitting), *(answer.fits for answer in answers.values()))
    return 0 if any(found) else 1


def _limits(args: argparse.Namespace, preset: Device | None) -> Limits:
    """The limits given, over those of the device."""
    given = {name: getattr(args, f"max_{name}") for name in QUANTITIES}
    own = Limits(**given)
    return own if preset is None else Limits(**(preset.limits.given | own.given))


def _as_json(
    limits: Limits, setting: Setting, preset: Device | None, answers: dict[str, Answer]
) -> dict[str, Any]:
    about = ("num_classes", "dtype", "batch")
    return {
        "limits": limits.given,
        "device_preset": preset and {"key": preset.key, "source": preset.source, "url": preset.url},
        **{name: getattr(setting, name) for name in about},
        "base_resolution": setting.base,
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


def _published(one: PublishedNetwork, limits: Limits) -> dict[str, Any]:
    costs = {name: getattr(one, name) for name in QUANTITIES if name != "latency_ms"}
    return {
        "network": one.name,
        "top1": one.record.top1,
        "recipe": one.recipe.title,
        "extra_training_data": one.recipe.extra_data or None,
        "source": one.record.source,
        "published_as": one.record.published_as,
        "resolution": one.resolution,
        "weights": one.weights or None,
        **costs,
        "latency": one.latency and dataclasses.asdict(cast(Any, one.latency)),
        "fits": not one.broken(limits),
        "broken": list(one.broken(limits)),
        "left": {room.name: room.left for room in one.rooms(limits)},
    }


def _print_about(limits: Limits, setting: Setting, preset: Device | None) -> None:
    most = "; ".join(f"{limit:,} {LABELS[name]}" for name, limit in limits.given.items())
    print(f"At most {most}")
    of = "" if setting.family is V1 else f"{setting.family.title}, "
    print(f"({of}{setting.num_classes:,} classes, {setting.dtype}, batch {setting.batch:,})")
    if preset is not None:
        print(f"{preset.title}. {preset.why}\nSource: {preset.source}, {preset.url}")


_NEAREST = 3
"""So many published networks that break a limit are shown."""


def _print_published(answer: PublishedAnswer) -> None:
    """Those that fit, and the nearest of the others with what they break."""
    print("\nPublished networks (1,000 classes, each at its record's test resolution):")
    if not answer.fitting:
        print("None fits.")
    rows = []
    for one in (*answer.fitting, *answer.missing[:_NEAREST]):
        missed = [room for room in one.rooms(answer.limits) if room.left < 0]
        fits = "over by " + " and ".join(map(over, missed)) if missed else "fits"
        made = f"{one.recipe.title}, {one.record.source} ({one.record.published_as})"
        costs = (one.params, one.mult_adds, one.weight_bytes, one.peak_bytes)
        rows.append(
            (
                one.name,
                one.resolution,
                one.record.top1,
                *costs,
                milliseconds(one.latency),
                fits,
                made,
            )
        )
    headers = ("", "Pixels", "Top-1 %", *_HEADERS[6:], "Limits", "Recipe and source")
    timed = answer.limits.latency_ms is not None
    keep = [place for place, name in enumerate(headers) if timed or name != "Milliseconds"]
    print_table([headers[i] for i in keep], [[row[i] for i in keep] for row in rows])


def _print(limits: Limits, answers: dict[str, Answer]) -> None:
    free, near = answers["free"], answers["free_near_compound"]
    one = near.network == free.network
    shown = {key: answer for key, answer in answers.items() if answer is not near or not one}
    rows = [(_TITLES[key], *_cells(answer)) for key, answer in shown.items() if answer.fits]
    print("\nShapes that nobody trained:")
    if rows:
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
    network = answer.network
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
        milliseconds(network.latency),
    )


def _sentence(answer: Answer) -> str:
    """What stops the search, and what is left; where nothing fits, by how much it is missed."""
    if not answer.fits:
        missed = " and ".join(over(room) for room in answer.rooms if room.left < 0)
        shape = _shape(answer)
        return f"nothing fits. The smallest network searched ({shape}) is over by {missed}."
    stops = []
    if answer.binding:
        stops.append(f"the limit on {listed([LABELS[name] for name in answer.binding])}")
    if answer.ends:
        ends = listed([axis.replace("phi", "φ") for axis in answer.ends])
        stops.append(f"the end of the search in {ends}")
    left = "; ".join(amount(room.name, room.left) for room in answer.rooms)
    return f"stopped by {' and '.join(stops)}. Left: {left}."


def _shape(answer: Answer) -> str:
    """What the network is, in words."""
    network = answer.network
    if network.phi is not None:
        return f"φ = {network.phi:g}, {network.resolution} pixels"
    return f"depth {network.depth:.3g}, width {network.width:.3g}, {network.resolution} pixels"
