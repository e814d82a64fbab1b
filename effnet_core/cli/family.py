"""`effnet family`: train a list of networks by one recipe, one after another, or say what it costs.

Each run goes on from where it broke off; those that are finished are left as they are.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from effnet_core.cli import INTERRUPTED
from effnet_core.cli.common import Commands, add_command, device, print_table, working
from effnet_core.cli.streams import print_json, say
from effnet_core.cli.training_progress import following, readable_time
from effnet_core.errors import InvalidInput

if TYPE_CHECKING:
    from effnet_core.training.family.plan import PlannedRun
    from effnet_core.training.family.runs import Family, FamilyRun
    from effnet_core.training.family.training import Outcome

_PLAN_HEADERS = (
    "Run",
    "Network",
    "Seed",
    "px",
    "Blocks",
    "Parameters",
    "Multiply-adds",
    "Epochs",
    "State",
    "Time left",
)


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "family",
        _run,
        "Train a list of networks by one recipe, run by run; what broke off goes on.",
    )
    parser.add_argument(
        "--list",
        default="device",
        metavar="NAME",
        help="processor (25 classes, hours on two cores), device (100 classes, for a GPU), or the "
        "file of a list [device]",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="a folder that `effnet data prepare` made, with train and val"
    )
    parser.add_argument("--out", metavar="DIR", help="folder for the runs' folders")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these runs, in the list's order")
    parser.add_argument(
        "--all", action="store_true", help="without a CUDA device, train all runs on the CPU"
    )
    parser.add_argument(
        "--device", type=device, default="auto", help="auto (CUDA where present), cpu or cuda:N"
    )
    parser.add_argument(
        "--plan", action="store_true", help="only say what the runs cost and how far they are"
    )


def _run(args: argparse.Namespace) -> int:
    if not args.plan and not (args.data and args.out):
        raise InvalidInput("Training needs --data and --out; --plan does without.")
    from effnet_core.training.family.runs import list_path, read

    family = read(list_path(args.list))
    runs = family.chosen(tuple(args.only) if args.only else None)
    return _plan(args, family, runs) if args.plan else _train(args, family, runs)


def _plan(args: argparse.Namespace, family: Family, runs: tuple[FamilyRun, ...]) -> int:
    with working("Loading PyTorch"):
        from effnet_core.datasets import prepared
        from effnet_core.network.build import resolve_device
        from effnet_core.training.family.plan import plan
    target = resolve_device(args.device)
    planned = plan(
        family,
        runs,
        target,
        every=args.all,
        out=Path(args.out) if args.out else None,
        photos=prepared.read_record(Path(args.data)).photos("train") if args.data else None,
    )
    on_cpu = target.type != "cuda"
    spread = _duel_spread(planned)
    if args.json:
        rows = [
            {**dataclasses.asdict(one), **family.describe(run, on_cpu=on_cpu)}
            for one, run in zip(planned, runs, strict=True)
        ]
        print_json(
            {
                "list": family.name,
                "device": str(target),
                "recipe": family.recipe.to_dict(),
                "runs": rows,
                "duel_spread": spread,
            }
        )
        return 0
    _print_plan(planned)
    print(f"\n{_recipe_of(family)}")
    _print_departures(runs, on_cpu=on_cpu)
    if spread is not None:
        print(f"The costs of the duel's networks lie {spread:.1%} apart.")
    return 0


def _print_plan(planned: tuple[PlannedRun, ...]) -> None:
    print_table(
        _PLAN_HEADERS,
        [
            (
                *(one.id, one.name, one.seed, one.resolution, one.blocks, one.params),
                *(one.mult_adds, one.epochs, one.state, _time_left(one)),
            )
            for one in planned
        ],
    )


def _print_departures(runs: tuple[FamilyRun, ...], *, on_cpu: bool) -> None:
    for run in runs:
        for departure in run.deviations(on_cpu=on_cpu):
            fields = ", ".join(f"{name} {value}" for name, value in departure.recipe.items())
            print(f"{run.id} departs: {fields}. {departure.reason}")


def _recipe_of(family: Family) -> str:
    recipe = family.recipe
    return (
        f"One recipe for all: {recipe.optimizer}, {recipe.epochs} epochs in batches of "
        f"{recipe.batch}, {recipe.policy}; {recipe.held_out:,} training photos held out. "
        "Costs are for one photo, multiply-adds counted once."
    )


def _duel_spread(planned: tuple[PlannedRun, ...]) -> float | None:
    costs = [one.mult_adds for one in planned if one.group == "duel"]
    return max(costs) / min(costs) - 1 if costs else None


def _time_left(run: PlannedRun) -> str:
    if run.state == "finished":
        return ""
    if run.seconds_left is None:
        return "not measured" if run.photos_per_second is None else "needs --data"
    return f"about {readable_time(run.seconds_left)} on {run.measured_on}"


def _train(args: argparse.Namespace, family: Family, runs: tuple[FamilyRun, ...]) -> int:
    with working("Loading PyTorch"):
        from effnet_core.training.distributed import joined
        from effnet_core.training.family.training import read_data, train_family
    with working(f"Reading {args.data}"):
        data = read_data(Path(args.data))
    with joined(args.device) as world, following() as follower:

        def ended(outcome: Outcome) -> None:
            follower.close()
            _tell(outcome)

        outcomes = train_family(
            family,
            runs,
            data,
            Path(args.out),
            world,
            every=args.all,
            report=lambda run, status: follower(status, run.id),
            validating=lambda run, done, total: follower.validating(run.id, done, total),
            ended=ended,
        )
    if args.json:
        print_json(
            {
                "list": family.name,
                "device": str(world.device),
                "out": args.out,
                "runs": [dataclasses.asdict(outcome) for outcome in outcomes],
            }
        )
    else:
        _print_outcomes(outcomes)
    return _exit_code(outcomes, asked=bool(args.only))


def _exit_code(outcomes: tuple[Outcome, ...], *, asked: bool) -> int:
    """0 if all runs that this machine trains are finished, and all that were asked for by id."""
    states = {outcome.state for outcome in outcomes}
    if "stopped" in states:
        return INTERRUPTED
    return int("failed" in states or (asked and "needs CUDA" in states))


def _print_outcomes(outcomes: tuple[Outcome, ...]) -> None:
    print_table(
        ("Run", "State", "Held out top-1", "Validation top-1", "top-5", "Trained for", "Photos/s"),
        [
            (
                *(one.id, one.state, _percent(one.held_out_top1)),
                *(_percent(one.validation_top1), _percent(one.validation_top5)),
                "" if one.seconds is None else readable_time(one.seconds),
                "" if one.photos_per_second is None else f"{one.photos_per_second:,.0f}",
            )
            for one in outcomes
        ],
    )
    waiting = sum(one.state == "needs CUDA" for one in outcomes)
    if waiting:
        need = "run needs" if waiting == 1 else "runs need"
        print(f"\n{waiting} {need} a CUDA device; --all trains on the CPU all the same.")
    if any(one.state == "stopped" for one in outcomes):
        print("\nInterrupted; the same command goes on from here.")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _tell(outcome: Outcome) -> None:
    """Say what became of a run."""
    if outcome.state != "finished":
        say(f"{outcome.id}: {outcome.state}. {outcome.sentence}")
    elif not outcome.earlier:
        say(
            f"{outcome.id}: finished, {_percent(outcome.validation_top1)} of the validation photos "
            "right."
        )
