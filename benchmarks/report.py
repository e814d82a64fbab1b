"""The results where people read them: ten rows in README.md, all of them in docs/benchmarks.md.

`python -m benchmarks.report` writes both anew from benchmarks/results/latest.json. A test proves
that the committed pages are what this gives, so that no figure is typed in by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import fill

from benchmarks import results
from benchmarks.results import Group, Results
from benchmarks.table import markdown, verdict

ROOT = Path(__file__).resolve().parents[1]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"

WIDTH = 100

IN_README = (
    ("server start to first page drawn", "bare Streamlit page"),
    ("a step of φ under the hand, growth", "bare Streamlit page, release to redrawn"),
    ("server start to first answer on Classify", "first page drawn"),
    ("`effnet classify` of one picture", "`effnet --help` + a raw script"),
    ("forward pass, B0, batch 1", "ONNX Runtime, raw"),
    ("forward pass, B0, batch 1", "torchvision"),
    ("JPEG of 500 × 375 to top 5, B0", "this project's decoding + pass"),
    ("Grad-CAM, B0, last feature map", "captum"),
    ("cost of B7, totals, first time", "fvcore"),
    ("four strategies × 200 φ, processor time", "layer by layer"),
)
"""The rows that a reader wants: name and peer."""

TITLES = {
    "forward": "Forward passes",
    "cuda": "Forward passes on CUDA",
    "answers": "From bytes to the answer",
    "maps": "Maps",
    "costs": "Costs",
    "curves": "Curves",
    "browser": "In Chromium",
    "first_answers": "First answers",
    "prediction": "Predicted milliseconds",
}

HEAD = """# Benchmarks

Written by `make bench`, which measures, prints and writes these tables; a test fails when this page
is not what `benchmarks/results/latest.json` says. There stand quartiles, numbers of passes, the
machine's load and the part of the processor that other programs had, too. A part is measured with
`python -m benchmarks.run --only forward`, and so on; `--write` puts it into these pages.

A ratio is this project's time over the peer's, and at most the target, unless it is said how many
times faster this project is. A row whose peer is "limit" has a limit in its place. Figures are
medians of interleaved blocks; how they are taken, and why not pass by pass, says
`benchmarks/protocol.py`. What is timed, and that both sides give the same answer, is said and
checked in each group's module beside it. Networks have random weights, which take as long as any.
"""


def write(found: Results) -> tuple[str, ...]:
    """Write both pages; return their names."""
    README.write_text(readme(README.read_text(encoding="utf-8"), found), encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")
    return tuple(str(path.relative_to(ROOT)) for path in (results.FILE, README, PAGE))


def readme(text: str, found: Results) -> str:
    """README's text with those of `IN_README` that were measured between its two marks.

    The verdict above them counts every row.
    """
    by_name = {(row.name, row.peer_name): row for row in found.rows}
    rows = [by_name[name] for name in IN_README if name in by_name]
    days = sorted({group.measured.split()[0] for group in found.groups})
    dates = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    about = fill(f"Measured {dates} on {machine(found)}: {verdict(found.rows)}", WIDTH)
    part = f"{about}\n\n{markdown(rows)}"
    pattern = re.compile(f"{BEGIN}\n.*?{END}", flags=re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"README.md lacks the marks {BEGIN} and {END}.")
    return pattern.sub(lambda _: f"{BEGIN}\n{part}\n{END}", text)


def page(found: Results) -> str:
    """The text of docs/benchmarks.md."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    about = fill(f"On {machine(found)}. Packages: {versions}.", WIDTH) + "\n"
    return "\n".join([HEAD, about, *map(_section, found.groups)])


def machine(found: Results) -> str:
    """The machine in words."""
    about = found.machine
    return (
        f"{about['processor']}, {about['cores']} cores ({about['threads']} threads used), "
        f"{about['memory_gib']} GiB, {about['system']}, Python {about['python']}"
    )


def _section(group: Group) -> str:
    return (
        f"## {TITLES[group.name]}\n\n"
        f"{group.measured} UTC, {group.seconds:.0f} s, load of the machine before: "
        f"{group.load_before}.\n\n{markdown(group.rows)}\n"
    )


if __name__ == "__main__":
    print(*write(results.from_json(results.FILE.read_text(encoding="utf-8"))), sep="\n")
