"""`effnet reconcile` and `effnet results`: the formula beside what was published; accuracies."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from effnet_core.cli.common import Commands, add_command, print_table
from effnet_core.cli.streams import print_json
from effnet_core.cli.trained import print_trained
from effnet_core.cost.reconcile import Reconciliation, reconcile
from effnet_core.errors import InvalidInput
from effnet_core.results.published import PublishedResult, price, results

_FILTERS = ("architecture", "family", "recipe", "source", "test_set")


def register(commands: Commands) -> None:
    """Add both commands."""
    parser = add_command(
        commands, "reconcile", _reconcile, "Why a published variant is not what the formula gives."
    )
    parser.add_argument("variant", metavar="NAME", help="b0…b8, l2, lite0…lite4 or v2-b0…v2-b3")
    parser = add_command(
        commands, "results", _results, "Published accuracies, each with this project's exact cost."
    )
    for name in _FILTERS:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help="only this one")
    parser.add_argument(
        "--trained",
        action="store_true",
        help="instead, the networks that this project trained itself, on other photos",
    )


def _reconcile(args: argparse.Namespace) -> int:
    found = reconcile(args.variant)
    if args.json:
        print_json(dataclasses.asdict(found))
    else:
        _print_reconciliation(found)
    return 0


def _print_reconciliation(found: Reconciliation) -> None:
    phi = found.nominal_phi
    print(f"{found.variant}: published coefficients beside the formula, computed\n")
    print_table(
        (
            "Axis",
            "Factor",
            "Published",
            "Formula" if phi is None else f"Formula at φ = {phi:g}",
            "Implied φ",
        ),
        [
            (
                axis.axis,
                axis.factor,
                f"{axis.published_ratio:.4g}",
                "–" if axis.formula_ratio is None else f"{axis.formula_ratio:.4g}",
                f"{axis.implied_phi:.3g}",
            )
            for axis in found.axes
        ],
    )
    print()
    costs = [(found.variant, found.published)]
    if found.formula is not None:
        costs.append((f"formula at φ = {phi:g}", found.formula))
    if found.twin is not None:
        costs.append((f"formula at φ = {found.twin_phi:g}, nearest in cost", found.twin))
    print_table(
        ("Network", "Blocks", "Parameters", "Multiply-adds"),
        [(name, cost.blocks, cost.params, cost.mult_adds) for name, cost in costs],
    )
    _print_roundings(found)
    _print_jumps(found)


def _print_roundings(found: Reconciliation) -> None:
    print(f"\nWhat rounding made of {found.variant}'s published factors:\n")
    print_table(
        ("Stage", "Channels, exact", "Channels", "Repeats, exact", "Repeats"),
        [
            (
                stage.stage,
                f"{stage.exact_channels:.4g}",
                stage.channels,
                f"{stage.exact_repeats:.4g}",
                stage.repeats,
            )
            for stage in found.stages
        ],
    )


def _print_jumps(found: Reconciliation) -> None:
    print("\nWhere the formula's network gains blocks; in between its depth stands still:\n")
    print_table(
        ("φ", "Blocks below", "Blocks above", "Parameters below", "Parameters above"),
        [
            (
                f"{jump.phi:.4g}",
                jump.blocks_below,
                jump.blocks_above,
                jump.params_below,
                jump.params_above,
            )
            for jump in found.jumps
        ],
    )


def _results(args: argparse.Namespace) -> int:
    wanted = {name: getattr(args, name) for name in _FILTERS}
    if args.trained:
        given = [name for name, text in wanted.items() if text is not None]
        if given:
            raise InvalidInput(f"--{given[0].replace('_', '-')} is for published results alone.")
        print_trained(as_json=args.json)
        return 0
    found = results(**wanted)
    if args.json:
        print_json([_described(result) for result in found])
        return 0
    print_table(
        ("Model", "Recipe", "Pixels", "Test set", "Top-1 %", "Multiply-adds", "Source"),
        [
            (
                result.model,
                result.recipe,
                result.test_resolution,
                result.test_set,
                f"{result.top1:g}",
                getattr(price(result), "mult_adds", None),
                result.source,
            )
            for result in found
        ],
    )
    print(f"\n{len(found)} accuracies, published; multiply-adds computed at the test resolution.")
    return 0


def _described(result: PublishedResult) -> dict[str, Any]:
    cost = price(result)
    return {
        **dataclasses.asdict(result),
        "cost": None if cost is None else dataclasses.asdict(cost),
    }
