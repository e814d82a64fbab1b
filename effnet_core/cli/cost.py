"""`effnet cost`: what a network costs, computed from its spec alone."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from effnet_core.cli.common import Commands, add_command, add_dtype, positive, print_table, working
from effnet_core.cli.network import add_network, network
from effnet_core.cli.streams import print_json
from effnet_core.cost.memory import TITLES, runs
from effnet_core.cost.report import CostReport, analyze
from effnet_core.files import decimal_size

if TYPE_CHECKING:
    from effnet_core.network.verify import Verification


_HEADERS = (
    "Stage",
    "Operator",
    "Stride",
    "Repeats",
    "Output",
    "Parameters",
    "Multiply-adds",
    "Activations",
    "Receptive field",
)


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "cost", _run, "Parameters, multiply-adds, activations and memory of a network."
    )
    add_network(parser)
    parser.add_argument(
        "--batch", type=positive, default=1, metavar="N", help="images at once, for memory [1]"
    )
    add_dtype(parser)
    parser.add_argument(
        "--verify",
        action="store_true",
        help="also build the network and count it with fvcore and with torch; exit code 1 if they "
        "disagree",
    )


def _run(args: argparse.Namespace) -> int:
    report = analyze(network(args), batch=args.batch, dtype=args.dtype)
    verification = _verify(report) if args.verify else None
    if args.json:
        print_json(_as_json(report, verification))
    else:
        _print_report(report)
        if verification is not None:
            _print_verification(verification)
    return 0 if verification is None or verification.agrees else 1


def _verify(report: CostReport) -> Verification:
    with working(f"Building {report.spec.name} and counting it with fvcore and torch"):
        from effnet_core.network.verify import verify

        return verify(report.spec, resolution=report.resolution)


def _as_json(report: CostReport, verification: Verification | None) -> dict[str, Any]:
    spec, totals = report.spec, report.totals
    layer_keys = (
        "name",
        "stage",
        "block",
        "kind",
        "out_shape",
        "params",
        "mult_adds",
        "activations",
    )
    result: dict[str, Any] = {
        "name": spec.name,
        "phi": spec.phi,
        "depth": spec.depth,
        "width": spec.width,
        "resolution": report.resolution,
        "blocks": totals.blocks,
        "params": totals.params,
        "mult_adds": totals.mult_adds,
        "activations": totals.activations,
        "fvcore": dataclasses.asdict(totals.fvcore),
        "weight_bytes": totals.weight_bytes,
        "peak_activation_bytes": totals.peak_activation_bytes,
        "run_bytes": runs(report),
        "layers": [{key: getattr(layer, key) for key in layer_keys} for layer in report.layers],
    }
    if verification is not None:
        rows = ({**dataclasses.asdict(r), "difference": r.difference} for r in verification.rows)
        result["verify"] = {
            "agrees": verification.agrees,
            "rows": list(rows),
            "not_counted": dict(verification.not_counted),
        }
    return result


def _print_report(report: CostReport) -> None:
    spec, totals = report.spec, report.totals
    print(
        f"{spec.name} at {report.resolution} × {report.resolution} pixels, computed from its spec"
    )
    print(f"depth × {spec.depth:.4g}, width × {spec.width:.4g}, {totals.blocks} blocks\n")
    rows: list[tuple[object, ...]] = [
        (
            row.stage,
            row.title,
            row.stride,
            row.repeats,
            " × ".join(map(str, row.out_shape)),
            row.params,
            row.mult_adds,
            row.activations,
            row.receptive_field,
        )
        for row in report.stages
    ]
    total = ("", totals.params, totals.mult_adds, totals.activations, None)
    print_table(_HEADERS, [*rows, (None, "Total", None, None, *total)])
    _print_units(report)


def _print_units(report: CostReport) -> None:
    totals, counts = report.totals, report.totals.fvcore
    print(
        f"\nOne multiply-add counts once, for one image; convolutions {counts.conv:,} and linear "
        f"{counts.linear:,} without biases.\n"
        f"Apart from these, as fvcore counts: batch-norm {counts.batch_norm:,}, average pooling "
        f"{counts.adaptive_avg_pool2d:,}; its total is {counts.total:,}.\n"
        "Activations are the outputs of convolutions and the linear layer; the receptive field is "
        "in input pixels.\n"
        f"Weights and buffers {decimal_size(totals.weight_bytes)}; activations at their peak "
        f"{decimal_size(totals.peak_activation_bytes)}, at {totals.peak_at} "
        f"(batch {report.batch}, {report.dtype}).\n"
        "A run on the CPU takes more, predicted: "
        + ", ".join(
            f"{decimal_size(needed)} with {TITLES[engine]}"
            for engine, needed in runs(report).items()
        )
        + "."
    )


def _print_verification(verification: Verification) -> None:
    print("\nThe built network, counted:")
    print_table(
        ("Counter", "Quantity", "Operator", "Computed", "Counted", "Difference"),
        [
            (row.counter, row.quantity, row.operator, row.computed, row.counted, row.difference)
            for row in verification.rows
        ],
    )
    listed = ", ".join(f"{name} ({times}×)" for name, times in verification.not_counted)
    print(
        f"\nfvcore has no count for: {listed}.\n"
        "torch counts a multiply and an add apart: its counts are halved here.\n"
        f"{'All figures agree.' if verification.agrees else 'Some figures disagree.'}"
    )
