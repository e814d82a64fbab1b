"""`effnet explain --ledger` and `--html`: the logit as a sum, and the explanation as one file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from effnet_core.cli.common import output_paths
from effnet_core.cli.loading import answered, described_input
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.attribution.document import Figure
    from effnet_core.attribution.ledger import Ledger, Line
    from effnet_core.attribution.trust import Trust
    from effnet_core.engines.engine import ForwardPass
    from effnet_core.engines.prediction import Prediction
    from effnet_core.weights import LoadedWeights

LEDGER_OPACITY = 0.8
_TOP = 5
_OF_MAPS: dict[str, object] = {
    "method": "grad-cam",
    "set": [],
    "stage": "last",
    "raw": None,
    "top_classes": None,
    "trust": False,
}


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """Add `--ledger` and what belongs to it, and `--html`."""
    group = parser.add_argument_group("ledger")
    group.add_argument(
        "--ledger",
        action="store_true",
        help="how the logit adds up over places and channels; --out is then the signed overlay",
    )
    group.add_argument(
        "--against", type=int, metavar="INDEX", help="the logit's lead over that of this class"
    )
    group.add_argument("--csv", metavar="ledger.csv", help="also write the ledger as CSV")
    parser.add_argument(
        "--html", metavar="page.html", help="also write all of it as one file that needs no other"
    )


def require_maps(args: argparse.Namespace) -> None:
    """Raise InvalidInput for options of the ledger without it, and where nothing is asked for."""
    for name in ("against", "csv"):
        if getattr(args, name) is not None:
            raise InvalidInput(f"--{name} belongs to --ledger; add it.")
    if args.out is None and args.html is None and not args.trust:
        raise InvalidInput(
            "A map needs --out, the overlay to write, --html or --trust; --ledger needs none."
        )


def run_ledger(args: argparse.Namespace) -> int:
    """Add up the logit of one class, or its lead over another."""
    _require_ledger(args)
    paths = output_paths(args, out=".png", csv=".csv", html=".html")
    loaded, _, prediction, by = answered(args, _TOP)
    target = prediction.of(*(args.class_indices or (prediction.top[0].index,)))
    against = None if args.against is None else prediction.of(args.against)
    found = ledger_of(loaded, by, target.index, args.against)
    _write(args, *paths, loaded=loaded, prediction=prediction, found=found)
    if args.json:
        described = {
            "image": args.image,
            "weights": prediction.weights,
            "class": dataclasses.asdict(target),
            "against": None if against is None else dataclasses.asdict(against),
            "activation": prediction.activation,
            "ledger": found.to_dict(),
            "classified_by": prediction.engine,
            "device": prediction.device,
            "dtype": prediction.dtype,
        }
        print_json(described | {"out": args.out, "csv": args.csv, "html": args.html})
        return 0
    _print(prediction, found)
    for path in filter(None, paths):
        print(f"Written: {path}")
    print(described_input(loaded))
    if prediction.meaning:
        print(prediction.meaning)
    return 0


def ledger_of(
    loaded: LoadedWeights, by: ForwardPass, class_index: int, against: int | None = None
) -> Ledger:
    """The ledger of a class in a pass of a model with these weights; raises InvalidInput."""
    from effnet_core.attribution.ledger import ledger
    from effnet_core.weights.rows import as_rows

    tensors = as_rows(loaded).tensors
    weights, biases = (
        tensors[f"classifier.{name}"].astype(np.float32) for name in ("weight", "bias")
    )
    return ledger(
        by,
        weights,
        biases,
        class_index=class_index,
        against=against,
        one_logit=loaded.spec.num_classes == 1,
    )


def write_html(
    path: Path,
    args: argparse.Namespace,
    loaded: LoadedWeights,
    prediction: Prediction,
    found: Ledger,
    figures: Sequence[Figure] = (),
    trust: Trust | None = None,
) -> None:
    """Write the explanation as one HTML file, the ledger's own overlay after `figures`."""
    from effnet_core import files
    from effnet_core.attribution.document import document, to_html
    from effnet_core.weights import DEFAULT

    licence, origin = _provenance(args.weights or DEFAULT, loaded)
    page = document(
        Path(args.image).name,
        prediction.with_top(_TOP),
        found,
        weights=loaded,
        licence=licence,
        origin=origin,
        figures=figures,
        trust=trust,
    )
    files.write(path, to_html(page).encode())


def _require_ledger(args: argparse.Namespace) -> None:
    for name, default in _OF_MAPS.items():
        if getattr(args, name) != default:
            raise InvalidInput(
                f"--{name.replace('_', '-')} belongs to maps; --ledger adds up one class at the "
                "last feature map."
            )
    if len(args.class_indices or ()) > 1:
        raise InvalidInput("--ledger adds up one class; give one --class.")


def _provenance(named: str, loaded: LoadedWeights) -> tuple[str, str]:
    """Licence and origin of the weights that a user named; a file states no licence."""
    from effnet_core import files
    from effnet_core.weights import WeightsStore

    if files.is_file(named):
        return "not stated", loaded.origin
    stored = WeightsStore().source(named).stored
    return stored.licence, stored.origin


def _write(
    args: argparse.Namespace,
    overlay_path: Path | None,
    csv_path: Path | None,
    html_path: Path | None,
    *,
    loaded: LoadedWeights,
    prediction: Prediction,
    found: Ledger,
) -> None:
    from effnet_core import files
    from effnet_core.attribution.ledger import to_csv
    from effnet_core.attribution.render import png_bytes, signed_overlay

    if overlay_path is not None:
        opacity = LEDGER_OPACITY if args.opacity is None else args.opacity
        drawn = signed_overlay(prediction.view, found.cells, opacity=opacity)
        files.write(overlay_path, png_bytes(drawn))
    if csv_path is not None:
        files.write(csv_path, to_csv(found).encode())
    if html_path is not None:
        write_html(html_path, args, loaded, prediction, found)


def _print(prediction: Prediction, found: Ledger) -> None:
    whose = f"Logit of {prediction.classes[found.class_index]} ({found.class_index})"
    if found.against is not None:
        whose += f" minus that of {prediction.classes[found.against]} ({found.against})"
    height, width = found.grid
    print(
        f"{whose} by {prediction.weights}: {found.logit:+.4f}, measured by {prediction.engine} on "
        f"{prediction.device} in {prediction.dtype}. It is the sum over {height} × {width} places, "
        f"and as well over {found.channels.size:,} channels, of the last feature map:"
    )
    for title, lines in (("Places", found.place_lines()), ("Channels", found.channel_lines())):
        _print_lines(title, lines, found.logit)


def _print_lines(title: str, lines: tuple[Line, ...], logit: float) -> None:
    print(f"\n{title:<28}{'Share':>12}{'Sum so far':>14}")
    for line in lines:
        print(f"{line.what:<28}{line.share:>+12.4f}{line.total:>+14.4f}")
    print(f"{'= logit':<28}{'':>12}{logit:>+14.4f}")
