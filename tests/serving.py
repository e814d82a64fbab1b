"""Fixtures that serve the app, and what they need."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that finds a loopback port which nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def wait_healthy() -> Callable[..., None]:
    """Return a function that waits until a Streamlit server says it is well."""

    def wait(url: str, process: subprocess.Popen[Any], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert process.poll() is None, f"the server stopped with code {process.returncode}"
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                    if answer.read() == b"ok":  # unknown paths answer 200 with the page instead
                        return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"{url} was not healthy after {seconds} s")

    return wait


@pytest.fixture(scope="session")
def start_server(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    wait_healthy: Callable[..., None],
) -> Callable[..., AbstractContextManager[tuple[str, subprocess.Popen[bytes]]]]:
    """Return what serves the app, set up but with no weights and no runs: its URL and process.

    It takes the calibration of the machine that it is to find, by default none.
    """
    from effnet_core.latency import save

    folder = tmp_path_factory.getbasetemp()
    cache = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "prepared"
    command = [sys.executable, "-m", "effnet_core.cli", "weights", "prepare"]
    environment = os.environ | {"EFFNET_CACHE": str(cache)}
    with FileLock(cache.with_suffix(".lock")):  # whoever comes second finds all made
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    @contextmanager
    def start(calibration: Any = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        port = free_port()
        own = tmp_path_factory.mktemp("cache")
        for kept in cache.iterdir():
            (own / kept.name).symlink_to(kept)
        if calibration is not None:
            save(calibration, own / "calibration.json")
        environment = os.environ | {
            "EFFNET_CACHE": str(own),
            "EFFNET_RUNS": str(tmp_path_factory.mktemp("runs")),
        }
        command = [sys.executable, "-m", "app.server", "--port", str(port)]
        with (tmp_path_factory.mktemp("server") / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                wait_healthy(f"http://127.0.0.1:{port}", process)
                yield f"http://127.0.0.1:{port}", process
            finally:
                process.terminate()
                process.wait(timeout=20)

    return start


@pytest.fixture(scope="session")
def server(start_server: Callable[[], Any]) -> Iterator[str]:
    """Serve the app for all tests of a session; return its URL."""
    with start_server() as (url, _):
        yield url
