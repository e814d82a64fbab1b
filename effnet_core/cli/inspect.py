"""`effnet inspect`: what a checkpoint is taken for, before anything is computed with it."""

from __future__ import annotations

import argparse
from pathlib import Path

from effnet_core.cli.common import Commands, add_command, print_table, working
from effnet_core.cli.loading import add_checkpoint, checkpoint_options
from effnet_core.cli.streams import print_json


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "inspect",
        _inspect,
        "What a checkpoint is taken for, and where each part of that comes from.",
    )
    parser.add_argument(
        "file",
        metavar="FILE|FOLDER|ZIP",
        help="a .safetensors, .pth, .pt, .bin, .ckpt or .pth.tar file, or what holds one",
    )
    add_checkpoint(parser)


def _inspect(args: argparse.Namespace) -> int:
    options = checkpoint_options(args)
    with working(f"Reading {args.file}"):
        from effnet_core.weights import understand

        found = understand(Path(args.file), **options)
    if args.json:
        print_json(found.to_dict())
    else:
        print_table(("What", "Understood as"), found.in_words)
    return 0
