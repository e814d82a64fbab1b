"""Hostile checkpoints beside an honest visitor: refused in a sentence, while Lite0 goes on."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.soak.rows import Row, at_least, at_most, printed
from benchmarks.soak.slow import QUICK, RATIO, median, noise
from effnet_core.errors import EffnetError
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore
from effnet_core.weights.tensor_files import serialise

RAN = Path(tempfile.gettempdir()) / "a-checkpoint-has-run"


class Payload:
    """What a pickle would run: it leaves a file."""

    def __reduce__(self) -> tuple[object, ...]:
        """Call `Path.touch` on unpickling."""
        return Path.touch, (RAN,)


def rows(cases: int = 200, answers: int = 40) -> tuple[Row, ...]:
    """Rows of what ran, of errors that are no sentence of this project, and of who waited."""
    RAN.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        service = InferenceService(WeightsStore(Path(folder)))
        service.classify(ClassifyRequest(noise(0), QUICK))
        idle, _ = median(service, map(noise, range(1, answers + 1)))
        with ThreadPoolExecutor(1) as pool:
            # made before: what makes them would hold up the answers of this process
            sending = pool.submit(_send, service, tuple(islice(hostile(0), cases)))
            time.sleep(2)
            beside, refused = median(service, map(noise, range(answers + 1, 2 * answers + 1)))
            refused_files, foreign, slowest = sending.result()
        service.close()
    each = f"{cases} hostile checkpoints"
    return (
        at_most(f"{each}: payloads that ran", int(RAN.exists()), 0),
        at_least(f"{each}: refused in a sentence", refused_files, cases),
        at_most(f"{each}: errors other than a sentence", foreign, 0),
        at_most(f"{each}: seconds until the slowest was refused", slowest, 60),
        at_most(
            f"{each}: {QUICK}'s median answer meanwhile, times the idle one", beside / idle, RATIO
        ),
        at_most(f"{each}: answers of {QUICK} refused meanwhile", refused, 0),
    )


def hostile(seed: int) -> Iterator[tuple[str, bytes]]:
    """Files that claim to be weights, without end; the large ones are the same each time."""
    chance = np.random.default_rng(seed)
    sound = serialise({"classifier.bias": np.zeros(8, np.float32)}, {})
    one = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{number}": one for number in range(200_000)}).encode()
    countless = len(header).to_bytes(8, "little") + header
    nested = _as_torch(b"\x80\x02)" + b"\x85" * 4_000_000 + b".")
    while True:
        yield "pickle.pth", pickle.dumps(Payload())
        yield "nested.pth", nested
        yield "countless.safetensors", countless
        changed = bytearray(sound)
        changed[int(chance.integers(len(changed)))] ^= 1 << int(chance.integers(8))
        yield "flipped.safetensors", bytes(changed)
        yield "noise.pt", chance.bytes(4000)
        yield "headless.safetensors", chance.bytes(8)
        yield "payload.pt", _as_torch(pickle.dumps({"state": Payload()}, protocol=2))


def _as_torch(description: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", description)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def _send(service: InferenceService, files: Iterable[tuple[str, bytes]]) -> tuple[int, int, float]:
    """How many files were refused in a sentence or failed otherwise, and the slowest's seconds."""
    refused, foreign, slowest = 0, 0, 0.0
    for name, data in files:
        start = time.perf_counter()
        try:
            service.add_checkpoint(data, name)
        except EffnetError:
            refused += 1
        except Exception:  # noqa: BLE001 - that is what is counted
            foreign += 1
        slowest = max(slowest, time.perf_counter() - start)
    return refused, foreign, slowest


if __name__ == "__main__":
    printed(rows())
