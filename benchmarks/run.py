"""Time this project beside its peers and print one table: `python -m benchmarks.run --help`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module

import torch

from benchmarks import report, results
from benchmarks.results import Group, Results
from benchmarks.rows import Row, unmeasured
from benchmarks.table import text
from effnet_core.errors import EffnetError
from effnet_core.host import available_cores

Rows = tuple[Row, ...]


GROUPS = (
    "forward",
    "cuda",
    "answers",
    "maps",
    "costs",
    "curves",
    "browser",
    "first_answers",
    "prediction",
)
"""Modules of this package with a function `rows`, in the table's order."""

USERS_CACHE = ("prediction",)
"""Groups that read what the user keeps; the others leave nothing there."""


def rows_of(group: str, *, with_compile: bool = False) -> Rows:
    """Measure one group; its module, and what that needs, is imported only now."""
    rows: Callable[..., Rows] = import_module(f"benchmarks.{group}").rows
    return rows(with_compile=with_compile) if group == "forward" else rows()


@contextmanager
def cache_apart() -> Iterator[None]:
    """Keep what is cached meanwhile in a folder that is thrown away."""
    before = os.environ.get("EFFNET_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EFFNET_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["EFFNET_CACHE"]
            if before is not None:
                os.environ["EFFNET_CACHE"] = before


def measure(name: str, rows: Callable[[], Rows]) -> Group:
    """One group's rows; where it cannot run at all, one row that says why."""
    before, start, measured = os.getloadavg()[0], time.monotonic(), results.now()
    try:
        found = rows()
    except (EffnetError, ImportError, RuntimeError, OSError) as error:
        found = (unmeasured(name, f"{name}: {str(error).splitlines()[0]}"),)
    return Group(
        name=name,
        measured=measured,
        load_before=round(before, 2),
        load_after=round(os.getloadavg()[0], 2),
        seconds=round(time.monotonic() - start, 1),
        rows=found,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and, when asked, write it; return the exit code."""
    chosen = _parser().parse_args(arguments)
    torch.set_num_threads(available_cores())
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    measured = []
    for name in GROUPS:
        if name in (chosen.only or GROUPS):
            print(f"{name} …", file=sys.stderr, flush=True)
            rows = partial(rows_of, name, with_compile=chosen.compile)
            with nullcontext() if name in USERS_CACHE else cache_apart():
                measured.append(measure(name, rows))
    found = results.here(measured)
    print(text(found.rows))
    if chosen.write:
        _write(found)
    return 0


def _write(found: Results) -> None:
    """Keep the results, with the groups not measured now, and put them where people read them."""
    old = None
    if results.FILE.is_file():
        try:
            old = results.from_json(results.FILE.read_text(encoding="utf-8"))
        except ValueError as error:
            print(error, file=sys.stderr)
    kept = results.merged(old, found, GROUPS)
    results.FILE.parent.mkdir(exist_ok=True)
    results.FILE.write_text(results.to_json(kept), encoding="utf-8")
    for page in report.write(kept):
        print(f"Written: {page}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=GROUPS, help="measure this group (repeatable)"
    )
    parser.add_argument(
        "--write", action="store_true", help="write benchmarks/results, and the pages that show it"
    )
    parser.add_argument(
        "--compile", action="store_true", help="time torch.compile too, after a minute's compiling"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
