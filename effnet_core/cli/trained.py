"""`effnet results --trained`: what this project measured on networks that it trained itself."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from effnet_core.cli.common import print_table
from effnet_core.cli.streams import print_json
from effnet_core.results.trained import MeasuredMaps, MeasuredRun, measured_maps, measured_runs
from effnet_core.results.verdict import DuelVerdict, duel_verdict


def print_trained(*, as_json: bool) -> None:
    """Print runs, map scores and the duel's verdict; as JSON {"runs", "maps", "duel"}.

    In JSON a run is its whole record with "cost" besides, and accuracies are fractions.
    """
    runs, maps = measured_runs(), measured_maps()
    verdict = duel_verdict(runs)
    if as_json:
        print_json(
            {
                "runs": [
                    {**json.loads(run.text), "cost": dataclasses.asdict(run.cost)} for run in runs
                ],
                "maps": [dataclasses.asdict(one) for one in maps],
                "duel": None if verdict is None else _described(verdict),
            }
        )
        return
    if not runs:
        print("This installation holds no network that was trained here.")
        return
    _print_runs(runs)
    if maps:
        _print_maps(maps)
    if verdict is not None:
        print(f"\n{verdict.headline} {verdict.details}")


def _described(verdict: DuelVerdict) -> dict[str, Any]:
    four = (verdict.compound, *verdict.rivals)
    return {
        "base_phi": verdict.base_phi,
        "won": verdict.won,
        "clear": verdict.clear,
        "margin": verdict.margin,
        "spread": verdict.spread,
        "photo_error": verdict.photo_error,
        "cost_gap": verdict.cost_gap,
        "contenders": [
            {
                "strategy": one.strategy,
                "top1": one.mean_top1,
                "spread": one.spread,
                "range": one.seed_range,
                "mult_adds": one.cost.mult_adds,
                "runs": [run.id for run in one.runs],
            }
            for one in four
        ],
    }


def _print_runs(runs: tuple[MeasuredRun, ...]) -> None:
    print_table(
        (
            *("Run", "Group", "Seed", "Pixels", "Parameters", "Multiply-adds"),
            *("Validation top-1 %", "top-5 %", "Held-out top-1 %", "Minutes", "Device"),
        ),
        [
            (
                run.id,
                run.group,
                run.seed,
                run.spec.resolution,
                run.cost.params,
                run.cost.mult_adds,
                run.validation and round(100 * run.validation.top1, 2),
                run.validation and round(100 * run.validation.top5, 2),
                None if run.held_out.top1 is None else round(100 * run.held_out.top1, 2),
                round(run.seconds / 60, 1),
                run.device,
            )
            for run in runs
        ],
    )
    names = "; ".join(dict.fromkeys(run.data.name for run in runs))
    print(f"\nOn {names}: not to be compared with accuracies on ImageNet.")


def _print_maps(maps: tuple[MeasuredMaps, ...]) -> None:
    print(
        "\nTheir maps beside controls, in per cent ± standard error (deletion: less is better):\n"
    )
    print_table(
        ("Run", "Map", "Stage", "Grid", "Pointing", "Energy", "Insertion", "Deletion"),
        [
            (
                one.run,
                row.subject,
                row.stage,
                f"{row.grid[0]} × {row.grid[1]}",
                *(row.pointing.percent, row.energy.percent),
                *(row.insertion.percent, row.deletion.percent),
            )
            for one in maps
            for row in one.rows
        ],
    )
