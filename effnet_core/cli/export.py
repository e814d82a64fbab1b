"""`effnet export`: a network for use elsewhere."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path
from typing import Any

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cli.common import Commands, add_command, output_path, seed, working
from effnet_core.cli.loading import add_checkpoint, add_weights, load
from effnet_core.cli.network import FORMULA_OPTIONS, add_network, network
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput
from effnet_core.files import decimal_size

# The formats of effnet_core.network.export, which needs torch; a test holds them equal.
ENDINGS = {"onnx": ".onnx", "json": ".json", "python": ".py"}

_NETWORK_ONLY = ("resolution", "num_classes", "seed", *FORMULA_OPTIONS)


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "export",
        _run,
        "Write a network as an ONNX model, as its spec (JSON), or as a Python file that needs "
        "torch alone (with --weights they are saved beside it, ending in .pth).",
    )
    which = add_network(parser)
    add_weights(which, required=False)
    add_checkpoint(parser)
    parser.add_argument("--format", required=True, choices=tuple(ENDINGS))
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="for ONNX without --weights [drawn, and shown]"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="file to write")


def _run(args: argparse.Namespace) -> int:
    target = output_path(args.out, ENDINGS[args.format])
    if args.weights is not None:
        name, written, used_seed = _export_weights(args, target)
    else:
        name, written, used_seed = _export_spec(args, target)
    files = [{"path": str(path), "size_bytes": path.stat().st_size} for path in written]
    if args.json:
        print_json(
            {
                "name": name,
                "format": args.format,
                "weights": args.weights,
                "seed": used_seed,
                "files": files,
            }
        )
    else:
        origin = "" if used_seed is None else f", initial weights of seed {used_seed}"
        print(f"{name} as {args.format}{origin}:")
        for path in written:
            print(f"  {path} ({decimal_size(path.stat().st_size)})")
    return 0


def _export_weights(
    args: argparse.Namespace, target: Path
) -> tuple[str, tuple[Path, ...], int | None]:
    given = [name for name in _NETWORK_ONLY if getattr(args, name) is not None]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise InvalidInput(f"{option} does not go with --weights: they say what the network is.")
    loaded = load(args)
    described: dict[str, Any] = {
        "classes": loaded.classes,
        "preprocessing": loaded.preprocessing,
        "activation": loaded.activation,
    }
    with working(f"Exporting {loaded.spec.name}"):
        from effnet_core.network import export
        from effnet_core.weights import instantiate

        if args.format == "json":
            written = export.write_json(target, loaded.spec)
        elif args.format == "python":
            written = export.write_python(
                target, loaded.spec, state_dict=loaded.state_dict, **described
            )
        else:
            written = export.write_onnx(target, instantiate(loaded), **described)
    return loaded.spec.name, written, None


def _export_spec(
    args: argparse.Namespace, target: Path
) -> tuple[str, tuple[Path, ...], int | None]:
    spec = network(args)
    if args.format != "onnx" and args.seed is not None:
        raise InvalidInput(f"--seed is for ONNX: a {args.format} export holds no weights.")
    with working(f"Exporting {spec.name}"):
        if args.format == "onnx":
            chosen = secrets.randbelow(2**32) if args.seed is None else args.seed
            return spec.name, _initialised_onnx(spec, target, chosen), chosen
        from effnet_core.network import export

        if args.format == "json":
            return spec.name, export.write_json(target, spec), None
        return spec.name, export.write_python(target, spec), None


def _initialised_onnx(spec: ArchitectureSpec, target: Path, chosen: int) -> tuple[Path, ...]:
    from effnet_core.network.build import build
    from effnet_core.network.export import write_onnx

    return write_onnx(target, build(spec, seed=chosen))
