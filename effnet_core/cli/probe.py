"""`effnet probe`: one network, one picture, several input sizes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from effnet_core.cli.common import Commands, add_command, add_device, print_table, progress_bar
from effnet_core.cli.loading import add_checkpoint, add_weights, load, read_image
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput
from effnet_core.images.resizing import decode_first

if TYPE_CHECKING:
    from effnet_core.engines.probe import ProbedSize


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "probe", _run, "What fixed weights say of a picture at several input sizes."
    )
    parser.add_argument("image", metavar="IMAGE", help="picture file")
    add_weights(parser, has_default=True)
    add_checkpoint(parser)
    parser.add_argument(
        "--sizes", metavar="N,N,…", help="pixels a side [eight around the trained size]"
    )
    parser.add_argument(
        "--class", dest="class_index", type=int, metavar="INDEX",
        help="class to follow [the most probable one at the trained size]",
    )  # fmt: skip
    add_device(parser)


def _run(args: argparse.Namespace) -> int:
    from effnet_core.engines.onnx.cache import GraphCache
    from effnet_core.engines.probe import probe, probe_sizes, require_sizes
    from effnet_core.weights import WeightsStore

    sizes = _sizes(args.sizes)
    if sizes:
        require_sizes(sizes)
    data = read_image(args.image)
    decode_first(data)  # a bad picture is refused before anything is loaded
    loaded = load(args, args.device)
    sizes = sizes or probe_sizes(loaded.preprocessing.crop)
    with progress_bar("Probing", "size") as progress:
        found = probe(
            loaded,
            data,
            sizes,
            class_index=args.class_index,
            device=args.device,
            dtype=args.dtype,
            graphs=GraphCache(WeightsStore().root / "graphs"),
            progress=progress,
        )
    if args.json:
        print_json([_described(size) for size in found])
    else:
        target = found[0].target
        print(f"{loaded.id} follows {target.label} ({target.index}); weights never change")
        print_table(
            ("Size", "Probability", "Most probable", "Map", "Measured"), tuple(map(_row, found))
        )
    return 0


def _sizes(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise InvalidInput(
            f"Sizes are whole numbers with commas between them, such as 160,224; got {text!r:.80}."
        ) from None


def _described(size: ProbedSize) -> dict[str, Any]:
    return {
        "resolution": size.resolution,
        "probability": size.target.probability,
        "top": {"index": size.top.index, "label": size.top.label,
                "probability": size.top.probability},
        "class": {"index": size.target.index, "label": size.target.label},
        "grid": list(size.grid),
        "milliseconds": round(size.milliseconds, 3),
        "trained": size.trained,
    }  # fmt: skip


def _row(size: ProbedSize) -> tuple[str, ...]:
    mark = " (trained)" if size.trained else ""
    return (
        f"{size.resolution} px{mark}",
        f"{size.target.probability:.2%}",
        f"{size.top.label} {size.top.probability:.2%}",
        f"{size.grid[0]} × {size.grid[1]}",
        f"{size.milliseconds:.0f} ms",
    )
