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
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

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
PARTS: dict[str, Callable[[], tuple[Row, ...]]] = {
    "damaged pictures": pictures.rows,
    "turned bits": flips.rows,
    "many sessions": crowd.rows,
    "kills and a full disk": kills.rows,
    "replicas behind a proxy": replicas.rows,
    MEMORY: visitors.rows,
    "costly pictures": costly.rows,
    "hostile checkpoints": hostile.rows,
    "readiness": ready.rows,
    "slow questions": slow.rows,
    "throughput": throughput.rows,
}
"""Memory is measured beside the others: its visitors beside the parts before it, which compare no
times, and the rest of its server, which then does nothing, beside those after it."""
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
        print(f"{name}, {time.monotonic() - begun:.0f} s\n{table(rows)}\n", flush=True)
    said = summary(found, time.monotonic() - begun)
    print(said)
    if asked.write and not asked.parts:
        _write(found, said)
    return 0 if all(row.met for part in found.values() for row in part) else 1


def _measured(names: Collection[str]) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The rows of each part that is named."""
    have_left = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        memory = None
        if MEMORY in names:
            memory = beside.submit(visitors.rows, have_left=have_left)
            memory.add_done_callback(lambda _: have_left.set())
        for name, part in PARTS.items():
            if name == MEMORY and memory:
                have_left.wait()
            elif name in names:
                yield name, part()
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
