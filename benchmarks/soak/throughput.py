"""Answers a second: 1 to 32 sessions with pictures of their own, beside ONNX Runtime alone.

The runtime alone does the same from the picture's bytes on: it decodes and resizes with Pillow, and
answers one by one, on all cores or on one core in each of as many threads, whichever is faster.
Both are timed in turn, several times.
"""

from __future__ import annotations

import io
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.soak.rows import Row, at_least, at_most, printed
from benchmarks.soak.slow import QUICK
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.errors import Busy
from effnet_core.host import available_cores
from effnet_core.images import Preprocessing, decode
from effnet_core.images.samples import load_sample
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.service.visitors import Visitor
from effnet_core.weights import WeightsStore

SESSIONS = (1, 4, 16, 32)
SECONDS, TURNS = 3.0, 3
RATIO, FAIR = 0.9, 0.5
Ask = Callable[[bytes], object]


def rows(sessions: Sequence[int] = SESSIONS, seconds: float = SECONDS) -> tuple[Row, ...]:
    """For each number of sessions: throughput beside the runtime alone, and the least served."""
    pictures = _pictures()
    with tempfile.TemporaryDirectory() as folder:
        service = InferenceService(WeightsStore(Path(folder)))
        ask = _by_service(service)
        ask(0)(next(pictures))  # the model is loaded
        ways = _ways(service)
        best = max(ways, key=lambda way: sum(_drive([way[1]] * way[0], pictures, seconds)[0]))
        return tuple(
            row
            for count in sessions
            for row in _beside(ask, ways[0] if count == 1 else best, count, pictures, seconds)
        )


def _beside(
    ask: Callable[[int], Ask],
    raw: tuple[int, Ask],
    count: int,
    pictures: itertools.cycle[bytes],
    seconds: float,
) -> tuple[Row, ...]:
    ratios, times, refused, least = [], [], 0, 1.0
    for _ in range(TURNS):
        counts, spent, busy = _drive([ask(number) for number in range(count)], pictures, seconds)
        alone, _, _ = _drive([raw[1]] * raw[0], pictures, seconds)
        ratios.append(sum(counts) / sum(alone))
        least = min(least, min(counts) / (sum(counts) / count))
        times += spent
        refused += busy
    each = f"{count} sessions of {QUICK}"
    p95 = float(np.quantile(times, 0.95)) / statistics.median(times)
    return (
        at_least(f"{each}: answers, times ONNX Runtime alone", statistics.median(ratios), RATIO),
        at_least(f"{each}: the least served session, times the mean", least, FAIR),
        at_most(f"{each}: refused of {len(times) + refused}", refused, 0),
        at_most(f"{each}: 95th percentile, times the median", p95, 4),
    )


def _drive(
    asks: Sequence[Ask], pictures: itertools.cycle[bytes], seconds: float
) -> tuple[list[int], list[float], int]:
    """Answers of each session, seconds of each answer, and how many were refused."""
    counts, spent, refused = [0] * len(asks), [], []
    end = time.perf_counter() + seconds
    lock = threading.Lock()

    def session(place: int) -> None:
        while time.perf_counter() < end:
            with lock:
                picture = next(pictures)
            start = time.perf_counter()
            try:
                asks[place](picture)
            except Busy:
                refused.append(place)
                time.sleep(0.05)  # as the sentence says: a moment later
                continue
            counts[place] += 1
            spent.append(time.perf_counter() - start)

    with ThreadPoolExecutor(len(asks)) as pool:
        for finished in [pool.submit(session, place) for place in range(len(asks))]:
            finished.result()
    return counts, spent, len(refused)


def _by_service(service: InferenceService) -> Callable[[int], Ask]:
    def of(number: int) -> Ask:
        own = service.asked_by(Visitor(f"session {number}"))
        return lambda picture: own.classify(ClassifyRequest(picture, QUICK))

    return of


def _ways(service: InferenceService) -> tuple[tuple[int, Ask], ...]:
    """(threads, what each does): one on all cores, then one a core on a session of its own."""
    loaded = service._models.source(QUICK).load()  # type: ignore[union-attr]
    graph, fed = whole_graph(loaded.spec, loaded.tensors), loaded.preprocessing

    def way(threads: int) -> tuple[int, Ask]:
        session = OnnxSession(graph, available_cores() // threads)
        return threads, lambda picture: session.run(_by_pillow(picture, fed))[0].argsort()

    return way(1), way(available_cores())


def _by_pillow(picture: bytes, fed: Preprocessing) -> npt.NDArray[np.float32]:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    short = min(image.size)
    size = (image.width * fed.resize // short, image.height * fed.resize // short)
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (image.width - fed.crop) // 2, (image.height - fed.crop) // 2
    view = image.crop((left, top, left + fed.crop, top + fed.crop))
    pixels = np.asarray(view, np.float32) / 255
    scaled = (pixels - np.array(fed.mean, np.float32)) / np.array(fed.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)


def _pictures() -> itertools.cycle[bytes]:
    """JPEGs of 500 × 375 pixels, each another: no answer is known before."""
    photo = decode(load_sample("coffee")).resize((500, 375))
    made = []
    for number in range(2000):
        file = io.BytesIO()
        photo.putpixel((number % 500, number // 500), (number % 256, 0, 0))
        photo.save(file, "JPEG", quality=88, comment=str(number).encode())
        made.append(file.getvalue())
    return itertools.cycle(made)


if __name__ == "__main__":
    printed(rows())
