"""The evidence as line charts: what a page and a file draw alike; and as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from effnet_core.attribution.trust.judge import Evidence, Test, Trust

Stroke = Literal["solid", "dotted", "dashed"]
STROKES: dict[str, Stroke] = {"random maps": "dotted", "centre Gaussian": "dashed"}
"""How the curves of the rivals are told from the map's own, by what follows the curve's name."""
DASHES: dict[Stroke, str] = {"solid": "", "dotted": "2 4", "dashed": "8 4"}
FIRST, SECOND = "#D55E00", "#0072B2"
"""Okabe and Ito's vermilion and blue, told apart by every kind of colour vision."""

_WIDTH, _HEIGHT, _ROW = 360, 196, 15
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 10, 44


@dataclass(frozen=True)
class Trace:
    """One line: its name, its points (x, y), its colour and its stroke."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str
    stroke: Stroke = "solid"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart. `ticks` are (x, text) along the bottom; `low` and `high` are the ends of y."""

    test: Test
    title: str
    across: str
    up: str
    ticks: tuple[tuple[float, str], ...]
    low: float
    high: float
    traces: tuple[Trace, ...]

    @property
    def words(self) -> str:
        """The same in words: every line with its values."""
        lines = (
            f"{trace.name}: {', '.join(f'{y:.2f}' for _, y in trace.points)}"
            for trace in self.traces
        )
        return f"{self.title}. {'; '.join(lines)}.".replace("-", "−")


def charts(found: Trust) -> tuple[Chart, ...]:
    """A chart of each test that has curves or steps, in the order of the evidence."""
    makers = {"weights": _cascade, "rivals": _exchange, "road": _road}
    return tuple(makers[each.test](each) for each in found.evidence if each.test in makers)


def _cascade(evidence: Evidence) -> Chart:
    steps = ((0, "trained"), *enumerate((name for name, _ in evidence.figures), start=1))
    values = (1.0, *(value for _, value in evidence.figures))
    return Chart(
        test="weights",
        title="How much of the map is left as layers are drawn anew",
        across="drawn anew, from the classifier down",
        up="rank correlation",
        ticks=tuple((float(at), _short(name)) for at, name in steps),
        low=-1.0,
        high=1.0,
        traces=(Trace("correlation", tuple((float(x), y) for x, y in enumerate(values)), SECOND),),
    )


def _short(step: str) -> str:
    """The name of a step of the cascade, for an axis."""
    for words in ("and ", "stages down ", " convolution", " the rest"):
        step = step.replace(words, "")
    return step


def _exchange(evidence: Evidence) -> Chart:
    return _probabilities(
        evidence, "The class as the strongest pixels come into focus, or turn grey", "exchanged"
    )


def _road(evidence: Evidence) -> Chart:
    return _probabilities(evidence, "The class without the map's pixels (ROAD)", "removed")


def _probabilities(evidence: Evidence, title: str, what: str) -> Chart:
    first = evidence.curves[0][0].partition(",")[0]
    traces = []
    for name, curve in evidence.curves:
        kind, _, whose = name.partition(", ")
        points = tuple(zip(curve.fractions, curve.confidences, strict=True))
        colour = FIRST if kind == first else SECOND
        traces.append(Trace(name, points, colour, STROKES.get(whose, "solid")))
    return Chart(
        test=evidence.test,
        title=title,
        across=f"part of the picture {what}",
        up="probability",
        ticks=tuple((part / 4, f"{25 * part} %") for part in range(5)),
        low=0.0,
        high=1.0,
        traces=tuple(traces),
    )


def svg(chart: Chart) -> str:
    """The chart as SVG, legend below; text takes the colour around it."""
    right = max(x for x, _ in chart.ticks)

    def at(x: float, y: float) -> tuple[float, float]:
        part = (y - chart.low) / (chart.high - chart.low)
        across = _LEFT + x / right * (_WIDTH - _LEFT - _RIGHT)
        return across, _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for value in (chart.low, (chart.low + chart.high) / 2, chart.high):
        (left, height), (end, _) = at(0, value), at(right, value)
        parts.append(f'<path d="M{left:.1f} {height:.1f}H{end:.1f}" stroke="#8888"/>')
        parts.append(_label(left - 5, height + 4, f"{value:g}".replace("-", "−"), "end"))
    for x, text in chart.ticks:
        across, ground = at(x, chart.low)
        parts.append(_label(across, ground + 15, text, "end" if x == right else "middle"))
    parts.append(_label((_LEFT + _WIDTH) / 2, _HEIGHT - 10, chart.across, "middle"))
    parts += (_line(trace, (at(*point) for point in trace.points)) for trace in chart.traces)
    rows = [*_legend(chart.traces)] if len(chart.traces) > 1 else []
    height = _HEIGHT + _ROW * len(chart.traces) // 2 if rows else _HEIGHT
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(chart.words)}" '
        f'fill="none" font-size="11">{"".join((*parts, *rows))}</svg>'
    )


def _legend(traces: tuple[Trace, ...]) -> Iterator[str]:
    """Every line's stroke and name below the chart, a column for each of two colours."""
    half = len(traces) // 2
    for number, trace in enumerate(traces):
        column, row = divmod(number, half)
        x, y = 8 + column * _WIDTH / 2, _HEIGHT + _ROW * row
        yield _line(trace, ((x, y), (x + 22, y)))
        yield _label(x + 28, y + 4, trace.name, "start")


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">'
        f"{escape(text)}</text>"
    )


def _line(trace: Trace, points: Iterable[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" stroke="{trace.colour}" stroke-width="2" '
        f'stroke-dasharray="{DASHES[trace.stroke]}"/>'
    )
