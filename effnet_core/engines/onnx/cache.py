"""Graphs that ONNX Runtime has optimised for this machine, kept on disk: verified, few, replaced.

Measured on two cores from a spec and its tensors to a session: B0 99 ms, 128 where it is kept, and
from disk 45; B4 401, 562 and 235. This module needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psutil

from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx.session import ENGINE_VERSION, OnnxSession
from effnet_core.host import instructions

WHOLE = "logits and features"
"""The outputs of the graph that classifies."""
MAX_BYTES = 2 * 2**30
"""Bytes kept in all; the graph that was used longest ago goes first."""

_SUFFIX, _PART = ".graph", ".part"
_DIGEST = hashlib.sha256().digest_size
_log = logging.getLogger(__name__)


class GraphCache:
    """A folder of optimised graphs, shared by threads and processes.

    A file is a graph and the graph's SHA-256: what does not agree is not there. Whatever goes wrong
    with the disk is logged, and the graph is made anew. Making a cache touches no disk.
    """

    def __init__(self, root: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
        self._swept = False
        self._max_bytes = max_bytes

    def session(
        self,
        key: str,
        make: Callable[[], bytes],
        threads: int | None = None,
        *,
        pooled: bool = False,
    ) -> OnnxSession:
        """The session of the graph called `key`, from disk or of what `make` returns.

        `threads` and `pooled` are as of `OnnxSession`. Raises what `make` raises and ONNX Runtime's
        own errors.
        """
        self._sweep()
        kept = self._read(key)
        if kept is not None:
            try:
                return OnnxSession(kept, threads, pooled=pooled, optimised=True)
            except Exception:  # noqa: BLE001 - ONNX Runtime's errors have no common type
                _log.warning("The graph %s is refused and made anew", key, exc_info=True)
        graph, session = make(), None
        part = self.root / f".{os.getpid()}-{uuid.uuid4().hex}{_PART}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            session = OnnxSession(graph, threads, pooled=pooled, optimised_to=part)
            self._keep(key, part)
        except Exception:  # noqa: BLE001 - a full disk is an error of ONNX Runtime's too
            _log.info("The graph %s cannot be kept", key, exc_info=True)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return session or OnnxSession(graph, threads, pooled=pooled)

    def holds(self, weights_sha256: str, outputs: str) -> bool:
        """Whether a graph with these outputs is kept of a file of weights; no bytes are read."""
        beginning = _beginning(weights_sha256, outputs)
        return any(True for _ in self.root.glob(f"{beginning}-*{_SUFFIX}"))

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                graph = file.read(max(0, os.fstat(file.fileno()).st_size - _DIGEST))
                seal = file.read()
            os.utime(path)  # used now
        except FileNotFoundError:
            return None
        except OSError:
            _log.info("The graph %s cannot be read", key, exc_info=True)
            return None
        if hashlib.sha256(graph).digest() == seal:
            return graph
        _log.warning("The graph %s is damaged and made anew", key)
        return None

    def _keep(self, key: str, optimised: Path) -> None:
        """Seal the graph that ONNX Runtime has written, and let it appear whole."""
        with optimised.open("r+b") as file:
            file.write(hashlib.file_digest(file, "sha256").digest())
        optimised.replace(self._path(key))
        self._make_room(self._path(key))

    def _sweep(self) -> None:
        """Remove, once, what processes that were killed have left."""
        if self._swept:
            return
        self._swept = True
        for part in self.root.glob(f".*{_PART}"):
            writer = part.name[1:].partition("-")[0]
            with suppress(OSError):
                if not writer.isdecimal() or not psutil.pid_exists(int(writer)):
                    part.unlink()

    def _make_room(self, newest: Path) -> None:
        """Remove the longest unused until all fit; `newest` stays in any case."""
        found = []
        for path in self.root.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):  # another process made room
                status = path.stat()
                found.append((path == newest, status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, _, size, _ in found)
        for is_newest, _, size, path in sorted(found):
            if total <= self._max_bytes or is_newest:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, key: str) -> Path:
        return self.root / f"{key}{_SUFFIX}"


def graph_key(weights_sha256: str, spec: ArchitectureSpec, outputs: str) -> str:
    """The name of one graph on this machine; whatever makes another graph makes another name.

    `outputs` tells apart the graphs of one network. Names also hold `ENGINE_VERSION`, the versions
    of onnx and ONNX Runtime, and the processor's instructions, by which ONNX Runtime lays out
    weights.
    """
    return f"{_beginning(weights_sha256, outputs)}-{_digest(spec.to_json())}"


def _beginning(weights_sha256: str, outputs: str) -> str:
    """What the names of a file's graphs begin with, whatever its spec says."""
    return _digest(weights_sha256, outputs, ENGINE_VERSION, *_surroundings())


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@cache
def _surroundings() -> tuple[str, ...]:
    versions = (f"{name} {version(name)}" for name in ("onnx", "onnxruntime"))
    return (*versions, platform.machine(), instructions())
