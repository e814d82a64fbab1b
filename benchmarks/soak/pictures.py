"""Damaged pictures, uploaded as people upload: the server lives, and every page stays whole.

`python -m benchmarks.soak.pictures` sends 10,000.
"""

from __future__ import annotations

import asyncio
import io
import random
import re
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from urllib.parse import urlencode

from benchmarks.serving import serving
from benchmarks.soak.rows import Row, at_least, at_most, printed
from benchmarks.soak.session import visiting
from effnet_core.images import FORMATS, decode
from effnet_core.images.samples import load_sample
from effnet_core.limits import MAX_PICTURES

CASES, AT_ONCE = 10_000, 6
FIELD = "Your pictures"
ONE_MODEL = urlencode({"model": "Lite0 · ImageNet-1k"})
FAILED = "Something went wrong"
FOREIGN = ("Traceback", "Error:", "Exception")
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
_ENDINGS = {"JPEG": "jpg", "TIFF": "tif"}


def rows(cases: int = CASES) -> tuple[Row, ...]:
    """Rows of servers that died, of pages that failed, and of the slowest batch."""
    with serving() as server:
        server.wait_healthy()
        found = asyncio.run(_all(server.url, cases))
        alive = server.process.poll() is None
    pages, failed, slowest = found
    each = f"{cases:,} damaged pictures uploaded to Classify"
    return (
        at_most(f"{each}: servers that died", int(not alive), 0),
        at_least(f"{each}: pages drawn", pages, -(-cases // MAX_PICTURES)),
        at_most(f"{each}: pages with a traceback or another's error", failed, 0),
        at_most(f"{each}: seconds a picture, slowest page of {MAX_PICTURES}", slowest, 1.0),
    )


def damaged(seed: int) -> Iterator[tuple[str, bytes]]:
    """Picture files without end, each changed at some places, cut or grown; with their names."""
    chance = random.Random(seed)
    photo = decode(load_sample("coffee")).resize((96, 64))
    whole = {}
    for name in FORMATS:
        file = io.BytesIO()
        photo.save(file, name)
        whole[name] = file.getvalue()
    while True:
        name = chance.choice(list(whole))
        data = bytearray(whole[name])
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        start = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                del data[start:]
            case 1:
                data[start:start] = chance.randbytes(chance.randrange(1, 400))
            case 2:
                del data[start : start + chance.randrange(1, 60)]
        ending = _ENDINGS.get(name, name.lower())
        yield f"{chance.randrange(10**9)}.{ending}", bytes(data)


async def _all(url: str, cases: int) -> tuple[int, int, float]:
    """How many pages were drawn, how many of them failed, and the slowest one's time a picture."""
    files = islice(damaged(0), cases)
    batches = iter(lambda: tuple(islice(files, MAX_PICTURES)), ())
    pages, failed, slowest = 0, 0, 0.0

    async def visit() -> None:
        nonlocal pages, failed, slowest
        for batch in batches:
            async with visiting(url, "classify", ONE_MODEL) as session:
                start = time.perf_counter()
                await session.upload(FIELD, {name: partial(bytes, data) for name, data in batch})
                slowest = max(slowest, (time.perf_counter() - start) / len(batch))
                pages += 1
                said = _SCRIPT.sub("", " ".join(session.texts))
                failed += FAILED in said or any(word in said for word in FOREIGN)

    await asyncio.gather(*(visit() for _ in range(AT_ONCE)))
    return pages, failed, slowest


if __name__ == "__main__":
    printed(rows())
