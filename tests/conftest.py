"""What every test may use: outside data, models of its own, torch's threads."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.chromium import ON_CI
from tests.chromium import browser_page as browser_page
from tests.chromium import chromium as chromium
from tests.serving import free_port as free_port
from tests.serving import server as server
from tests.serving import start_server as start_server
from tests.serving import wait_healthy as wait_healthy

settings.register_profile("project", deadline=None, derandomize=ON_CI, print_blob=True)
settings.load_profile("project")
_MAIN = sys.modules["__main__"]


def pytest_configure(config: pytest.Config) -> None:
    """Share the cores between the test processes: torch reads this when it is first imported.

    The process that hands out the tests runs none, and what it sets its test processes inherit.
    Threads that wait must sleep: a test's own processes are more than there are cores, and threads
    that spin take the time of those that work, up to twentyfold.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if getattr(config.option, "numprocesses", None):
        return
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (cores or 1) // workers)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Put `__main__` back, where Streamlit leaves the page it ran; child processes run it too."""
    sys.modules["__main__"] = _MAIN


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep what is cached of this machine away from the tests, and theirs from it."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["EFFNET_CACHE"] = str(folder)
    return folder


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody know of weights in packages."""
    from effnet_core.weights import packaged

    packaged.packaged_weights.cache_clear()
    monkeypatch.setattr(packaged, "read", lambda name: ())
    yield
    packaged.packaged_weights.cache_clear()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of outside test data; the test is skipped where there is none."""
    folder = os.environ.get("EFFNET_TEST_DATA")
    if not folder:
        pytest.skip(
            "EFFNET_TEST_DATA is not set: it names the folder with facts, photos and weights"
        )
    if not Path(folder).is_dir():
        pytest.fail(f"EFFNET_TEST_DATA={folder} is not a folder")
    return Path(folder)


@pytest.fixture(scope="session")
def photos(test_data: Path) -> tuple[Path, ...]:
    """Return the 40 photos, whose names carry the ImageNet wnid and class."""
    found = tuple(sorted((test_data / "photos").glob("*.JPEG")))
    assert len(found) == 40
    return found


@pytest.fixture(scope="session")
def v2b0_weights(test_data: Path) -> Path:
    """Return the file with EfficientNetV2-B0's ImageNet weights under timm's key names."""
    return test_data / "weights" / "tf_efficientnetv2_b0.safetensors"


@dataclass(frozen=True)
class Bundled:
    """Fills an assets folder with tiny random networks as bundled models, and points at it."""

    assets: Path

    def put(self, name: str, title: str, *, phi: float = -6.0, **record: Any) -> Path:
        """Add a model with its card and a run record of these fields; return its file."""
        from effnet_core.architecture.names import scaled
        from effnet_core.cost.report import summarize
        from effnet_core.network.build import build
        from effnet_core.weights import bundled
        from effnet_core.weights.checkpoints import load_checkpoint, save_checkpoint, serialise
        from scripts.bundle import half_precision

        classes = record.pop("classes", ("espresso", "orange", "lion", "teapot"))
        spec = scaled(phi, num_classes=len(classes), resolution=64)
        file = self.assets / "models" / f"{name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(file, build(spec, seed=len(name)), classes=classes)
        file.write_bytes(serialise(half_precision(loaded := load_checkpoint(file))))
        file.with_suffix(".md").write_text(f"# {title}\n\n## Data\n\nCard of {name}.\n")
        runs = self.assets / "measured" / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        fields = {
            "group": "family",
            "strategy": "compound",
            "phi": phi,
            "base_phi": None,
            "seed": 0,
        }
        (runs / f"{name}.json").write_text(json.dumps({**fields, **record}))
        entry = {
            "id": name,
            "title": title,
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "size_bytes": file.stat().st_size,
            "architecture": spec.name,
            "stage_count": spec.stage_count,
            "params": summarize(spec).params,
            "classes": list(classes),
            "preprocessing": loaded.preprocessing.to_dict(),
            "padding": spec.padding,
            "bn_eps": spec.bn_eps,
            "run": name,
            "top1": 0.25,
            "data": "no photos at all",
            "licence": "none",
            "origin": "drawn by chance",
        }
        manifest = file.with_name(bundled.MANIFEST)
        known = json.loads(manifest.read_text())["models"] if manifest.exists() else []
        manifest.write_text(json.dumps({"models": [*known, entry]}))
        bundled._read.cache_clear()
        return file


@pytest.fixture
def bundled(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Bundled:
    """Let the program come with no models but those that the test puts in."""
    from effnet_core.weights import bundled

    made = Bundled(tmp_path_factory.mktemp("assets"))
    monkeypatch.setattr(bundled, "_folder", lambda: made.assets / "models")
    return made


# Milliseconds a unit of each term of a calibration, of the size found on two cores.
MADE_OF = (1e-8, 5e-9, 3e-8, 2e-8, 1e-7, 2e-7, 3e-8, 4e-8, 5e-8, 0.004, 0.02, 0.1)


@pytest.fixture(scope="session")
def made_up_timer() -> Callable[[Any], Any]:
    """Return a timer whose milliseconds follow `MADE_OF`, a few per cent off, always the same."""
    import math

    from effnet_core.latency import LatencyMeasurement, terms

    def timer(spec: Any) -> LatencyMeasurement:
        amounts = terms(spec)
        exact = sum(a * b for a, b in zip(amounts, MADE_OF, strict=True))
        ms = exact * (1 + 0.03 * math.sin(amounts[0]))
        return LatencyMeasurement(
            median_ms=ms,
            low_ms=0.98 * ms,
            high_ms=1.05 * ms,
            repeats=7,
            warmup=3,
            threads=2,
            device="cpu",
            dtype="float32",
            resolution=spec.resolution,
            batch=1,
            engine="a made-up engine",
            processor="a made-up processor",
        )

    return timer


@pytest.fixture(scope="session")
def made_up(made_up_timer: Callable[[Any], Any]) -> Any:
    """Return a calibration of this machine whose timings were made up."""
    from effnet_core.latency import calibrate

    return calibrate(timer=made_up_timer, clock=lambda: 0.0, load=lambda: lambda: 0.0)
