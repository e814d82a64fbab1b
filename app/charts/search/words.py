"""The words beside the charts of a search: hover boxes, alternative text."""

from __future__ import annotations

from app.text import percent
from effnet_core.results.searched import Importance, SearchRecord, SearchTrial


def rule(trial: SearchTrial) -> str:
    """The rule that the trial's network really has, to two decimals."""
    found = trial.rule or trial.proposed
    return f"α {found.alpha:.2f}, β {found.beta:.2f}, γ {found.gamma:.2f}"


def hover(trial: SearchTrial) -> str:
    """Everything that is known of a trial."""
    lines = [f"<b>trial {trial.number}</b>, {trial.state}", rule(trial)]
    if trial.coefficients and trial.mult_adds:
        lines.append(f"{trial.coefficients.resolution} pixels, {trial.mult_adds:,} multiply-adds")
    if trial.curve:
        tops = ", ".join(percent(top) for top in trial.curve)
        lines.append(f"held-out top-1 after each epoch: {tops}")
    if trial.seed:
        lines.append(f"the same network as an earlier trial, seed {trial.seed}")
    return "<br>".join([*lines, trial.sentence] if trial.sentence else lines)


def message(record: SearchRecord) -> str:
    """In words what the surface shows."""
    best = record.best
    found = "" if best is None else f" The best is {rule(best)}: {percent(best.top1 or 0)}."
    return (
        f"{len(record.trials)} trials on the surface α·β²·γ² = {record.cost_factor:.2f}, "
        f"α across and β up, coloured by held-out top-1; {record.pruned} pruned.{found}"
    )


def importance(found: tuple[Importance, ...]) -> str:
    """In words what the bars of importance show."""
    parts = ", ".join(f"{one.axis} {one.share:.2f} ± {one.error:.2f}" for one in found)
    return f"Share of the accuracy's variance that each axis alone explains: {parts}."
