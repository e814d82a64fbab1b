"""The free depth, width and resolution with the most multiply-adds within a budget."""

from __future__ import annotations

from effnet_core.architecture.rounding import PIXEL_DIVISOR
from effnet_core.cost.budget.answers import Answer, Candidate, nothing_fits, rooms
from effnet_core.cost.budget.bounds import Bounds, ratios
from effnet_core.cost.budget.grid import Grid, Pairs, grid, price, priced
from effnet_core.cost.budget.limits import Latency, Limits, Setting, require_possible
from effnet_core.cost.budget.phi import largest_phi
from effnet_core.cost.budget.timed import Best, Stopwatch, most_in_time
from effnet_core.errors import InvalidInput

RATIO_STEP = 0.01
"""The step of depth and width."""

WIDTH_STEP_IN_TIME = 0.05
"""The step of width far from the best, where every network's latency has to be predicted."""


def best_free(
    limits: Limits,
    setting: Setting | None = None,
    *,
    bounds: Bounds | None = None,
    tie: float = 0.0,
    latency: Latency | None = None,
) -> Answer:
    """The (depth, width, resolution) with the most multiply-adds that keeps every limit.

    Searched are all depths and widths within `bounds` in steps of RATIO_STEP, at every multiple of
    8 pixels; besides, where it lies within them, the depth, width and resolution of the largest φ,
    which therefore never has more. Networks whose multiply-adds are within the share `tie` of the
    most count as equal; among equals the one nearest to the rule's ratio is taken, by the distance
    of (ln depth, ln width, ln resolution / base) to the line t·(ln α, ln β, ln γ). No accuracy is
    implied: shapes far from that ratio can be poor networks, which is what `tie` is for.

    With a limit in milliseconds the steps of width are WIDTH_STEP_IN_TIME, but RATIO_STEP around
    the best. The slow edge of the band is held to the limit, and a network that is smaller on no
    axis than one too slow is not asked about. Raises InvalidInput as `largest_phi` does, and for a
    `tie` outside [0, 1).
    """
    setting, bounds = setting or Setting(), bounds or Bounds()
    require_possible(limits, setting, latency)
    if not 0 <= tie < 1:
        raise InvalidInput(f"The share that counts as a tie must lie in [0, 1); got {tie!r:.40}.")
    in_time = latency if limits.latency_ms is not None else None
    step = RATIO_STEP if in_time is None else WIDTH_STEP_IN_TIME
    formula = largest_phi(limits, setting, latency=in_time)
    own = formula.network if formula.fits and bounds.hold(formula.network) else None
    space = grid(limits, setting, bounds, steps=(RATIO_STEP, step), own=own)
    pairs = space.pairs(space.widths)
    if in_time is None:
        most = _most(space, pairs.fitting)
    else:
        assert limits.latency_ms is not None
        watch = Stopwatch(setting, in_time, limits.latency_ms)
        best = None if own is None else Best(own.mult_adds, own.width)
        fine = ratios(bounds.width, RATIO_STEP)
        best, space, pairs = most_in_time(space, pairs, watch, best, fine, WIDTH_STEP_IN_TIME)
        most = best and best.mult_adds
    searched = _in_words(bounds, step, own)
    if most is None:
        return nothing_fits(space.smallest().timed(setting, in_time), limits, searched)
    found = _nearest(space, pairs, most, tie, in_time)
    binding, ends = _stops(space, found, in_time)
    return Answer(
        fits=True,
        network=found,
        rooms=rooms(found, limits),
        binding=binding,
        ends=ends,
        searched=searched,
    )


def _in_words(bounds: Bounds, step: float, own: Candidate | None) -> str:
    """What is searched."""
    fine = "" if step == RATIO_STEP else f" and, near the best, of {RATIO_STEP:g}"
    besides = "" if own is None else "; also the depth, width and pixels of the largest φ"
    return (
        f"every depth from {bounds.depth[0]:g} to {bounds.depth[1]:g} in steps of {RATIO_STEP:g} "
        f"and width from {bounds.width[0]:g} to {bounds.width[1]:g} in steps of {step:g}{fine}"
        f", at every multiple of {PIXEL_DIVISOR} pixels from {bounds.resolution[0]} to "
        f"{bounds.resolution[1]}{besides}"
    )


def _most(space: Grid, pairs: Pairs) -> int | None:
    """The most multiply-adds of a network that fits; None where none does."""
    if not len(pairs.top):
        return None
    counts = price(space.setting, pairs.depth, pairs.width, space.sides[pairs.top])
    return int(counts.mult_adds.max())


def _nearest(
    space: Grid, pairs: Pairs, most: int, tie: float, latency: Latency | None
) -> Candidate:
    """Of all that fit and have so many multiply-adds, or nearly, the nearest to the rule."""
    near = sorted(space.between(pairs, (1 - tie) * most, most))
    setting = space.setting
    found = (priced(setting, at).timed(setting, latency) for *_, at in near)
    return next(network for network in found if not network.broken(space.limits))


def _stops(
    space: Grid, found: Candidate, latency: Latency | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The limits that one step more on some axis breaks, and the axes without a step more."""
    larger = {axis: space.larger(found, axis) for axis in ("depth", "width", "resolution")}
    broken = {
        name
        for network in larger.values()
        if network is not None
        for name in network.timed(space.setting, latency).broken(space.limits)
    }
    ends = tuple(axis for axis, network in larger.items() if network is None)
    return tuple(name for name in space.limits.given if name in broken), ends
