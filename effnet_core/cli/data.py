"""`effnet data …`: photos out of folders and zips, decoded once and ready for training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from effnet_core.cli.common import (
    Commands,
    add_command,
    positive,
    print_table,
    progress_bar,
    working,
)
from effnet_core.cli.folders import (
    add_folders,
    answered_by_option,
    warn_of_passed_over,
    warn_of_unreadable,
)
from effnet_core.cli.streams import print_json

if TYPE_CHECKING:
    from effnet_core.datasets.prepared import PreparedReport


def register(commands: Commands) -> None:
    """Add the group of commands."""
    summary = "Photos for training: prepare a data set, look into a prepared one."
    group = commands.add_parser("data", help=summary, description=summary)
    actions = group.add_subparsers(metavar="ACTION", required=True, dest="action")
    prepare = add_command(
        actions, "prepare", _prepare, "Decode photos once to squares of one size, for training."
    )
    prepare.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder or zip with one folder a class, also below train/ and val/; Tiny-ImageNet-"
        "200; or several, called train… and val…",
    )
    prepare.add_argument("--out", required=True, metavar="DIR", help="folder for the result")
    prepare.add_argument(
        "--side", type=positive, default=64, metavar="PIXELS", help="side of a photo [64]"
    )
    prepare.add_argument(
        "--classes", metavar="CSV", help="which classes, in which order: columns wnid, name"
    )
    prepare.add_argument(
        "--boxes",
        metavar="CSV",
        help="bounding boxes: columns split (optional), wnid, file, x_min, y_min, x_max, y_max",
    )
    prepare.add_argument(
        "--max-photos-per-class", type=positive, metavar="N", help="of each split [all]"
    )
    add_folders(prepare)
    info = add_command(
        actions, "info", _info, "What a prepared folder holds, its files checked by SHA-256."
    )
    info.add_argument("folder", metavar="DIR")


def _prepare(args: argparse.Namespace) -> int:
    with working("Loading PyTorch"):
        from effnet_core.datasets.prepare import prepare
    with progress_bar("Decoding") as progress, answered_by_option():
        report = prepare(
            [Path(source) for source in args.sources],
            Path(args.out),
            side=args.side,
            class_list=Path(args.classes) if args.classes else None,
            boxes=Path(args.boxes) if args.boxes else None,
            max_per_class=args.max_photos_per_class,
            folders_are=args.folders,
            progress=progress,
        )
    warn_of_passed_over(report.passed_over)
    warn_of_unreadable(report.unreadable, "data.json")
    if args.json:
        print_json({"path": args.out, **report.to_dict()})
    else:
        _print_splits(report)
        print(f"\nIn {args.out}: {_described(report)}")
    return 0


def _info(args: argparse.Namespace) -> int:
    with working("Loading PyTorch"):
        from effnet_core.datasets.prepared import verify
    with working(f"Reading {args.folder}"):
        report = verify(Path(args.folder))
    if args.json:
        print_json({"path": args.folder, **report.to_dict()})
        return 0
    print_table(
        ("Class id", "Class", *(split.capitalize() for split in report.counts)),
        list(zip(report.class_ids, report.classes, *report.counts.values(), strict=True)),
    )
    print()
    _print_splits(report)
    print(f"\n{_described(report)} Every file is as it was written (SHA-256).")
    return 0


def _print_splits(report: PreparedReport) -> None:
    print_table(
        ("Split", "Photos", "Classes", "Fewest a class", "Most a class", "With a box"),
        [
            (
                split,
                sum(counts),
                sum(count > 0 for count in counts),
                min(counts),
                max(counts),
                report.boxed[split],
            )
            for split, counts in report.counts.items()
        ],
    )


def _described(report: PreparedReport) -> str:
    besides = report.passed_over.in_words
    return (
        f"{report.side} × {report.side} pixels, from {report.source} ({report.form}); "
        f"{len(report.unreadable):,} unreadable; files that are not named as pictures: "
        f"{report.ignored:,}." + (f" {besides}" if besides else "")
    )
