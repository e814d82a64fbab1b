"""A session's outputs from several threads, and the cores it takes."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from effnet_core import host
from effnet_core.architecture.names import scaled
from effnet_core.engines.onnx import session as module
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import OnnxSession
from effnet_core.engines.onnx.tensors import random_tensors
from effnet_core.host import available_cores


@pytest.fixture(scope="module")
def graph() -> bytes:
    spec = scaled(-5, resolution=64, num_classes=7)
    return whole_graph(spec, random_tensors(spec, 1))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up machine of 8 hardware threads, two a core, without a quota."""
    for cpu in range(8):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    monkeypatch.setattr(host, "_CORES", tmp_path)
    monkeypatch.setattr(host, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda _: set(range(8)))
    return tmp_path


def test_threads_that_share_a_session_get_the_serial_answers(graph: bytes) -> None:
    session = OnnxSession(graph)
    shape = (1, 3, 64, 64)
    pictures = [
        np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) for seed in range(24)
    ]
    serial = [session.run(picture)[0] for picture in pictures]
    assert not np.allclose(serial[0], serial[1])
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda picture: session.run(picture)[0], pictures))
    np.testing.assert_allclose(together, serial, rtol=0, atol=1e-6)


def test_pooled_sessions_give_the_same_answers_from_memory_that_they_share(graph: bytes) -> None:
    x = np.random.default_rng(3).standard_normal((1, 3, 64, 64), dtype=np.float32)
    pooled = [OnnxSession(graph, pooled=True) for _ in range(2)]
    name = "session.use_env_allocators"
    for session in pooled:
        assert session._session.get_session_options().get_session_config_entry(name) == "1"
        for found, own in zip(session.run(x), OnnxSession(graph).run(x), strict=True):
            np.testing.assert_array_equal(found, own)


def test_the_number_of_threads_changes_no_answer(graph: bytes) -> None:
    x = np.random.default_rng(2).standard_normal((2, 3, 64, 64), dtype=np.float32)
    one, two = OnnxSession(graph, threads=1), OnnxSession(graph, threads=2)
    assert (one.threads, two.threads) == (1, 2)
    for first, second in zip(one.run(x), two.run(x), strict=True):
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)


def test_a_session_tells_its_runtime_and_threads(graph: bytes) -> None:
    session = OnnxSession(graph)
    assert session.name == f"ONNX Runtime {onnxruntime.__version__}"
    assert session.threads == available_cores()


def test_workers_have_places_only_where_they_take_every_core(machine: Path) -> None:
    assert module._places(4) == "2;3;4"  # the caller is the first of four
    assert module._places(3) == ""
    (machine / "cpu.max").write_text("200000 100000\n")
    assert module._places(available_cores()) == ""


def test_one_core_has_no_workers(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "sched_getaffinity", lambda _: {3})
    assert (available_cores(), module._places(1)) == (1, "")


def test_a_session_keeps_no_second_copy_of_its_graph(graph: bytes) -> None:
    before = sys.getrefcount(graph)
    session = OnnxSession(graph)
    assert sys.getrefcount(graph) == before
    assert session.run(np.zeros((1, 3, 64, 64), np.float32))[0].shape == (1, 7)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the cores")
def test_a_caller_is_held_on_its_core_after_a_slow_run_and_let_go_again(
    graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, x = OnnxSession(graph), np.zeros((1, 3, 64, 64), np.float32)
    session._first_core = first = min(os.sched_getaffinity(0))  # where there is but one as well
    mine, seen = os.sched_getaffinity(0), []
    inner = session._session

    class Watched:
        def run(self, *given: object) -> object:
            seen.append(os.sched_getaffinity(0))
            return inner.run(*given)

    session._session = Watched()
    expected = session.run(x)
    monkeypatch.setattr(module, "_HELD_RUNS", 2)
    session._shortest = 0.0  # no run is as short
    session.run(x)
    for _ in range(4):
        np.testing.assert_array_equal(session.run(x, steady=True)[0], expected[0])
        assert os.sched_getaffinity(0) == mine
    assert seen == [mine, mine, mine, {first}, {first}, mine]
    session._first_core, session._held_runs = 10**4, 1  # a core that was taken away
    np.testing.assert_array_equal(session.run(x, steady=True)[0], expected[0])
    assert os.sched_getaffinity(0) == mine
