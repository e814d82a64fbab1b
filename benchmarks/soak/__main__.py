"""Attack a server of its own for ten minutes, and write what held.

`python -m benchmarks.soak [PART …]`.

Everything happens on this machine's loopback. `--write` puts the figures into
`benchmarks/results/soak.json` and their sum into the README.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context

from benchmarks import results
from benchmarks.serving import ROOT, set_up
from benchmarks.soak import (
    costly,
    crowd,
    flips,
    hostile,
    kills,
    pictures,
    ready,
    replicas,
    slow,
    throughput,
    visitors,
)
from benchmarks.soak.rows import Row, table
from effnet_core import files

FILE = results.FILE.with_name("soak.json")
MEMORY = "memory"
BESIDE: dict[str, Callable[[], tuple[Row, ...]]] = {
    "turned bits": flips.rows,
    "many sessions": crowd.rows,
    "kills and a full disk": kills.rows,
    "replicas behind a proxy": replicas.rows,
    "damaged pictures": pictures.rows,
}
"""What counts, and takes times that are far from their limits: it runs while memory's server rests,
and then has visitors."""
AFTER: dict[str, Callable[[], tuple[Row, ...]]] = {
    "costly pictures": costly.rows,
    "hostile checkpoints": hostile.rows,
    "readiness": ready.rows,
    "slow questions": slow.rows,
    "throughput": throughput.rows,
}
"""What compares times: it runs once those visitors have left, while the server rests again."""
PARTS = {**BESIDE, MEMORY: visitors.rows, **AFTER}
_LINE = re.compile(r"(?<=<!-- soak -->\n).*?(?=\n<!-- end -->)", re.DOTALL)


def main() -> int:
    """Run the parts that are named, all by default; return 1 where a row is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--write", action="store_true", help="needs all parts")
    asked = parser.parse_args()
    set_up()
    logging.disable(logging.WARNING)  # of damage, which is what is sent
    begun, found = time.monotonic(), {}
    for name, rows in _measured(asked.parts or PARTS):
        found[name] = rows
        print(f"{name}, done after {time.monotonic() - begun:.0f} s\n{table(rows)}\n", flush=True)
    said = summary(found, time.monotonic() - begun)
    print(said)
    if asked.write and not asked.parts:
        _write(found, said)
    return 0 if all(row.met for part in found.values() for row in part) else 1


def _measured(names: Collection[str]) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The rows of each part that is named."""
    context = get_context("spawn")
    with context.Manager() as shared, ProcessPoolExecutor(1, mp_context=context) as pool:
        have_left = shared.Event()
        memory = pool.submit(visitors.rows, have_left=have_left) if MEMORY in names else None
        yield from ((name, part()) for name, part in BESIDE.items() if name in names)
        while memory and not (memory.done() or have_left.wait(1)):
            pass
        yield from ((name, part()) for name, part in AFTER.items() if name in names)
        if memory:
            yield MEMORY, memory.result()


def summary(found: dict[str, tuple[Row, ...]], seconds: float) -> str:
    """The last line: how many figures held, of which parts some did not, when and where."""
    rows = [row for part in found.values() for row in part]
    missed = {part: sum(not row.met for row in every) for part, every in found.items()}
    told = ", ".join(f"{part} ({count})" for part, count in missed.items() if count)
    held = f"{sum(row.met for row in rows)} of {len(rows)} limits held in {seconds / 60:.0f} min"
    where = f"{datetime.now(UTC):%Y-%m-%d}, {results.machine()['processor']}"
    return f"Soak of {where}: {held}" + (f"; missed: {told}." if told else ".")


def _write(found: dict[str, tuple[Row, ...]], said: str) -> None:
    rows = [{"part": part, **row._asdict()} for part, every in found.items() for row in every]
    machine = results.machine()
    files.write_json(FILE, {"summary": said, "machine": machine, "rows": rows})
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_LINE.sub(lambda _: said, text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
