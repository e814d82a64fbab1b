"""What every redraw of Scale reads: computed once for each setting, then looked up.

Results are frozen, so one object serves every session. They are kept by `lru_cache`, which looks a
key up by its hash: Streamlit's caches spell every field out, for longer than the redraw takes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from app.charts.scale import Axis, axis_of, growth_curves, growth_ratio
from app.live import marks, networks, readouts
from app.live.steps import compact
from app.scale import pricing
from app.scale.network import Network
from app.scale.pricing import TENTHS
from app.scale.quantities import Priced, Quantity, Totals
from effnet_core.architecture.scaling import STRATEGIES
from effnet_core.cost.report import CostReport, analyze
from effnet_core.latency import Calibration

Curves = dict[str, tuple[Priced, ...]]


@lru_cache(maxsize=16)
def report(network: Network, batch: int, dtype: str) -> CostReport:
    """The cost of `network`, layer by layer; raises InvalidInput where there is no such network."""
    return analyze(network.spec(), batch=batch, dtype=dtype)


def curves(network: Network, batch: int, dtype: str) -> Curves:
    """The cost over φ of every strategy, under the rule and settings of `network`."""
    rule = dataclasses.replace(network, variant=None, phi=0.0, strategy="compound")
    return {name: _curve(rule, name, batch, dtype) for name in STRATEGIES}


@lru_cache(maxsize=64)
def _curve(rule: Network, strategy: str, batch: int, dtype: str) -> tuple[Priced, ...]:
    steps = 10 if strategy == "compound" else 4
    return pricing.sweep(rule, strategy, steps=steps, batch=batch, dtype=dtype)


@lru_cache(maxsize=32)
def published(classes: int, batch: int, dtype: str) -> tuple[Priced, ...]:
    """Every published variant with its cost."""
    return pricing.published(classes=classes, batch=batch, dtype=dtype)


@lru_cache(maxsize=4)
def measured(calibration: Calibration, batch: int, dtype: str) -> tuple[Priced, ...]:
    """Networks with the time that they took here, where a calibration was checked."""
    return pricing.measured(calibration, batch=batch, dtype=dtype)


@lru_cache(maxsize=64)
def growth_axis(quantity: Quantity, logarithmic: bool, batch: int, dtype: str) -> Axis:
    """An axis whose range depends on batch and number format alone, so that nothing jumps."""
    return axis_of(
        quantity, curves(Network(), batch, dtype), published(1000, batch, dtype), logarithmic
    )


@lru_cache(maxsize=32)
def growth_chart(
    network: Network,
    classes: int,
    pinned: Priced,
    x: Axis,
    y: Axis,
    batch: int,
    dtype: str,
    measured: tuple[Priced, ...] = (),
) -> str:
    """Curves of growth under the settings of `network` at φ = 0, published variants, A: JSON."""
    return compact(
        asdict(
            growth_curves(
                curves(network, batch, dtype),
                published=published(classes, batch, dtype),
                pinned=pinned,
                strategy=network.strategy,
                x=x,
                y=y,
                measured=measured,
            )
        )
    )


@lru_cache(maxsize=32)
def ratio_chart(network: Network, batch: int, dtype: str) -> str:
    """How FLOPs grow with φ under the rule of `network` at φ = 0, as JSON."""
    compound = curves(network, batch, dtype)["compound"]
    zero, factor = base(network, batch, dtype), network.rule.cost_factor
    return compact(asdict(growth_ratio(compound, zero, cost_factor=factor)))


def base(network: Network, batch: int, dtype: str) -> Priced:
    """The formula's network at φ = 0 under the settings of `network`."""
    return next(p for p in curves(network, batch, dtype)["compound"] if p.phi == 0)


@lru_cache(maxsize=32)
def live_marks(network: Network, x: Quantity, y: Quantity, batch: int, dtype: str) -> str:
    """The marks among the curves of growth at every step of φ, as JSON; `network` is at φ = 0."""
    each = pricing.price_each(network, network.strategy, TENTHS, batch=batch, dtype=dtype)
    return marks.rows([marks.mark(one, x, y) if one else None for one in each])


@lru_cache(maxsize=32)
def live_ratios(network: Network, batch: int, dtype: str) -> str:
    """The marks on the chart of ratios at every step of φ, as JSON; `network` is at φ = 0.

    None off the compound rule, which alone is drawn there.
    """
    if network.strategy != "compound":
        return "[]"
    zero = base(network, batch, dtype)
    each = pricing.price_each(network, network.strategy, TENTHS, batch=batch, dtype=dtype)
    return marks.rows([marks.ratio_mark(one, zero) if one else None for one in each])


@lru_cache(maxsize=32)
def live_readouts(network: Network, other: Totals, batch: int, dtype: str) -> str:
    """The headline at every step of φ, as JSON; `network` stands at φ = 0."""
    return readouts.rows(network, other, batch=batch, dtype=dtype)


@lru_cache(maxsize=16)
def live_networks(network: Network, batch: int, dtype: str) -> str:
    """Every part of the network at every step of φ, as JSON; `network` stands at φ = 0."""
    return networks.at_every_step(network, batch=batch, dtype=dtype).json


@lru_cache(maxsize=64)
def live_network(network: Network, batch: int, dtype: str) -> dict[str, Any]:
    """Every part of one network; raises InvalidInput where there is no such network."""
    return networks.of_report(network.title, report(network, batch, dtype)).columns
