"""Memory of the server while many visitors look at large photos, and two minutes after they left.

`python -m benchmarks.soak.visitors` measures 50 visitors with 12 photos of 35 MB each.
"""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
from PIL import Image

from benchmarks.serving import Server, serving
from benchmarks.soak.rows import Row, at_most, printed
from benchmarks.soak.session import visiting

VISITORS, PHOTOS, MEGABYTES = 50, 12, 35
GROWTH_MB, LEFT_MB = 500.0, 50.0
REST_S = 120.0
_BEFORE = 8, 3
"""Visitors, and photos of each."""
_TOO_MUCH = 200_000_000
"""Bytes of an upload where a picture may have `limits.PICTURE_UPLOAD_MEGABYTES`."""
FIELD = "Your pictures"
_SIDES = (7008, 4672)
_FRAME = b"\xff\xc0"  # of a baseline JPEG; the picture's height follows 3 bytes after its length


def rows(
    visitors: int = VISITORS,
    photos: int = PHOTOS,
    megabytes: float = MEGABYTES,
    rest: float = REST_S,
    have_left: threading.Event | None = None,
) -> tuple[Row, ...]:
    """Rows of the largest growth, the growth after `rest` seconds, and of uploads refused or taken.

    The server has answered a few visitors at the same time before, who have left: its models are
    loaded. `have_left` is set once the others have left too, before the server rests. Raises
    RuntimeError where the server does not start.
    """
    photo = noisy_photo(megabytes)
    with serving() as server:
        server.wait_healthy()
        asyncio.run(_all(server.url, photo, *_BEFORE))
        time.sleep(rest)
        before = server.megabytes
        with largest(server) as found:
            refused = asyncio.run(_all(server.url, photo, visitors, photos))
        if have_left is not None:
            have_left.set()
        time.sleep(rest)
        after = server.megabytes
        taken = asyncio.run(_takes_too_much(server))
    who = f"{visitors} visitors × {photos} photos of {len(photo) / 1e6:.0f} MB"
    return (
        at_most(f"{who}: growth of the server, MB", max(found) - before, GROWTH_MB),
        at_most(f"{who}: growth {rest:.0f} s after they left, MB", after - before, LEFT_MB),
        at_most(f"{who}: uploads refused", refused, 0),
        at_most(f"an upload of {_TOO_MUCH / 1e6:.0f} MB as a picture: taken", int(taken), 0),
    )


def noisy_photo(megabytes: float) -> bytes:
    """A JPEG of 33 million pixels of about so many MB: noise hardly shrinks."""
    width, height = _SIDES
    chance = np.random.default_rng(0)
    smooth = Image.effect_mandelbrot((width, height), (-2, -1.3, 1, 1.3), 40).convert("RGB")
    noise = chance.normal(0, 1, (height, width, 3)).astype(np.float32)
    low, high = 0.0, 127.0
    best = b""
    for _ in range(6):  # the noise that gives this size, by halving
        level = (low + high) / 2
        pixels = np.clip(np.asarray(smooth) + level * noise, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=92)
        best = file.getvalue()
        low, high = (low, level) if len(best) > megabytes * 1e6 else (level, high)
    return best


def shorter(photo: bytes, number: int) -> bytes:
    """The same JPEG without its last 2 × `number` rows: another picture, made at once."""
    place = photo.index(_FRAME) + 5
    height = int.from_bytes(photo[place : place + 2], "big") - 2 * number
    return photo[:place] + height.to_bytes(2, "big") + photo[place + 2 :]


async def _all(url: str, photo: bytes, visitors: int, photos: int) -> int:
    """Let all visitors upload at once, and leave when all have; return how much was refused."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(visitors))
    done = asyncio.Barrier(visitors)
    counts = await asyncio.gather(
        *(
            _visit(url, photo, range(place * photos + 1, (place + 1) * photos + 1), done)
            for place in range(visitors)
        )
    )
    return sum(counts)


async def _visit(
    url: str, photo: bytes, numbers: range, done: asyncio.Barrier | None = None
) -> int:
    async with visiting(url, "classify") as session:
        files = {f"{number}.jpg": partial(shorter, photo, number) for number in numbers}
        codes = await session.upload(FIELD, files)
        if done is not None:
            await done.wait()
    return sum(code != 204 for code in codes)


async def _takes_too_much(server: Server) -> bool:
    """Whether a file larger than any picture may be is taken, or the server dies of it."""
    async with visiting(server.url, "classify") as session:
        (code,) = await session.upload(FIELD, {"large.jpg": partial(bytes, _TOO_MUCH)})
    server.wait_healthy()
    return code not in (413, 0)  # 0: it hangs up on who still sends


@contextmanager
def largest(server: Server) -> Iterator[list[float]]:
    """Yields a list that holds the server's largest memory in MB so far."""
    found, stop = [server.megabytes], threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            found[0] = max(found[0], server.megabytes)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    printed(rows())
