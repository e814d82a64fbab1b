"""Two apps and two engines behind the project's own Caddyfile, started by hand on this machine."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CADDYFILE = ROOT / "deploy" / "Caddyfile"
NO_CADDY = "Caddy was not found (on Debian and Ubuntu: sudo apt-get install caddy)"
START_S = 420.0

Process = subprocess.Popen[bytes]


@dataclass(kw_only=True)
class Deployed:
    """Where it is: `host` for browsers, by TLS; `asks` for the apps' questions."""

    host: str
    port: int
    asks: str
    context: ssl.SSLContext
    apps: tuple[Process, ...]
    engines: list[Process]
    engine_ports: tuple[int, ...]
    log: Path
    ends: ExitStack = field(repr=False)

    @property
    def url(self) -> str:
        """The address that browsers use."""
        return f"https://{self.host}:{self.port}"

    def get(
        self, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """HTTP's number, the headers and the body at a path; a body is posted."""
        line = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=60)
        try:
            line.request("GET" if body is None else "POST", path, body, headers or {})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            line.close()

    def restart_engine(self, place: int, seconds: float) -> None:
        """Tell an engine to end, and start another at its port; each has so many seconds.

        Raises TimeoutExpired or RuntimeError where it takes longer.
        """
        self.engines[place].terminate()
        self.engines[place].wait(timeout=seconds)
        port = self.engine_ports[place]
        self.engines[place] = self.ends.enter_context(engine(port, self.log))
        wait_ready(port, time.monotonic() + seconds, self.log)


def has_caddy() -> bool:
    """Whether Caddy is installed."""
    return shutil.which("caddy") is not None


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """Start all and wait until all answer; what is left of it is killed in the end.

    Raises RuntimeError where something does not start.
    """
    ports = free_ports(7)
    log = folder / "log"
    apps, engines, (public, asks, redirect) = ports[:2], ports[2:4], ports[4:]
    address = f"http://127.0.0.1:{asks}"
    own = {
        "EFFNET_ADDRESS": f"https://localhost:{public}",
        "EFFNET_HTTP_PORT": str(redirect),
        "EFFNET_APPS": " ".join(f"127.0.0.1:{port}" for port in apps),
        "EFFNET_APPS_ASK": address,
        "EFFNET_ENGINES": " ".join(f"127.0.0.1:{port}" for port in engines),
        "XDG_DATA_HOME": str(folder),
    }
    with ExitStack() as stack:
        caddy = ["caddy", "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
        python = [sys.executable, "-m"]
        started = [stack.enter_context(engine(port, log)) for port in engines]
        stack.enter_context(_running(caddy, own, log))
        asking = {
            "EFFNET_SERVICE": address,
            "EFFNET_ENGINE_COUNT": str(len(engines)),
            "EFFNET_RUNS": str(folder / "runs"),
        }
        served = tuple(
            stack.enter_context(_running([*python, "app.server", "--port", str(port)], asking, log))
            for port in apps
        )
        end = time.monotonic() + START_S
        for port in (*engines, *apps):
            wait_ready(port, end, log)
        root = folder / "caddy/pki/authorities/local/root.crt"
        while not root.exists() and time.monotonic() < end:
            time.sleep(0.1)
        context = ssl.create_default_context(cafile=str(root))
        found = Deployed(
            host="localhost",
            port=public,
            asks=address,
            context=context,
            apps=served,
            engines=started,
            engine_ports=tuple(engines),
            log=log,
            ends=stack,
        )
        while found.get("/live")[0] != 200 and time.monotonic() < end:
            time.sleep(0.2)
        yield found


@contextmanager
def engine(port: int, log: Path) -> Iterator[Process]:
    """Start an engine at a port; it may not be ready yet, and is killed in the end."""
    command = [sys.executable, "-m", "effnet_core.cli", "serve", "--device", "cpu"]
    with _running([*command, "--port", str(port)], {}, log) as process:
        yield process


def kill(process: Process) -> None:
    """Let a process end at once, as one that ran out of memory does."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[Process]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_ready(port: int, end: float, log: Path) -> None:
    """Wait until what listens at a port is ready."""
    while time.monotonic() < end:
        with suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            line.request("GET", "/ready")
            if line.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(
        f"Nothing is ready at port {port}:\n{log.read_text(errors='replace')[-4000:]}"
    )
