"""Options that name a network: a published variant, a spec file, or the formula at any φ."""

from __future__ import annotations

import argparse
from typing import Any

from effnet_core.architecture.families import SCALABLE, V1, find_family
from effnet_core.architecture.names import architecture, scaled
from effnet_core.architecture.rounding import ROUNDINGS
from effnet_core.architecture.scaling import PAPER_RULE, STRATEGIES, ScalingRule
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cli.streams import warn
from effnet_core.errors import InvalidInput
from effnet_core.limits import PHI_MAX, PHI_MIN

FORMULA_OPTIONS: dict[str, Any] = {
    "family": V1.word,
    "alpha": PAPER_RULE.alpha,
    "beta": PAPER_RULE.beta,
    "gamma": PAPER_RULE.gamma,
    "strategy": "compound",
    "exact_pixels": False,
    "rounding": "ceil",
    "base_resolution": None,
}
"""Options of the formula, with what they mean where they are not given."""

# Scripts may give these with any network; with a published one they get a warning.
_WITHOUT_EFFECT = {"rounding", "base_resolution"}


def add_network(
    parser: argparse.ArgumentParser, *, classes: bool = True
) -> argparse._MutuallyExclusiveGroup:
    """Add `--variant | --phi` with the formula's options, `--resolution` and `--num-classes`.

    The last is not in the help where `classes` is False: they come from elsewhere then. Returns the
    group of which exactly one option must be given, for further ways to name a network.
    """
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--variant",
        metavar="NAME",
        help="published variant (b0…b8, l2, lite0…lite4, v2-b0…v2-b3, v2-s, v2-m, v2-l, "
        "v2-xl, edge-s, edge-m, edge-l, v2-rw-t, v2-rw-s, v2-rw-m), "
        "torchvision's or timm's name for it, or a .json spec file",
    )
    which.add_argument(
        "--phi",
        type=float,
        metavar="φ",
        help=f"the formula's network at φ from {PHI_MIN:g} to {PHI_MAX:g}",
    )
    _add_formula(parser.add_argument_group("with --phi"))
    both = parser.add_argument_group("with either")
    both.add_argument("--resolution", type=int, metavar="N", help="input side in pixels, as it is")
    told = "number of classes [1000]" if classes else argparse.SUPPRESS
    both.add_argument("--num-classes", type=int, metavar="N", help=told)
    return which


def network(args: argparse.Namespace) -> ArchitectureSpec:
    """The spec that the options mean; raises InvalidInput."""
    given = {name for name in FORMULA_OPTIONS if getattr(args, name) is not None}
    if args.num_classes is not None and args.num_classes < 1:
        raise InvalidInput(f"A network needs at least one class; got {args.num_classes}.")
    if args.variant is not None:
        _judge_formula_options(given)
        return architecture(args.variant, num_classes=args.num_classes, resolution=args.resolution)
    chosen = {
        name: getattr(args, name) if name in given else default
        for name, default in FORMULA_OPTIONS.items()
    }
    rule = ScalingRule(chosen["alpha"], chosen["beta"], chosen["gamma"])
    if rule.warning:
        warn(rule.warning)
    return scaled(
        args.phi,
        family=find_family(chosen["family"]),
        rule=rule,
        strategy=chosen["strategy"],
        repeats=chosen["rounding"],
        base_resolution=chosen["base_resolution"],
        exact_pixels=chosen["exact_pixels"],
        resolution=args.resolution,
        num_classes=args.num_classes or 1000,
    )


def _judge_formula_options(given: set[str]) -> None:
    """Options of the formula that came with --variant: some get a warning, the others an error."""
    options = {name: "--" + name.replace("_", "-") for name in sorted(given)}
    for name, option in options.items():
        if name not in _WITHOUT_EFFECT:
            raise InvalidInput(
                f"{option} belongs to the formula (--phi), and --variant takes a network as it is."
            )
    if options:
        verb = "has" if len(options) == 1 else "have"
        warn(
            f"{' and '.join(options.values())} {verb} no effect with --variant, which takes a "
            "network as it is."
        )


def add_family(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add `--family`, which `find_family` reads."""
    known = ", ".join(family.word for family in SCALABLE)
    group.add_argument(
        "--family", metavar="NAME", help=f"whose table φ scales: {known} [{V1.word}]"
    )


def _add_formula(group: argparse._ArgumentGroup) -> None:
    add_family(group)
    for name, axis in (("alpha", "depth"), ("beta", "width"), ("gamma", "resolution")):
        default = FORMULA_OPTIONS[name]
        group.add_argument(
            f"--{name}", type=float, metavar="X", help=f"{axis} factor of one step of φ [{default}]"
        )
    group.add_argument(
        "--strategy", choices=STRATEGIES, help="which axes grow, at equal nominal cost [compound]"
    )
    group.add_argument(
        "--rounding",
        choices=ROUNDINGS,
        help="how a stage's repeats are rounded [ceil]; published rows are as they are",
    )
    group.add_argument(
        "--base-resolution",
        type=int,
        metavar="N",
        help="input side at φ = 0 [the family's, 224]; published rows are as they are",
    )
    group.add_argument(
        "--exact-pixels",
        action="store_true",
        default=None,
        help="round the resolution to whole pixels instead of multiples of 8",
    )
