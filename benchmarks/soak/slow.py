"""Quick answers beside slow ones: two occlusions by B7, twenty who ask B7 too, and Lite0 for all.

`python -m benchmarks.soak.slow` prints the rows.
"""

from __future__ import annotations

import io
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.soak.rows import Row, at_least, at_most, printed
from effnet_core.architecture.names import variant
from effnet_core.errors import Busy, EffnetError
from effnet_core.service import ClassifyRequest, ExplainRequest, InferenceService
from effnet_core.service.visitors import Visitor
from effnet_core.weights import WeightsStore, save_checkpoint

QUICK, SLOW = "lite0", "b7"
WAITERS, ANSWERS = 20, 40
RATIO, DROP_S = 2.0, 1.0
OCCLUSION = (("window", 48), ("stride", 12), ("batch_size", 1))


class Gone(BaseException):
    """What ends the questions of a visitor who has left."""


@dataclass
class Crowd:
    """Visitors who leave together."""

    left: threading.Event = field(default_factory=threading.Event)
    ends: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise Gone once they have left."""
        if self.left.is_set():
            raise Gone

    def ask(self, service: InferenceService, name: str, question: Callable[..., object]) -> None:
        """One visitor's question; how it ended is noted."""
        try:
            question(service.asked_by(Visitor(name, self.check)))
            self.ends.append("answered")
        except Gone:
            self.ends.append("left")
        except EffnetError as error:
            self.ends.append(type(error).__name__)


def rows(slow: str = SLOW, waiters: int = WAITERS, answers: int = ANSWERS) -> tuple[Row, ...]:
    """Lite0's median beside the crowd over its idle one, and how soon the crowd's work ends."""
    with tempfile.TemporaryDirectory() as folder:
        service = InferenceService(WeightsStore(Path(folder)))
        weights = _uploaded(service, slow, Path(folder))
        pictures = tuple(noise(number) for number in range(2 * answers + 2))
        service.classify(ClassifyRequest(pictures[-1], QUICK))
        service.classify(ClassifyRequest(pictures[-1], weights))
        idle, _ = median(service, pictures[:answers])
        with _crowd(service, weights, pictures[-2], waiters) as crowd:
            beside, refused = median(service, pictures[answers : 2 * answers])
            before = _busy_workers()
            crowd.left.set()
            dropped = _seconds_until(lambda: not any(map(_works, before)))
        service.close()
    who = f"{QUICK} beside 2 occlusions by {slow} and {waiters} who ask it too"
    return (
        at_most(f"{who}: median answer, times the idle one", beside / idle, RATIO),
        at_most(f"{who}: answers refused", refused, 0),
        at_least(f"{who}: processes that worked on occlusions", len(before), 1),
        at_most(f"{who}: seconds until their work ends when all have left", dropped, DROP_S),
        at_most(
            f"{who}: questions that ended otherwise than answered, busy or left",
            sum(end not in ("answered", "Busy", "left") for end in crowd.ends),
            0,
        ),
    )


def noise(seed: int, side: int = 256) -> bytes:
    """A JPEG that nobody has asked about before."""
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((side, side)).save(file, "JPEG")
    return file.getvalue()


def _uploaded(service: InferenceService, name: str, folder: Path) -> str:
    from effnet_core.network.build import build

    path = folder / "slow.safetensors"
    save_checkpoint(path, build(variant(name, num_classes=10), seed=0))
    return service.add_checkpoint(path.read_bytes(), path.name).id


def median(service: InferenceService, pictures: Iterable[bytes]) -> tuple[float, int]:
    """Seconds of one answer, distinct pictures one after the other, and how many were refused."""
    spent, refused = [], 0
    for picture in pictures:
        start = time.perf_counter()
        try:
            service.classify(ClassifyRequest(picture, QUICK))
        except EffnetError:
            refused += 1
        spent.append(time.perf_counter() - start)
    return statistics.median(spent), refused


@contextmanager
def _crowd(
    service: InferenceService, weights: str, picture: bytes, waiters: int
) -> Iterator[Crowd]:
    """Two who ask for occlusion, once their work has begun, and others who ask the same model."""
    crowd, seeds = Crowd(), itertools.count(1_000_000)
    request = ExplainRequest(
        image=picture, weights=weights, method="occlusion", parameters=OCCLUSION, class_index=0
    )

    def occlude(own: InferenceService) -> object:
        return own.explain(request)

    def classify(own: InferenceService) -> object:
        while True:  # another picture each time
            with suppress(Busy):
                own.classify(ClassifyRequest(noise(next(seeds)), weights))
            crowd.check()

    with ThreadPoolExecutor(waiters + 2) as pool:
        for number in range(2):
            pool.submit(crowd.ask, service, f"occlusion {number}", occlude)
        _seconds_until(lambda: sum(_cpu(each) > 4 for each in _workers()) >= 2)
        for number in range(waiters):
            ask = occlude if number % 2 else classify
            pool.submit(crowd.ask, service, f"waiter {number}", ask)
        try:
            yield crowd
        finally:
            crowd.left.set()


def _workers() -> list[psutil.Process]:
    every = psutil.Process().children(recursive=True)
    return [each for each in every if "LokyProcess" in _command(each)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return ""


def _busy_workers() -> list[psutil.Process]:
    return [each for each in _workers() if _cpu(each) > 4]


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _works(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _seconds_until(condition: Callable[[], bool], most: float = 120) -> float:
    start = time.perf_counter()
    while not condition() and time.perf_counter() - start < most:
        time.sleep(0.02)
    return time.perf_counter() - start


if __name__ == "__main__":
    printed(rows())
