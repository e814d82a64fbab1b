"""`effnet evaluate`: how right is a network on these labelled photos, and where does it look?"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from effnet_core.attribution.registry import find_method
from effnet_core.cli.common import (
    Commands,
    add_command,
    add_device,
    output_path,
    positive,
    progress_bar,
    seed,
    working,
)
from effnet_core.cli.evaluation_report import print_maps, print_result, warn_of_missing, write
from effnet_core.cli.folders import add_folders, answered_by_option, warn_of_passed_over
from effnet_core.cli.loading import add_checkpoint, add_weights, described_input, load, predictor
from effnet_core.cli.streams import print_json
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.attribution import MapScores
    from effnet_core.attribution.compute import Stage
    from effnet_core.datasets.photo_files import Source
    from effnet_core.engines.predictor import Predictor
    from effnet_core.evaluation.result import Evaluation

MAP_PHOTOS = 500


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        _run,
        "Accuracy, calibration and confusion of a network on labelled photos; scores of its maps.",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a prepared folder or file, a folder or zip with one folder a class, also below "
        "train/ and val/, or Tiny-ImageNet-200",
    )
    add_weights(parser)
    parser.add_argument(
        "--split", choices=("val", "train"), default="val", help="if there are splits [val]"
    )
    parser.add_argument(
        "--batch", type=positive, metavar="N", help="photos at once [up to 64, as memory allows]"
    )
    parser.add_argument(
        "--max-photos", type=positive, metavar="N", help="draw N photos with --seed [all]"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of all draws [0]")
    parser.add_argument("--csv", metavar="FILE", help="write the accuracy on each class as CSV")
    parser.add_argument("--confusion", metavar="FILE", help="write the confusion matrix as CSV")
    add_folders(parser)
    _add_maps(parser)
    add_checkpoint(parser)
    add_device(parser)


def _add_maps(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("maps")
    group.add_argument(
        "--maps", action="store_true", help="score maps on the boxes that come with the photos"
    )
    group.add_argument("--method", metavar="NAME", help="see `effnet explain --help` [grad-cam]")
    group.add_argument(
        "--stage",
        action="append",
        metavar="N",
        help='0 is the stem, "last" the head; may be given several times [last, and the deepest '
        "of at least 5 × 5]",
    )
    group.add_argument(
        "--photos", type=positive, metavar="N", help=f"draw N with --seed [{MAP_PHOTOS}]"
    )


def _run(args: argparse.Namespace) -> int:
    stages = _map_stages(args)
    table, matrix = (
        output_path(name, ".csv") if name else None for name in (args.csv, args.confusion)
    )
    with working("Loading PyTorch"):
        from effnet_core.datasets.photo_files import has_boxes, open_photos
        from effnet_core.evaluation.accuracy import evaluate
    source_of = open_photos(Path(args.source), args.split, args.folders)
    with answered_by_option(), source_of as source:
        if args.maps and not has_boxes(source.photos):
            raise InvalidInput(f"{source.name} comes without boxes, so no map can be scored on it.")
        loaded = load(args, args.device)
        model = predictor(loaded, args, warm=False)
        rows = _maps(args, model, source, stages) if args.maps else None
        with progress_bar("Evaluating") as progress:
            found = evaluate(
                model,
                source.photos,
                batch=args.batch,
                max_photos=args.max_photos,
                seed=args.seed,
                progress=progress,
            )
    warn_of_passed_over(source.passed_over)
    warn_of_missing(found)
    write(found, table, matrix)
    if args.json:
        print_json(_described(args, source, found, rows))
        return 0
    print(f"{model.weights_id} on {model.device} in {model.dtype}\n{described_input(loaded)}\n")
    print_result(source, found)
    if rows is not None:
        print_maps(rows, args.seed)
    return 0


def _map_stages(args: argparse.Namespace) -> tuple[Stage, ...] | None:
    """What `--stage` names, None without it; raises InvalidInput, also for a map option alone."""
    if not args.maps:
        if args.method or args.stage or args.photos:
            raise InvalidInput("--method, --stage and --photos say which maps; add --maps.")
        return None
    find_method(args.method or "grad-cam")
    return None if args.stage is None else tuple(map(_stage, args.stage))


def _stage(text: str) -> int | Literal["last"]:
    if text == "last":
        return "last"
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InvalidInput(
            f'The stage must be "last" or a whole number from 0 (stem); got {text!r:.40}.'
        )
    return int(text)


def _maps(
    args: argparse.Namespace,
    model: Predictor,
    source: Source,
    stages: tuple[Stage, ...] | None,
) -> tuple[MapScores, ...]:
    from effnet_core.evaluation.maps import evaluate_maps

    with progress_bar("Scoring maps") as progress:
        return evaluate_maps(
            model,
            source.photos,
            method=args.method or "grad-cam",
            stages=stages,
            count=args.photos or MAP_PHOTOS,
            seed=args.seed,
            progress=progress,
        )


def _described(
    args: argparse.Namespace,
    source: Source,
    found: Evaluation,
    rows: tuple[MapScores, ...] | None,
) -> dict[str, Any]:
    described = {
        "source": args.source,
        "form": source.form,
        "split": source.split,
        "ignored": source.passed_over.files,
        "passed_over": dataclasses.asdict(source.passed_over),
        **found.to_dict(),
    }
    if rows is not None:
        described["maps"] = {
            "method": args.method or "grad-cam",
            "photos": rows[0].photos,
            "seed": args.seed,
            "rows": [row.to_dict() for row in rows],
        }
    return described
