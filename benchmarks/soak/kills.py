"""The server killed again and again, and on a full disk: what it says afterwards is right."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks.serving import Server, serving
from benchmarks.soak.crowd import expected
from benchmarks.soak.pictures import FAILED, FIELD
from benchmarks.soak.rows import Row, at_most, printed
from benchmarks.soak.session import visiting
from benchmarks.soak.slow import noise

KILLS = 5
_PICTURE = 20_000


def rows(kills: int = KILLS) -> tuple[Row, ...]:
    """Rows of wrong answers after kills in the middle of making graphs, and on a full disk."""
    (label,) = expected(1, _PICTURE)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        for number in range(kills):
            with serving(cache=cache) as server:
                server.wait_healthy()
                asyncio.run(_left_alone(server, 0.3 + 0.7 * number))
        wrong = _wrong(label, cache)
        parts = sum(1 for path in cache.rglob("*.part") if path.is_file())
    found = [
        at_most(f"{kills} kills while the first answer is made: wrong answers after", wrong, 0),
        at_most(f"{kills} kills while the first answer is made: half files left", parts, 0),
    ]
    if os.geteuid() == 0:  # only root may mount
        with _full_disk() as cache:
            found.append(at_most("a full disk: wrong answers", _wrong(label, cache), 0))
    return tuple(found)


async def _left_alone(server: Server, seconds: float) -> None:
    """Ask a first question and kill the server so soon after."""
    asked = asyncio.create_task(_answer(server))
    await asyncio.sleep(seconds)
    server.process.kill()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def _answer(server: Server) -> str:
    async with visiting(server.url, "classify") as session:
        await session.upload(FIELD, {"one.jpg": partial(noise, _PICTURE)})
        return " ".join(session.texts)


def _wrong(label: str, cache: Path) -> int:
    with serving(cache=cache) as server:
        server.wait_healthy()
        said = asyncio.run(_answer(server))
        time.sleep(1)
    return int(FAILED in said or label not in said)


@contextmanager
def _full_disk() -> Iterator[Path]:
    """A folder on a disk of one megabyte, which is full."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
        try:
            with suppress(OSError), (Path(folder) / "full").open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


if __name__ == "__main__":
    printed(rows())
