"""`effnet build`: a randomly initialised network in a file."""

from __future__ import annotations

import argparse
import secrets

from effnet_core.cli.common import Commands, add_command, add_device, output_path, seed, working
from effnet_core.cli.network import add_network, network
from effnet_core.cli.streams import print_json


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "build",
        _run,
        "Initialise a network as the reference does and save it with its spec.",
    )
    add_network(parser)
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="makes the weights reproducible [drawn, and shown]"
    )
    add_device(parser)
    parser.add_argument("--out", required=True, metavar="FILE.safetensors", help="file to write")


def _run(args: argparse.Namespace) -> int:
    target = output_path(args.out, ".safetensors")
    spec = network(args)
    chosen = secrets.randbelow(2**32) if args.seed is None else args.seed
    with working(f"Building {spec.name}"):
        from effnet_core.network.build import build
        from effnet_core.weights import save_checkpoint

        model = build(spec, device=args.device, dtype=args.dtype, seed=chosen)
        sha256 = save_checkpoint(target, model)
    size = target.stat().st_size
    params = sum(parameter.numel() for parameter in model.parameters())
    device = str(model.classifier.weight.device)
    if args.json:
        print_json(
            {
                "name": spec.name,
                "out": str(target),
                "size_bytes": size,
                "sha256": sha256,
                "params": params,
                "resolution": spec.resolution,
                "seed": chosen,
                "device": device,
                "dtype": args.dtype,
            }
        )
    else:
        print(
            f"{target}: {spec.name}, {params:,} parameters in {args.dtype}, initialised on "
            f"{device} with seed {chosen}; SHA-256 {sha256}"
        )
    return 0
