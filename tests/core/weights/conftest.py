"""A small network and its file, and a loopback server that fails in every way a server can."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.images import Preprocessing
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet
from effnet_core.weights import WeightsEntry, WeightsStore, find, save_checkpoint
from effnet_core.weights.key_names import Style, module_names


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "cache")


@pytest.fixture(scope="module")
def spec() -> ArchitectureSpec:
    """A small network of one's own, with conventions that no published variant has together."""
    small = scaled(-6, num_classes=3)
    return dataclasses.replace(small, name="mine", bn_eps=2e-4, padding="same", bn_momentum=0.03)


@pytest.fixture(scope="module")
def model(spec: ArchitectureSpec) -> EfficientNet:
    return build(spec, seed=1)


@pytest.fixture(scope="session")
def labels() -> tuple[str, ...]:
    return ("cat", "dog", "<script>alert('class')</script>")


@pytest.fixture(scope="session")
def preprocessing() -> Preprocessing:
    return Preprocessing(
        resize=110, crop=100, interpolation="bilinear", mean=(0.5, 0.4, 0.3), std=(0.3, 0.2, 0.1)
    )


@pytest.fixture
def saved(
    model: EfficientNet,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    tmp_path: Path,
) -> Path:
    path = tmp_path / "mine.safetensors"
    save_checkpoint(path, model, classes=labels, preprocessing=preprocessing)
    return path


@pytest.fixture
def torch_file() -> Callable[[Path, EfficientNet, Style], Path]:
    """Return a function that saves a model's weights as a .pth file under the names of a style."""

    def save(path: Path, model: EfficientNet, style: Style) -> Path:
        theirs = {ours: name for name, ours in module_names(model.spec, style).items()}
        renamed = {
            f"{theirs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": tensor
            for key, tensor in model.state_dict().items()
        }
        torch.save(renamed, path)
        return path

    return save


@pytest.fixture(scope="session")
def content() -> bytes:
    """Return what the server serves; no test changes it."""
    return os.urandom(2**20 + 12_345)


@pytest.fixture(scope="session")
def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` in the way that `mode` says, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.mode = "whole"
        self.paths: list[str] = []
        self.resume = threading.Event()
        self.half_sent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        mode = self.server.mode
        if mode in ("404", "503"):
            self.send_error(int(mode))
            return
        if mode == "silent":
            self.server.resume.wait(20)
            return
        if mode == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            return
        content = self.server.content
        if mode == "corrupt":
            content = content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]
        elif mode == "endless":
            content *= 4
        self.send_response(200)
        if mode != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        self.wfile.write(content[:half])
        self.wfile.flush()
        self.server.half_sent.set()
        if mode == "cut":
            return
        if mode in ("pause", "stall"):
            self.server.resume.wait(20)
        if mode != "stall":
            self.wfile.write(content[half:])


@pytest.fixture
def server(content: bytes) -> Iterator[Server]:
    server = Server(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.resume.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def entry(
    server: Server, content: bytes, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> WeightsEntry:
    monkeypatch.delenv("EFFNET_WEIGHTS_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    name = f"tiny-{sha256[:8]}.pth"
    return dataclasses.replace(
        find("b0"),
        id="Tiny.V1",
        url=f"{server.url}/models/{name}",
        file_name=name,
        hash_prefix=sha256[:8],
        size_bytes=len(content),
    )
