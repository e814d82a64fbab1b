"""Graphs kept on disk: taken from there, verified, replaced, few, and never needed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx import cache as module
from effnet_core.engines.onnx.cache import GraphCache, graph_key
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import random_tensors

SPEC = scaled(-6, resolution=32, num_classes=3)
IMAGES = np.random.default_rng(0).standard_normal((1, 3, 32, 32), dtype=np.float32)


class Maker:
    """Writes the graph of `SPEC` and counts how often."""

    def __init__(self, seed: int = 0) -> None:
        self.count, self.seed = 0, seed

    def __call__(self) -> bytes:
        self.count += 1
        return whole_graph(SPEC, random_tensors(SPEC, self.seed))


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def cache(tmp_path: Path) -> GraphCache:
    return GraphCache(tmp_path / "graphs")


def files(cache: GraphCache) -> list[Path]:
    return sorted(cache.root.iterdir())


def assert_answers(session: OnnxSession, maker: Maker) -> None:
    expected = OnnxSession(whole_graph(SPEC, random_tensors(SPEC, maker.seed))).run(IMAGES)
    for found, wanted in zip(session.run(IMAGES), expected, strict=True):
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_a_graph_is_made_once_and_then_read(cache: GraphCache, maker: Maker) -> None:
    assert_answers(cache.session("a", maker), maker)
    assert_answers(cache.session("a", maker, threads=1), maker)
    assert_answers(GraphCache(cache.root).session("a", maker), maker)
    assert maker.count == 1
    assert [path.name for path in files(cache)] == ["a.graph"]


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda _: b"", lambda _: b"short"])
def test_a_damaged_file_is_replaced(
    cache: GraphCache, maker: Maker, damage: Callable[[bytes], bytes]
) -> None:
    cache.session("a", maker)
    (path,) = files(cache)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert_answers(cache.session("a", maker), maker)
    assert maker.count == 2
    assert path.read_bytes()[-32:] == hashlib.sha256(path.read_bytes()[:-32]).digest()
    cache.session("a", maker)
    assert maker.count == 2


def test_a_whole_file_that_is_no_graph_is_replaced(cache: GraphCache, maker: Maker) -> None:
    cache.root.mkdir()
    content = b"not a graph"
    (cache.root / "a.graph").write_bytes(content + hashlib.sha256(content).digest())
    assert_answers(cache.session("a", maker), maker)
    cache.session("a", maker)
    assert maker.count == 1


def test_the_longest_unused_make_room_and_the_newest_stays(cache: GraphCache) -> None:
    makers = {name: Maker(seed) for seed, name in enumerate("abcd")}
    for age, name in enumerate("abc"):
        cache.session(name, makers[name])
        os.utime(cache.root / f"{name}.graph", (age, age))
    size = (cache.root / "a.graph").stat().st_size
    small = GraphCache(cache.root, max_bytes=int(2.5 * size))
    small.session("a", makers["a"])  # used now
    small.session("d", makers["d"])
    assert [path.stem for path in files(cache)] == ["a", "d"]
    GraphCache(cache.root, max_bytes=1).session("c", makers["c"])
    assert [path.stem for path in files(cache)] == ["c"]


def test_a_disk_that_cannot_be_used_costs_no_answer(tmp_path: Path, maker: Maker) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = GraphCache(tmp_path / "file" / "graphs")  # below a file no folder can be
    assert_answers(cache.session("a", maker), maker)
    assert_answers(cache.session("a", maker), maker)
    assert maker.count == 2


def test_a_graph_that_cannot_be_written_costs_no_answer(
    cache: GraphCache, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = uuid.uuid4()
    monkeypatch.setattr(module.uuid, "uuid4", lambda: name)
    in_the_way = cache.root / f".{os.getpid()}-{name.hex}.part"
    in_the_way.mkdir(parents=True)
    assert_answers(cache.session("a", maker), maker)
    assert maker.count == 1 and not list(cache.root.glob("*.graph"))


def test_a_graph_that_is_refused_leaves_nothing(cache: GraphCache) -> None:
    with pytest.raises(Exception, match="protobuf"):
        cache.session("a", lambda: b"not a graph")
    assert files(cache) == []


def test_what_a_killed_process_has_left_is_removed(cache: GraphCache, maker: Maker) -> None:
    cache.root.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive = f".{os.getpid()}-new.part"
    for name in (f".{ended.pid}-old.part", ".nobody.part", alive):
        (cache.root / name).write_bytes(b"half a graph")
    cache.session("a", maker)
    assert [path.name for path in files(cache)] == [alive, "a.graph"]


def test_whatever_makes_another_graph_makes_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(weights: str = "f00", spec: ArchitectureSpec = SPEC, outputs: str = "logits") -> str:
        return graph_key(weights, spec, outputs)

    first = key()
    assert key() == first
    found = {first, key(weights="f01"), key(outputs="stage 3")}
    found.add(key(spec=replace(SPEC, resolution=48)))
    found.add(key(spec=replace(SPEC, bn_eps=0.01)))
    monkeypatch.setattr(module, "ENGINE_VERSION", "0")
    found.add(key())
    monkeypatch.undo()
    versions = {"onnx": "1", "onnxruntime": "1"}
    for changed in ("onnx", "onnxruntime"):
        module._surroundings.cache_clear()
        monkeypatch.setattr(module, "version", {**versions, changed: "2"}.__getitem__)
        found.add(key())
    monkeypatch.undo()
    module._surroundings.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(module, "instructions", lambda: "avx512f")
        found.add(key())
    module._surroundings.cache_clear()
    assert len(found) == 9
    assert key() == first


def test_processes_that_make_a_graph_at_once_leave_one_whole_file(
    cache: GraphCache, maker: Maker
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from effnet_core.engines.onnx.graph import whole_graph\n"
        "from effnet_core.engines.onnx.cache import GraphCache\n"
        "from effnet_core.engines.onnx.tensors import random_tensors\n"
        "from effnet_core.architecture.names import scaled\n"
        "spec = scaled(-6, resolution=32, num_classes=3)\n"
        "make = lambda: whole_graph(spec, random_tensors(spec, 0))\n"
        "for _ in range(5):\n"
        "    for path in Path(sys.argv[1]).glob('*.graph'): path.unlink(missing_ok=True)\n"
        "    GraphCache(Path(sys.argv[1])).session('a', make)\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(cache.root)]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    cache.session("a", maker)
    assert len(files(cache)) == 1
    assert_answers(cache.session("a", Maker(seed=1)), maker)  # from disk, or the seed would show
