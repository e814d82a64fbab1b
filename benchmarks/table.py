"""The rows as people read them: lines for a terminal, a table for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.rows import Quartiles, Row

HEADINGS = ("what", "this project", "peer", "peer's", "ratio", "target", "")
_FASTER_FROM = 0.95
"""Below this a bound on the ratio is read as "so many times faster"."""


def text(rows: Sequence[Row]) -> str:
    """Lines in columns, with quartiles in brackets."""
    cells = [HEADINGS, *(_cells(row, quartiles=True) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return "\n".join([*lines, *_notes(rows), verdict(rows)])


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table of medians; a name that repeats the one above it is left out."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|---:|---|---:|---:|---:|---|"]
    before = ""
    for row in rows:
        name, *others = _cells(row, quartiles=False)
        lines.append("| " + " | ".join(["" if name == before else name, *others]) + " |")
        before = name
    return "\n".join([*lines, *("\n" + note for note in _notes(rows))])


def verdict(rows: Iterable[Row]) -> str:
    """How many targets were met, missed and not measured."""
    judged = [row.met for row in rows if row.target is not None]
    parts = [f"{judged.count(True)} of {len(judged)} targets met"]
    parts += [f"{judged.count(False)} missed"] * (False in judged)
    parts += [f"{judged.count(None)} not measured"] * (None in judged)
    return ", ".join(parts) + "."


def _cells(row: Row, *, quartiles: bool) -> tuple[str, ...]:
    met = {True: "met", False: "**missed**", None: ""}[row.met]
    if row.note and row.met is None:
        met = "not measured"
    return (
        row.name,
        _value(row.ours, row.ours_quartiles if quartiles else None, row.unit),
        row.peer_name,
        _value(row.peer, row.peer_quartiles if quartiles else None, row.unit),
        "–" if row.ratio is None else _ratio(row.ratio, row.target),
        "" if row.target is None else _bound(row.target),
        met if not quartiles else met.strip("*"),
    )


def _value(value: float | None, quartiles: Quartiles | None, unit: str) -> str:
    if value is None:
        return "–"
    spread = f" ({_number(quartiles[0])}–{_number(quartiles[1])})" if quartiles else ""
    return f"{_number(value)}{spread} {unit}"


def _ratio(ratio: float, target: float | None) -> str:
    """The ratio as its target is put: "0.981", or "3.1× faster"."""
    if (ratio if target is None else target) < _FASTER_FROM:
        return f"{_number(1 / ratio)}× faster"
    return f"{ratio:.3f}"


def _bound(target: float) -> str:
    return f"≤ {target:.3g}" if target >= _FASTER_FROM else f"≥ {1 / target:,.5g}× faster"


def _number(value: float) -> str:
    """Three digits that count, and all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    yield from dict.fromkeys(row.note for row in rows if row.note)
