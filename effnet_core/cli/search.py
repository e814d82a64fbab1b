"""`effnet search`: look for α, β and γ by training many small networks of one cost.

Any number of processes and machines may give the same command with the same storage; each goes on
where it or another stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effnet_core import files
from effnet_core.cli import INTERRUPTED
from effnet_core.cli.common import (
    Commands,
    add_command,
    device,
    positive,
    print_table,
    seed,
    working,
)
from effnet_core.cli.streams import print_json, say
from effnet_core.cli.training_progress import following, readable_time
from effnet_core.errors import InvalidInput
from effnet_core.search.surface import SAMPLERS, lattice

if TYPE_CHECKING:
    import optuna

    from effnet_core.search.pricing import Price
    from effnet_core.search.running import Tally
    from effnet_core.search.space import SearchSpace
    from effnet_core.training.job import TrainingData


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "search",
        _run,
        "Search α, β and γ on the surface α·β²·γ² = constant, all networks of one cost.",
    )
    parser.add_argument(
        "--space", default="processor", metavar="NAME", help="processor, or a file [processor]"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="a folder that `effnet data prepare` made, with train"
    )
    parser.add_argument("--trials", type=positive, default=50, metavar="N", help="in all [50]")
    parser.add_argument(
        "--storage", metavar="URL", help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    )
    parser.add_argument("--study", default="alpha-beta-gamma", help="[alpha-beta-gamma]")
    parser.add_argument("--sampler", choices=SAMPLERS, default="tpe", help="who proposes [tpe]")
    parser.add_argument("--seed", type=seed, default=0, help="of the proposals [0]")
    parser.add_argument(
        "--out", default="search-trials", metavar="DIR", help="for trials under way [search-trials]"
    )
    parser.add_argument(
        "--device", type=device, default="auto", help="auto (CUDA where present), cpu or cuda:N"
    )
    parser.add_argument("--record", metavar="FILE", help="write all trials to ID.json in the end")
    parser.add_argument(
        "--best", metavar="FILE", help="write a list for `effnet family`: the best, three seeds"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what the search costs, train nothing"
    )


def _run(args: argparse.Namespace) -> int:
    if not args.dry_run and not (args.data and args.storage):
        raise InvalidInput("A search needs --data and --storage; --dry-run does without.")
    from effnet_core.search.space import read

    space = read(args.space)
    return _price(args, space) if args.dry_run else _search(args, space)


def _price(args: argparse.Namespace, space: SearchSpace) -> int:
    from effnet_core.search.pricing import price
    from effnet_core.search.speed import measured_speed

    photos = None
    if args.data:
        with working("Loading PyTorch"):
            from effnet_core.datasets import prepared
        photos = prepared.read_record(Path(args.data)).photos("train")
    speed = measured_speed(space)
    with working("Pricing the proposals"):
        found = price(
            space,
            args.sampler,
            args.trials,
            seed=args.seed,
            photos=photos,
            mult_adds_per_second=speed.mult_adds_per_second if speed else None,
        )
    if args.json:
        print_json({**dataclasses.asdict(found), "measured_on": speed and speed.device})
    else:
        _print_price(space, found, speed.device if speed else "")
    return 0


def _print_price(space: SearchSpace, found: Price, measured_on: str) -> None:
    costs = sorted(one.mult_adds for one in found.proposals)
    print(
        f"{found.trials} trials ({found.sampler}) from {found.base_mult_adds:,} multiply-adds; "
        f"α·β²·γ² = {found.cost_factor:.3f}, {space.phi:g} steps of φ.\n"
        f"{len(costs)} proposals cost {costs[0]:,} to {costs[-1]:,} multiply-adds, "
        f"{found.spread:.1%} apart (exact); {found.unreachable} have no network of that cost."
    )
    if found.sampler == "tpe":
        print("TPE proposes as it learns; priced are places drawn at random.")
    if found.photos is None or found.mult_adds is None:
        print("--data says how many photos there are, and so the price of the whole.")
        return
    print(
        f"At most {found.photos:,} photos shown in {found.epochs} epochs each, "
        f"{found.mult_adds / 1e12:,.0f} T multiply-adds; pruned trials cost less."
    )
    if found.seconds is not None:
        print(f"About {readable_time(found.seconds)} at the speed measured on {measured_on}.")


def _search(args: argparse.Namespace, space: SearchSpace) -> int:
    with working("Loading PyTorch"):
        from effnet_core.search import storage  # first: it says where Optuna is missing

        from effnet_core.search import running, training  # isort: skip
        from effnet_core.training import job
        from effnet_core.training.distributed import joined
    with working(f"Reading {args.data}"):
        data = job.read_data(Path(args.data))
    training.require_suitable(space, data)
    trials = args.trials if args.sampler != "grid" else len(lattice(args.trials))
    with storage.guarded(args.storage):
        study = _opened(args, space, data, trials)
    with joined(args.device) as world, following() as follower:

        def told(trial: optuna.trial.FrozenTrial, tally: Tally) -> None:
            follower.close()
            _tell(trial, tally, trials)

        objective = training.Training(
            space,
            data,
            Path(args.out),
            world,
            lambda number, status: follower(status, f"trial {number}"),
        )
        try:
            with storage.guarded(args.storage):
                running.run(study, objective, trials, grace=storage.GRACE, told=told)
        except (running.Stopped, KeyboardInterrupt):
            say("Interrupted; the same command goes on from here.")
            return INTERRUPTED
    return _report(args, space, study, data.photos.side)


def _opened(
    args: argparse.Namespace, space: SearchSpace, data: TrainingData, trials: int
) -> optuna.Study:
    """The study of this search, with its sampler."""
    from effnet_core.search import samplers, storage, training

    study = storage.open_study(
        storage.open_storage(args.storage),
        args.study,
        training.about(space, data),
        training.pruner(space.recipe.epochs),
    )
    study.sampler = samplers.sampler(args.sampler, seed=args.seed, trials=trials)
    return study


def _tell(trial: optuna.trial.FrozenTrial, tally: Tally, trials: int) -> None:
    curve = trial.intermediate_values
    top1 = f"{curve[max(curve)]:.1%} held out" if curve else "no epoch"
    say(f"trial {trial.number}: {trial.state.name.lower()}, {top1}; {tally.ended} of {trials}.")


def _report(args: argparse.Namespace, space: SearchSpace, study: optuna.Study, side: int) -> int:
    from effnet_core.search.record import confirming, record

    identity = Path(args.record).stem if args.record else args.study
    found = record(study, space, identity, sampler=args.sampler, seed=args.seed, side=side)
    if args.record:
        files.write_json(Path(args.record), found)
    if args.best:
        files.write_json(Path(args.best), confirming(study, space, identity))
    if args.json:
        print_json(found)
    else:
        _print_trials(found["trials"])
    return 0


def _print_trials(trials: list[dict[str, Any]]) -> None:
    ended = [one for one in trials if one.get("rule") and one["curve"]]
    ended.sort(key=lambda one: (one["state"] != "complete", -one["curve"][-1]))
    print_table(
        ("Trial", "State", "α", "β", "γ", "px", "Multiply-adds", "Seed", "Epochs", "Held out"),
        [
            (
                *(one["number"], one["state"]),
                *(f"{one['rule'][axis]:.3f}" for axis in ("alpha", "beta", "gamma")),
                *(one["coefficients"]["resolution"], one["mult_adds"], one["seed"]),
                *(len(one["curve"]), f"{one['curve'][-1]:.2%}"),
            )
            for one in ended
        ],
    )
