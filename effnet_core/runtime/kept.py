"""Graphs that ONNX Runtime has optimised for this machine, kept on disk: verified, few, replaced.

Measured on two cores from a spec and its tensors to a session: B0 86 ms, from disk 30; B4 370 and
150. This module needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import platformdirs

from effnet_core.architecture import ArchitectureSpec
from effnet_core.runtime.graph import VERSION
from effnet_core.runtime.session import OnnxSession

MAX_BYTES = 2 * 2**30
"""Bytes kept in all; the graph that was used longest ago goes first."""

_SUFFIX = ".graph"
_DIGEST = hashlib.sha256().digest_size
_log = logging.getLogger(__name__)


class GraphCache:
    """A folder of optimised graphs, shared by threads and processes.

    A file is its content's SHA-256 and the content: what does not agree is not there. Whatever goes
    wrong with the disk is logged, and the graph is made anew. `root` defaults to `graphs/` under
    $EFFNET_CACHE or, unset, the user's cache folder. Making one touches no disk.
    """

    def __init__(self, root: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.root = default_root() if root is None else root
        self._max_bytes = max_bytes

    def session(
        self, key: str, make: Callable[[], bytes], threads: int | None = None
    ) -> OnnxSession:
        """The session of the graph called `key`, from disk or of what `make` returns.

        Raises what `make` raises and ONNX Runtime's own errors.
        """
        kept = self._read(key)
        if kept is not None:
            try:
                return OnnxSession(kept, threads, optimised=True)
            except Exception:  # noqa: BLE001 - ONNX Runtime's errors have no common type
                _log.warning("The graph %s is refused and made anew", key, exc_info=True)
        with tempfile.TemporaryDirectory(prefix="effnet-") as folder:
            optimised = Path(folder) / "optimised.onnx"
            session = OnnxSession(make(), threads, optimised_to=optimised)
            self._write(key, optimised)
        return session

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)  # used now
        except FileNotFoundError:
            return None
        except OSError:
            _log.info("The graph %s cannot be read", key, exc_info=True)
            return None
        if hashlib.sha256(memoryview(data)[_DIGEST:]).digest() == data[:_DIGEST]:
            return data[_DIGEST:]
        _log.warning("The graph %s is damaged and made anew", key)
        return None

    def _write(self, key: str, optimised: Path) -> None:
        part = self.root / f".{uuid.uuid4().hex}.part"
        try:
            data = optimised.read_bytes()
            self.root.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(data).digest() + data)
            part.replace(self._path(key))
            self._make_room(self._path(key))
        except OSError:
            _log.info("The graph %s cannot be kept", key, exc_info=True)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

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

    `outputs` tells apart the graphs of one network. Names also hold this writer's version, those of
    onnx and ONNX Runtime, and the processor's instructions, by which ONNX Runtime lays out weights.
    """
    parts = [weights_sha256, spec.to_json(), outputs, VERSION, *_surroundings()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def default_root() -> Path:
    """`graphs/` under $EFFNET_CACHE or, unset, under the user's cache folder."""
    folder = os.environ.get("EFFNET_CACHE")
    base = Path(folder).expanduser() if folder else platformdirs.user_cache_path("effnet")
    return base / "graphs"


@cache
def _surroundings() -> tuple[str, ...]:
    versions = (f"{name} {version(name)}" for name in ("onnx", "onnxruntime"))
    return (*versions, platform.machine(), _instructions())


def _instructions() -> str:
    """The processor's instruction sets as the kernel lists them, or its name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("flags", "Features"):
                return value.strip()
    return platform.processor()
