"""What a study came to: a record for assets/measured/search, and a list that confirms its best."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from effnet_core.search.running import counted
from effnet_core.search.samplers import PARAMETERS
from effnet_core.search.space import SearchSpace
from effnet_core.search.storage import ABOUT, SearchError
from effnet_core.search.surface import Sampler, shares_at
from effnet_core.search.training import DEVICE, FAILED, NETWORK, SECONDS, SEED
from effnet_core.training.family.runs import FORMAT as LIST_FORMAT

CONFIRMED = 3
"""Seeds with which the best is trained anew."""


def record(
    study: optuna.Study,
    space: SearchSpace,
    identity: str,
    *,
    sampler: Sampler,
    seed: int,
    side: int,
) -> dict[str, Any]:
    """The record of a study, as plain values: one entry for each place that was tried."""
    about = study.user_attrs[ABOUT]
    return {
        "id": identity,
        "name": space.name,
        "sampler": sampler,
        "seed": seed,
        "base_phi": space.base_phi,
        "base_resolution": space.family.base_resolution,
        "num_classes": space.family.num_classes,
        "phi": space.phi,
        "mult_adds": space.mult_adds,
        "base_mult_adds": space.base_mult_adds,
        "cost_factor": space.surface.cost_factor,
        "recipe": about["recipe"],
        "data": {**about["data"], "side": side},
        "trials": [_trial(space, number, one) for number, one in enumerate(counted(study))],
        "date": datetime.now(UTC).date().isoformat(),
    }


def confirming(study: optuna.Study, space: SearchSpace, identity: str) -> dict[str, Any]:
    """A list of runs for `effnet family`: the best rule by the family's whole recipe, three seeds.

    Raises SearchError while no trial has been trained to the end.
    """
    complete = [one for one in counted(study) if one.state == TrialState.COMPLETE]
    if not complete:
        raise SearchError("No trial has been trained to the end, so there is no best one yet.")
    best = max(complete, key=lambda one: one.value or 0.0)
    coefficients = best.user_attrs[NETWORK]["coefficients"]
    family = space.family
    name = f"best of {len(complete)} complete trials"
    network = {"name": name, "strategy": "compound", "base_phi": space.base_phi, "phi": None}
    runs = [
        {"id": f"{identity}-best" + (f"-seed{seed}" if seed else ""), "group": "search"}
        | {"network": "best", "seed": seed, "always": True}
        for seed in range(CONFIRMED)
    ]
    return {
        "format": LIST_FORMAT,
        "name": family.name,
        "base_resolution": family.base_resolution,
        "num_classes": family.num_classes,
        "class_ids": list(family.class_ids),
        "classifier": family.classifier,
        "recipe": family.recipe.to_dict(),
        "networks": {"best": {**network, **coefficients}},
        "runs": runs,
    }


def _trial(space: SearchSpace, number: int, trial: FrozenTrial) -> dict[str, Any]:
    shares = shares_at((trial.params[PARAMETERS[0]], trial.params[PARAMETERS[1]]))
    known = trial.user_attrs
    state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}[trial.state]
    found = {
        "number": number,
        "state": "failed" if FAILED in known else state,
        "proposed": dataclasses.asdict(space.surface.rule(shares)),
    }
    if NETWORK in known:
        network = known[NETWORK]
        found |= {key: network[key] for key in ("rule", "coefficients", "mult_adds")}
        found["seed"] = known[SEED]
    curve = trial.intermediate_values
    return found | {
        "curve": [curve[epoch] for epoch in sorted(curve)],
        "seconds": known.get(SECONDS),
        "device": known.get(DEVICE),
        "sentence": known.get(FAILED, ""),
    }
