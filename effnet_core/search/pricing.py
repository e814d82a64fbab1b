"""What a search costs before it begins: exact cost of the proposals, photos, and hours."""

from __future__ import annotations

import random
from dataclasses import dataclass

from effnet_core.search.space import NoNetwork, Proposal, SearchSpace
from effnet_core.search.surface import Sampler, Square, lattice, shares_at

BACKWARD = 3
"""Training on a photo costs about three times the forward pass (forward, and two backward)."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of a search.

    `proposals` are the very ones of a grid, or else places drawn as random search would draw them,
    for what TPE will propose nobody knows yet; `unreachable` counts those among them without a
    network. `spread` is how much dearer the dearest is than the cheapest, as a share. `photos` are
    those shown in training where no trial is pruned, `mult_adds` what that takes, judging the
    held-out photos included; None where the number of photos is not known. `seconds` is predicted
    from a measured speed, None without one.
    """

    trials: int
    sampler: Sampler
    cost_factor: float
    base_mult_adds: int
    epochs: int
    proposals: tuple[Proposal, ...]
    unreachable: int
    spread: float
    photos: int | None
    mult_adds: int | None
    seconds: float | None


def price(
    space: SearchSpace,
    sampler: Sampler,
    trials: int,
    *,
    seed: int,
    photos: int | None,
    mult_adds_per_second: float | None,
) -> Price:
    """Price `trials` trials on `photos` photos, the held-out ones included; raises InvalidInput.

    `mult_adds_per_second` is what a measured training did, multiply-adds of one forward pass.
    """
    places = lattice(trials) if sampler == "grid" else _drawn(trials, seed)
    proposals: list[Proposal] = []
    for place in places:
        try:
            proposals.append(space.propose(shares_at(place)))
        except NoNetwork:
            continue
    costs = [one.mult_adds for one in proposals]
    recipe, mean = space.recipe, sum(costs) / len(costs)
    shown = judged = None
    if photos is not None:
        steps = max(0, photos - recipe.held_out) // recipe.batch
        shown = len(places) * recipe.epochs * steps * recipe.batch
        judged = len(places) * recipe.epochs * recipe.held_out
    work = None if shown is None or judged is None else mean * (BACKWARD * shown + judged)
    known = work is not None and mult_adds_per_second is not None
    return Price(
        trials=len(places),
        sampler=sampler,
        cost_factor=space.surface.cost_factor,
        base_mult_adds=space.base_mult_adds,
        epochs=recipe.epochs,
        proposals=tuple(proposals),
        unreachable=len(places) - len(proposals),
        spread=max(costs) / min(costs) - 1,
        photos=shown,
        mult_adds=None if work is None else round(work),
        seconds=work / (BACKWARD * mult_adds_per_second) if known else None,  # type: ignore[operator]
    )


def _drawn(count: int, seed: int) -> tuple[Square, ...]:
    """Even places on the surface."""
    drawn = random.Random(seed)
    return tuple((drawn.random(), drawn.random()) for _ in range(count))
