"""Numbers as people read them, and tables as other programs do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from effnet_core.files import csv_text

_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_BEFORE_A_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z%])")
_BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def count(value: float) -> str:
    """Three digits and a letter, as the papers write it: 5288548 → "5.29 M", 0.39e9 → "390 M"."""
    return _scaled(value, _STEPS, "")


def size(number_of_bytes: float) -> str:
    """Bytes in decimal units: 21154192 → "21.2 MB"."""
    return _scaled(number_of_bytes, _BYTES, "B")


def milliseconds(value: float) -> str:
    """A short time in three digits: 6.4831 → "6.48 ms"."""
    return f"{_three_digits(value) if value >= 1 else f'{value:.2g}'} ms"


def percent(share: float) -> str:
    """A fraction as people read it: 0.4306 → "43.1 %", and never a false 0 or 100."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def times(new: float, old: float) -> str:
    """How many times `old` is `new`: "×1.47", or "the same"."""
    ratio = new / old
    if ratio == 1:
        return "the same"
    return f"×{ratio:.3g}" if 0.01 <= ratio < 1000 else f"×{ratio:.1e}"


def counted(number: int, word: str, *, before: str = "") -> str:
    """A number with its noun: "1 run", "2,048 photos", "3 more classes" with `before` = "more "."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {before}{word}{ending}"


def unbroken(text: str) -> str:
    """The same with every number kept on one line with its unit, for narrow cells."""
    return _BEFORE_A_UNIT.sub("\u00a0", text)


def minus(value: float, digits: int = 2) -> str:
    """A number with a real minus sign and no trailing zeros: −1.5."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return text.replace("-", "−") if text not in ("-0", "") else "0"


def duration(seconds: float) -> str:
    """A time as people say it: "45 s", "12 min", "1 h 20 min", "3 days"."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{max(0, round(seconds))} s"
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{round(seconds / 86_400)} days"


def file_stem(text: str) -> str:
    """A text as part of a file name: letters, digits and dashes alone; φ and its minus in words."""
    spelt = text.replace("φ", "phi").replace("−", " minus ")
    return re.sub(r"[^A-Za-z0-9]+", "-", spelt).strip("-")


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same keys as CSV, under a header of the keys; empty for no rows."""
    return csv_text((rows[0], *(row.values() for row in rows))) if rows else ""


def _scaled(value: float, steps: tuple[tuple[float, str], ...], unit: str) -> str:
    for step, letter in steps:
        if abs(value) >= 0.9995 * step:
            return f"{_three_digits(value / step)} {letter}"
    return f"{value:.0f} {unit}".strip()


def _three_digits(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
