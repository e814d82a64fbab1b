"""The app as its visitors meet it: a server of its own, and sessions that move the slider for φ."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

ROOT = Path(__file__).resolve().parents[1]
SLIDER = "φ"
MOST_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server; `started` is when its process was asked for (`time.perf_counter`)."""

    port: int
    process: subprocess.Popen[bytes]
    started: float

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def megabytes(self) -> float:
        """Resident memory of the process that was started, in MB (10⁶ bytes)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6

    def has_loaded(self, library: str) -> bool:
        """Whether a shared library of this name is in the process's memory."""
        maps = Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8", errors="replace")
        return library in maps

    def wait_healthy(self) -> None:
        """Wait until it answers; raises RuntimeError where it stops or takes a minute."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.read() == b"ok":
                        return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("The app's server did not start.")


def by_module(port: int) -> list[str]:
    """The command that serves, and nothing besides: its process is the server's."""
    return [sys.executable, "-m", "app.server", "--port", str(port)]


def bare(port: int) -> list[str]:
    """A bare Streamlit page with the same widgets, served as Streamlit's documentation does it.

    Settings are those of this project's server that cost or save time.
    """
    settings = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "runner.postScriptGC": "false",
        "browser.gatherUsageStats": "false",
    }
    page = str(ROOT / "benchmarks" / "bare_page.py")
    options = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "streamlit", "run", page, *options]


def set_up() -> None:
    """Let `make` install what the app still lacks; raises RuntimeError where it cannot."""
    command = ["make", "-C", str(ROOT), "setup-app"]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        raise RuntimeError(
            "The app could not be set up: run `make setup-app` and read what it says."
        )


@contextmanager
def serving(
    command: Callable[[int], list[str]] = by_module, *, cache: Path | None = None
) -> Iterator[Server]:
    """Serve the app on a free port of this machine, with `cache` or an empty one of its own."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = os.environ | {
            "EFFNET_CACHE": str(cache or folder),
            "EFFNET_RUNS": f"{folder}/runs",
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            command(port),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield Server(port, process, started)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, and wait until none is left."""
    end = time.monotonic() + 20
    sent: int = signal.SIGTERM
    try:
        while time.monotonic() < end:
            os.killpg(process.pid, sent)
            sent = 0  # only asks whether any is left
            process.poll()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def visitors(server: Server, count: int) -> Iterator[list[int]]:
    """Let `count` sessions over the websocket each move φ once a second, for two minutes at most.

    Yields the list of their moves that the server has drawn, one entry a session. Raises
    RuntimeError where a session ends early.
    """
    drawn, stop = [0] * count, threading.Event()
    failed: list[BaseException] = []

    async def all_of_them() -> None:
        await asyncio.gather(*(_visit(server, place, drawn, stop) for place in range(count)))

    def run() -> None:
        try:
            asyncio.run(all_of_them())
        except (OSError, websockets.WebSocketException, TimeoutError) as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield drawn
    finally:
        stop.set()
        thread.join(timeout=20)
    if failed:
        raise RuntimeError("A session beside the browser's ended early.") from failed[0]


async def _visit(server: Server, place: int, drawn: list[int], stop: threading.Event) -> None:
    """One session: open the page, then move the slider each second."""
    chance = random.Random(place)
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    end = time.monotonic() + MOST_SECONDS
    async with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as line:
        slider = await _run(line, None, 0.0)
        await asyncio.sleep(place / len(drawn))
        while not stop.is_set() and time.monotonic() < end:
            turn = time.monotonic()
            await _run(line, slider, chance.randrange(-60, 101) / 10)
            drawn[place] += 1
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - turn)))


async def _run(line: ClientConnection, slider: str | None, phi: float) -> str | None:
    """Ask for one run of the page and wait until it is drawn; return the id of φ's slider."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    if slider:
        state = message.rerun_script.widget_states.widgets.add()
        state.id = slider
        state.double_array_value.data.append(phi)
    await line.send(message.SerializeToString())
    while True:
        answer = ForwardMsg.FromString(bytes(await asyncio.wait_for(line.recv(decode=False), 30)))
        if answer.WhichOneof("type") == "script_finished":
            return slider
        element = answer.delta.new_element
        if element.WhichOneof("type") == "slider" and element.slider.label == SLIDER:
            slider = element.slider.id
