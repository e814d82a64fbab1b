"""What every redraw of Scale reads: computed once for each setting, then looked up.

Results are frozen, so one object serves every session. They are kept by `lru_cache`, which looks a
key up by its hash: Streamlit's caches spell every field out, for longer than the redraw takes.
`formula` is a formula's network at φ = 0 (`Network.at_zero`); texts are JSON for the browser.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from app.charts.scale import Axis, axis_of, growth_curves, growth_ratio, small_curves
from app.live import networks, readouts
from app.live.marks import mark, ratio_mark
from app.live.steps import to_json
from app.scale import pricing
from app.scale.network import Load, Network
from app.scale.pricing import TENTHS
from app.scale.quantities import BY_KEY, Priced, Quantity
from effnet_core.architecture.scaling import PAPER_RULE, STRATEGIES
from effnet_core.cost import equal
from effnet_core.cost.budget import Setting
from effnet_core.cost.equal import EqualCost
from effnet_core.cost.report import CostReport, analyze

Curves = dict[str, tuple[Priced, ...]]


@lru_cache(maxsize=16)
def report(network: Network, load: Load) -> CostReport:
    """The cost of `network`, layer by layer; raises InvalidInput where there is no such network."""
    return analyze(network.spec(), batch=load.batch, dtype=load.dtype)


@lru_cache(maxsize=64)
def priced(network: Network, load: Load, family: str) -> Priced:
    """The network among those of `family`; raises InvalidInput where there is no such network."""
    held = report(network, load)
    return pricing.price(network, held.spec, held.totals, family=family)


@lru_cache(maxsize=64)
def steps(formula: Network, load: Load) -> tuple[Priced | None, ...]:
    """The formula's network at every step of φ; None where there is no such network."""
    return pricing.price_each(formula, TENTHS, load)


@lru_cache(maxsize=64)
def curves(formula: Network, load: Load) -> Curves:
    """The cost over φ of every strategy, all else as in `formula`."""
    each = {name: steps(replace(formula, strategy=name), load) for name in STRATEGIES}
    return {name: tuple(filter(None, found)) for name, found in each.items()}


def step_as_built(formula: Network) -> float | None:
    """How many times the FLOPs of φ = 0 those of φ = 1 are; None where one of them is missing."""
    zero, one = (steps(formula, Load())[TENTHS.index(phi)] for phi in (0.0, 1.0))
    return one.mult_adds / zero.mult_adds if zero and one else None


@lru_cache(maxsize=32)
def equal_cost(formula: Network, times: float) -> EqualCost:
    """The network of each strategy at `times` the cost of φ = 0, all else as in `formula`.

    Raises InvalidInput where there are none.
    """
    return equal.equal_cost(times, Setting(**formula.formula))


@lru_cache(maxsize=64)
def growth_axis(quantity: Quantity, logarithmic: bool, family: str, load: Load) -> Axis:
    """An axis whose range depends on family, batch and number format alone: nothing jumps."""
    usual = Network(family=family)
    variants = pricing.published(family, usual.classes, load)
    return axis_of(quantity, curves(usual, load), variants, logarithmic)


@lru_cache(maxsize=32)
def growth_chart(
    formula: Network,
    pinned: Priced | None,
    x: Axis,
    y: Axis,
    load: Load,
    measured: tuple[Priced, ...] = (),
) -> str:
    """Curves of growth under the settings of `formula`, published variants, A if there is one."""
    return to_json(
        growth_curves(
            curves(formula, load),
            published=pricing.published(formula.family, formula.classes, load),
            pinned=pinned,
            strategy=formula.strategy,
            x=x,
            y=y,
            measured=measured,
            ghost=_ghost(formula, load),
        )
    )


@lru_cache(maxsize=64)
def small_chart(
    formula: Network, pinned: Priced | None, current: Priced | None, y: Quantity, load: Load
) -> str:
    """One quantity over φ, small, for its figure; its range holds `current`, a network at no φ."""
    up = growth_axis(y, True, formula.family, load).including(current)
    return to_json(
        small_curves(
            curves(formula, load),
            published=pricing.published(formula.family, formula.classes, load),
            pinned=pinned,
            strategy=formula.strategy,
            x=growth_axis(BY_KEY["phi"], False, formula.family, load),
            y=up,
            ghost=_ghost(formula, load),
        )
    )


def _ghost(formula: Network, load: Load) -> tuple[Priced, ...]:
    """The curve of the paper's rule; empty where that is the rule chosen."""
    alpha, beta, gamma = PAPER_RULE.alpha, PAPER_RULE.beta, PAPER_RULE.gamma
    paper = replace(formula, alpha=alpha, beta=beta, gamma=gamma)
    return () if formula == paper else curves(paper, load)[formula.strategy]


@lru_cache(maxsize=32)
def ratio_chart(formula: Network, load: Load) -> str:
    """How FLOPs grow with φ under the rule of `formula`."""
    compound = curves(formula, load)["compound"]
    ghost = _ghost(replace(formula, strategy="compound"), load)
    zero = base(formula, load)
    return to_json(growth_ratio(compound, zero, formula.rule.cost_factor, ghost))


def base(formula: Network, load: Load) -> Priced:
    """The network at φ = 0, which is the same whatever grows."""
    return next(one for one in curves(formula, load)["compound"] if one.phi == 0)


@lru_cache(maxsize=32)
def live_marks(formula: Network, x: Quantity, y: Quantity, load: Load) -> str:
    """The marks among the curves of growth at every step of φ."""
    return to_json([one and mark(one, x, y) for one in steps(formula, load)])


@lru_cache(maxsize=32)
def live_ratios(formula: Network, load: Load) -> str:
    """The marks on the chart of ratios at every step of φ.

    None off the compound rule, which alone is drawn there.
    """
    if formula.strategy != "compound":
        return "[]"
    zero = base(formula, load)
    return to_json([one and ratio_mark(one, zero) for one in steps(formula, load)])


@lru_cache(maxsize=32)
def live_readouts(formula: Network, other: Priced, load: Load) -> str:
    """The headline at every step of φ, beside `other`, network A."""
    return to_json(readouts.at_every_step(formula, steps(formula, load), other, load.dtype))


@lru_cache(maxsize=16)
def live_networks(formula: Network, load: Load) -> str:
    """Every part of the network at every step of φ."""
    return to_json(networks.at_every_step(formula, load))


@lru_cache(maxsize=64)
def live_network(network: Network, load: Load) -> networks.Networks:
    """Every part of one network; raises InvalidInput where there is no such network."""
    return networks.of_report(network.title, report(network, load))
