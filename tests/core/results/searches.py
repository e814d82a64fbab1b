"""Records of searches that never were, for what reads them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from effnet_core.search.space import SearchSpace, read
from effnet_core.search.surface import Shares, lattice, shares_at


def top1(shares: Shares) -> float:
    """An accuracy that is best where nothing goes into depth and all into resolution."""
    return round(0.5 - 0.1 * shares.depth - 0.02 * (1 - shares.resolution) ** 2, 6)


def trial(space: SearchSpace, number: int, shares: Shares, state: str) -> dict[str, Any]:
    proposal = space.propose(shares)
    end = top1(shares)
    curve = [0.6 * end, 0.8 * end, end] if state == "complete" else [0.5 * end]
    return {
        "number": number,
        "state": state,
        "proposed": dataclasses.asdict(proposal.proposed),
        "rule": dataclasses.asdict(proposal.rule),
        "coefficients": dataclasses.asdict(proposal.coefficients),
        "mult_adds": proposal.mult_adds,
        "seed": 0,
        "curve": curve,
        "seconds": 60.0,
        "device": "cpu",
        "sentence": "",
    }


def record(identity: str = "tried", count: int = 15) -> dict[str, Any]:
    """Every third trial is pruned."""
    space = read()
    places = [shares_at(place) for place in lattice(count)]
    states = ["pruned" if number % 3 == 2 else "complete" for number in range(len(places))]
    return {
        "id": identity,
        "name": space.name,
        "sampler": "tpe",
        "seed": 0,
        "base_phi": space.base_phi,
        "base_resolution": 64,
        "num_classes": 25,
        "phi": space.phi,
        "mult_adds": space.mult_adds,
        "base_mult_adds": space.base_mult_adds,
        "cost_factor": space.surface.cost_factor,
        "recipe": space.recipe.to_dict(),
        "data": {"name": "photos", "train": 6250, "held_out": 6250, "side": 64},
        "trials": [trial(space, *one) for one in zip(range(99), places, states, strict=False)],
        "date": "2026-01-31",
    }


def put(folder: Path, value: dict[str, Any]) -> Path:
    """Write a record as a file of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{value['id']}.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
