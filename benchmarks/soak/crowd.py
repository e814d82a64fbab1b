"""A hundred sessions at once, each with a picture of its own: none lost, none mixed up."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.serving import serving
from benchmarks.soak.pictures import FAILED, FIELD, ONE_MODEL
from benchmarks.soak.rows import Row, at_most, printed
from benchmarks.soak.session import visiting
from benchmarks.soak.slow import QUICK, noise
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore

SESSIONS, AT_ONCE = 100, 25
_FIRST = 10_000


def rows(sessions: int = SESSIONS) -> tuple[Row, ...]:
    """Rows of pages that failed, and of answers that are not those of the session's own picture."""
    labels = expected(sessions, _FIRST)
    with serving() as server:
        server.wait_healthy()
        said = asyncio.run(_all(server.url, sessions))
    lost = sum(not texts or FAILED in texts for texts in said)
    mixed = sum(label not in texts for label, texts in zip(labels, said, strict=True) if texts)
    each = f"{sessions} sessions, {AT_ONCE} at once"
    return (
        at_most(f"{each}: pages without an answer", lost, 0),
        at_most(f"{each}: answers that are not of the session's own picture", mixed, 0),
    )


def expected(count: int, first: int) -> tuple[str, ...]:
    """The most probable class of `noise` from seed `first` on, asked for alone."""
    with tempfile.TemporaryDirectory() as folder:
        service = InferenceService(WeightsStore(Path(folder)))
        asked = (ClassifyRequest(noise(first + seed), QUICK) for seed in range(count))
        return tuple(service.classify(request).top[0].label for request in asked)


async def _all(url: str, sessions: int) -> list[str]:
    room = asyncio.Semaphore(AT_ONCE)

    async def visit(seed: int) -> str:
        async with room, visiting(url, "classify", ONE_MODEL) as session:
            await session.upload(FIELD, {f"{seed}.jpg": partial(noise, _FIRST + seed)})
            return " ".join(session.texts)

    return await asyncio.gather(*map(visit, range(sessions)))


if __name__ == "__main__":
    printed(rows())
