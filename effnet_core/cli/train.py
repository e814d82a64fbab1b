"""`effnet train`: train a network on photos, from scratch or from weights, and resume a run.

Under `torchrun` the same command trains on several devices:
`torchrun --nproc-per-node 2 -m effnet_core.cli train …`.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effnet_core.cli import INTERRUPTED
from effnet_core.cli.common import (
    Commands,
    add_command,
    device,
    positive,
    print_table,
    progress_bar,
    working,
)
from effnet_core.cli.folders import NAMED, add_folders, answered_by_option, warn_of_passed_over
from effnet_core.cli.network import FORMULA_OPTIONS, add_network, network
from effnet_core.cli.recipe_options import add_recipe, recipe_fields
from effnet_core.cli.streams import print_json, warn
from effnet_core.cli.training_progress import following, readable_time
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.datasets.splits import FoldersAre
    from effnet_core.training.distributed import World
    from effnet_core.training.job import Job, TrainingData
    from effnet_core.training.recipe import Recipe
    from effnet_core.training.runs.folder import RunFolder
    from effnet_core.training.runs.run import Result
    from effnet_core.weights import LoadedWeights

_WITH_RESUME = {"resume", "data", "device", "threads", "json", "run", "command"}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "train",
        _run,
        "Train a network on photos, from scratch or from weights; resume a run.",
    )
    which = add_network(parser, classes=False)
    which.add_argument(
        "--from",
        dest="start",
        metavar="ID|FILE",
        help="fine-tune these weights, with a new classifier; as in `effnet classify --weights`",
    )
    which.add_argument("--resume", metavar="RUN", help="go on with the run in this folder")
    parser.add_argument(
        "--data",
        metavar="DIR|SOURCE",
        help="a folder that `effnet data prepare` made, or a folder or zip with one folder a class",
    )
    parser.add_argument("--out", metavar="RUN", help="folder for the run")
    parser.add_argument(
        "--side",
        type=positive,
        metavar="PIXELS",
        help="a SOURCE's photos are decoded to squares of this side [as the network sees them]",
    )
    add_folders(parser)
    parser.add_argument(
        "--architecture", metavar="NAME", help="what --from holds, where it does not say so"
    )
    parser.add_argument(
        "--device", type=device, default="auto", help="auto (CUDA where present), cpu or cuda:N"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="of this process [all cores]")
    add_recipe(parser)


def _run(args: argparse.Namespace) -> int:
    _require_options(args)
    with working("Loading PyTorch"):
        import torch

        from effnet_core.training import loop
        from effnet_core.training.distributed import joined
        from effnet_core.training.runs.folder import RunFolder
    folder = RunFolder(Path(args.resume or args.out))
    threads = args.threads or (args.resume and folder.begun().about.get("threads"))
    if threads:
        torch.set_num_threads(threads)
    with joined(args.device) as world, following() as follower:
        result = _earlier(folder) if args.resume else None
        if result is None:
            job = _resumed(args, folder) if args.resume else _new(args, folder, world)
            result = loop.run(job, folder, world, resume=bool(args.resume), report=follower)
    if world.first:
        _report(args, folder, result)
    return INTERRUPTED if result.interrupted else 0


def _require_options(args: argparse.Namespace) -> None:
    """Raise InvalidInput for options that are missing or have no meaning here."""
    if args.resume:
        more = {name for name, value in vars(args).items() if value is not None} - _WITH_RESUME
        if more:
            option = "--" + min(more).replace("start", "from").replace("_", "-")
            raise InvalidInput(f"{option} is for a new run; --resume goes on as the run was begun.")
        return
    if not (args.data and args.out):
        raise InvalidInput("A new run needs --data (the photos) and --out (a folder for the run).")
    if args.num_classes is not None:
        raise InvalidInput("--num-classes has no place here: the photos say how many there are.")
    if args.start and any(getattr(args, name) is not None for name in FORMULA_OPTIONS):
        raise InvalidInput("--from takes a network as it is; the formula's options are for --phi.")
    if args.architecture and not args.start:
        raise InvalidInput("--architecture says what --from holds; give --from, or leave it out.")


def _earlier(folder: RunFolder) -> Result | None:
    """What came out of a run that is finished."""
    folder.begun()  # raises where there is no run
    found = folder.result()
    if found is not None:
        warn(f"The run in {folder.path} is finished; nothing is left to be done.")
    return found


def _resumed(args: argparse.Namespace, folder: RunFolder) -> Job:
    from effnet_core.training.job import resumed_job

    with working("Reading the photos"):
        return resumed_job(folder, Path(args.data) if args.data else None)


def _new(args: argparse.Namespace, folder: RunFolder, world: World) -> Job:
    from effnet_core.training.finetune import preprocessing_of
    from effnet_core.training.job import fine_tuning_job, new_job
    from effnet_core.training.presets import FINE_TUNING
    from effnet_core.training.recipe import Recipe

    folder.require_new()
    fields = recipe_fields(args)
    base = FINE_TUNING if args.start else Recipe()
    shared = {"micro_batches": world.size}  # so that the same command does for several processes
    recipe = Recipe.from_dict({**base.to_dict(), **shared, **fields})
    if not args.start:
        spec = network(args)
        data = _photos(args, folder, world, spec.resolution)
        return new_job(spec, data, _holding_out(recipe, fields, data))
    loaded = _weights(args)
    data = _photos(args, folder, world, preprocessing_of(loaded, args.resolution).resize)
    recipe = _holding_out(recipe, fields, data)
    return fine_tuning_job(
        loaded, data, recipe, resolution=args.resolution, device=str(world.device)
    )


def _holding_out(recipe: Recipe, fields: dict[str, Any], data: TrainingData) -> Recipe:
    """The recipe with as many photos held out as is usual, unless its fields say how many."""
    from effnet_core.training.job import usual_held_out

    if "held_out" in fields:
        return recipe
    return dataclasses.replace(recipe, held_out=usual_held_out(len(data.photos)))


def _weights(args: argparse.Namespace) -> LoadedWeights:
    with working(f"Loading {args.start}"):
        from effnet_core.weights import WeightsStore, resolve_weights

        return resolve_weights(args.start, WeightsStore(), architecture=args.architecture)


def _photos(args: argparse.Namespace, folder: RunFolder, world: World, side: int) -> TrainingData:
    """The photos of --data; a source is first prepared, into the folder of the run."""
    from effnet_core.datasets import prepared
    from effnet_core.training.job import OWN_DATA, read_data

    place = Path(args.data)
    if (place / prepared.RECORD).exists():
        if args.side is not None:
            raise InvalidInput(f"{place} is prepared already; --side is for a source.")
    else:
        place = folder.path / OWN_DATA
        if world.first:
            _prepare(Path(args.data), place, args.side or side, args.folders)
        world.wait()
    with working("Reading the photos"):
        return read_data(place)


def _prepare(source: Path, place: Path, side: int, folders_are: FoldersAre | None) -> None:
    from effnet_core.datasets.prepare import prepare

    with progress_bar("Decoding") as progress, answered_by_option():
        report = prepare([source], place, side=side, folders_are=folders_are, progress=progress)
    warn_of_passed_over(report.passed_over)
    if report.unreadable:
        name, reason = report.unreadable[0]
        warn(
            f"{len(report.unreadable):,} of the photos were left out, the first being {name}: "
            f"{reason} {place / 'data.json'} names all."
        )


def _report(args: argparse.Namespace, folder: RunFolder, result: Result) -> None:
    finished = result.state == "finished"
    if args.json:
        model = str(folder.model) if finished else None
        print_json({"run": str(folder.path), "model": model, **dataclasses.asdict(result)})
        return
    shares = (result.top1, result.top5, result.class_mean)
    print_table(
        (
            *("Network", "State", "Steps", "Photos", "Held out", "Held-out top-1", "top-5"),
            *("Mean of the classes", "Photos/s", "Time"),
        ),
        [
            (
                *(result.name, result.state, result.steps, result.photos, result.held_out),
                *("" if v is None else f"{v:.1%}" for v in shares),
                *(f"{result.photos_per_second:,.0f}", readable_time(result.seconds)),
            )
        ],
    )
    if unjudged := folder.begun().about.get("unjudged"):
        warn(
            f"No photo of {', '.join(unjudged[:NAMED])} was held out"
            + (f", nor of {len(unjudged) - NAMED:,} more classes" if len(unjudged) > NAMED else "")
            + ": the accuracy says nothing of them."
        )
    if finished:
        print(f"\nThe weights are in {folder.model}; use them as --weights {folder.model}")
    else:
        print(f"\nStopped and saved; `effnet train --resume {folder.path}` goes on from here.")
