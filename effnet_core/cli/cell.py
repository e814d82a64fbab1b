"""`effnet explain --cell`: how one cell of a feature map came about."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from effnet_core.attribution.cell import Cell, CellArithmetic, Sum
from effnet_core.cli.common import working
from effnet_core.cli.loading import described_input, load, read_image
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput
from effnet_core.images import Decoded, to_input
from effnet_core.images.resizing import decode_first, decode_for

if TYPE_CHECKING:
    from effnet_core.weights import LoadedWeights

_FIELDS = ("stage", "channel", "row", "column")


def explain_cell(args: argparse.Namespace) -> int:
    """Print the sums behind the cell that the options name; raises EffnetError."""
    for name in ("out", "raw", "html", "csv", "ledger", "trust", "against"):
        if getattr(args, name):
            raise InvalidInput(f"--cell answers by itself; leave --{name} out.")
    cell = _cell(args.cell)
    data = read_image(args.image)
    first = decode_first(data)  # a bad picture is refused before seconds of loading
    loaded = load(args)
    with working(f"The numbers of {loaded.spec.name}"):
        found = _worked_out(loaded, cell, decode_for(data, loaded.preprocessing, first=first))
    if args.json:
        print_json({"image": args.image, "weights": loaded.id, **_described(found)})
    else:
        for one in found.sums:
            print(_line(one))
        print(f"The network itself has {found.network:.7g} there, in float32.")
        print(described_input(loaded))
    return 0


def _worked_out(loaded: LoadedWeights, cell: Cell, picture: Decoded) -> CellArithmetic:
    from effnet_core.attribution.arithmetic import cell_arithmetic, find_part
    from effnet_core.engines.onnx.parts import part_maps
    from effnet_core.images.resizing import resized_view

    find_part(loaded.spec, cell.stage)  # before a pass is taken
    tensors = {name: values.astype(np.float32) for name, values in loaded.tensors.items()}
    inputs = to_input(resized_view(picture, loaded.preprocessing), loaded.preprocessing)
    maps = part_maps(loaded.spec, tensors, inputs[np.newaxis])
    return cell_arithmetic(loaded.spec, tensors, maps, cell)


def _cell(text: str) -> Cell:
    parts = text.split(",")
    if len(parts) != len(_FIELDS) or not all(
        part.isascii() and part.isdecimal() and len(part) <= 9 for part in parts
    ):
        raise InvalidInput(
            f"--cell takes four whole numbers, {','.join(_FIELDS).upper()}; got {text!r:.60}."
        )
    return Cell(**dict(zip(_FIELDS, map(int, parts), strict=True)))


def _described(found: CellArithmetic) -> dict[str, Any]:
    return {
        "cell": dataclasses.asdict(found.cell),
        "value": found.value,
        "network": found.network,
        "sums": [_described_sum(one) for one in found.sums],
    }


def _described_sum(one: Sum) -> dict[str, Any]:
    return {
        "role": one.role,
        "channel": one.channel,
        "first_channel": one.first_channel,
        "corner": one.corner,
        "values": one.values.tolist(),
        "weights": one.weights.tolist(),
        "total": one.total,
        "scale": one.scale,
        "shift": one.shift,
        "normalised": one.normalised,
        "activation": one.activation,
        "output": one.output,
    }


def _line(one: Sum) -> str:
    """One sum with its two strongest products."""
    terms, rest = one.strongest(2)
    products = " + ".join(f"{term.value:.5g}·{term.weight:.5g}" for term in terms)
    others = one.values.size - len(terms)
    more = f" + {rest:.5g} ({others} others)" if others else ""
    after = "" if one.activation == "none" else f", {one.activation} {one.output:.7g}"
    return (
        f"{one.role} {one.channel}: {products}{more} = {one.total:.7g}; "
        f"× {one.scale:.5g} + {one.shift:.5g} = {one.normalised:.7g}{after}"
    )
