"""Graphs of a function: which shapes have one, and that none ever costs an answer.

Without a CUDA device a stand-in records: that proves the bookkeeping, and nothing of graphs or
streams. What only a device shows is marked `gpu`.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import torch
from torch import Tensor

from effnet_core.engines.cuda.graphs import (
    Graphs,
    Outputs,
    Run,
    Turns,
    capture_graph,
    release_cached_memory,
)


def doubled(inputs: Tensor) -> Outputs:
    return (inputs * 2,)


class Recorder:
    """Stands in for CUDA: one buffer in and one out for each recording, as there."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.replayed: list[int] = []
        self.broken = False

    def __call__(self, run: Run, example: Tensor) -> Run:
        self.recorded.append(len(example))
        static = example.clone()
        (out,) = run(static)

        def replay(inputs: Tensor) -> Outputs:
            if self.broken:
                raise RuntimeError("CUDA error: graph")
            self.replayed.append(len(inputs))
            static.copy_(inputs)
            return (out.copy_(run(static)[0]),)

        return replay


def batch(size: int, value: float = 1.0) -> Tensor:
    return torch.full((size, 3), value)


def twice(graphs: Graphs, size: int) -> None:
    for _ in range(2):
        graphs(batch(size))


def test_the_first_call_is_the_functions_and_records_nothing() -> None:
    recorder = Recorder()
    graphs = Graphs(doubled, recorder, lambda _: True)
    found, replayed = graphs(batch(2, 3.0))
    assert torch.equal(found[0], batch(2, 6.0)) and not replayed
    assert recorder.recorded == [] and graphs.count == 0


def test_the_second_call_of_a_shape_records_and_the_next_are_replays() -> None:
    recorder = Recorder()
    graphs = Graphs(doubled, recorder, lambda _: True)
    found = [graphs(batch(2, value)) for value in (1.0, 5.0)]
    assert [replayed for _, replayed in found] == [False, True]
    assert torch.equal(found[0][0][0], batch(2, 2.0))
    assert torch.equal(found[1][0][0], batch(2, 10.0))
    (second,), _ = graphs(batch(2, 7.0))
    assert second.data_ptr() == found[1][0][0].data_ptr()  # overwritten, as the class says
    assert recorder.recorded == [2]


def test_each_shape_and_type_has_its_own_and_the_least_recently_used_goes() -> None:
    recorder = Recorder()
    graphs = Graphs(doubled, recorder, lambda _: True)
    for size in (1, 1, 2, 2, 1, 3, 3, 1, 2, 2):
        assert torch.equal(graphs(batch(size))[0][0], batch(size, 2.0))
    # 3 takes the place of 2, which was used before 1; 2 comes back in the place of 3.
    assert recorder.recorded == [1, 2, 3, 2]
    assert recorder.replayed == [1, 2, 1, 3, 1, 2]
    assert graphs.count == 2
    for _ in range(2):
        assert graphs(batch(1).double())[0][0].dtype == torch.float64
    assert recorder.recorded == [1, 2, 3, 2, 1]


def test_what_cannot_be_recorded_is_answered_for_good_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried: list[int] = []

    def refuse(run: Run, example: Tensor) -> Run:
        tried.append(len(example))
        raise RuntimeError("operation not permitted when stream is capturing")

    graphs = Graphs(doubled, refuse, lambda _: True)
    for size in (1, 1, 1, 2, 2):
        outputs, replayed = graphs(batch(size))
        assert torch.equal(outputs[0], batch(size, 2.0)) and not replayed
    assert tried == [1]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "could not be recorded" in caplog.text and "not permitted" in caplog.text


def test_a_replay_that_fails_is_answered_and_the_last(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    graphs = Graphs(doubled, recorder, lambda _: True)
    twice(graphs, 1)
    twice(graphs, 2)
    recorder.broken = True
    for size in (1, 2, 1):
        assert torch.equal(graphs(batch(size, 3.0))[0][0], batch(size, 6.0))
    assert graphs.count == 0 and recorder.recorded == [1, 2]
    assert len(caplog.records) == 1 and "could not be replayed" in caplog.text


def test_a_shape_with_too_little_room_has_none_and_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[int] = []

    def has_room(inputs: Tensor) -> bool:
        asked.append(len(inputs))
        return len(inputs) < 8

    recorder = Recorder()
    graphs = Graphs(doubled, recorder, has_room)
    twice(graphs, 1)
    twice(graphs, 2)
    for _ in range(4):
        outputs, replayed = graphs(batch(8))
        assert torch.equal(outputs[0], batch(8, 2.0)) and not replayed
    assert graphs(batch(1))[1] and graphs(batch(2))[1]
    assert recorder.recorded == [1, 2] and asked == [1, 2, 8]
    assert len(caplog.records) == 1
    assert "No CUDA graph for 8 × 3: there is little memory left" in caplog.text


def test_a_shape_that_runs_out_of_memory_while_recorded_is_the_only_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()

    def scarce(run: Run, example: Tensor) -> Run:
        if len(example) >= 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return recorder(run, example)

    graphs = Graphs(doubled, scarce, lambda _: True)
    twice(graphs, 1)
    twice(graphs, 2)
    for _ in range(3):
        outputs, replayed = graphs(batch(8))
        assert torch.equal(outputs[0], batch(8, 2.0)) and not replayed
    assert graphs(batch(1))[1] and graphs(batch(2))[1]
    assert len(caplog.records) == 1 and "for 8 × 3: memory ran out" in caplog.text


def test_graphs_make_room_when_the_function_runs_out_of_memory() -> None:
    graphs: Graphs

    def scarce(inputs: Tensor) -> Outputs:
        if len(inputs) > 1 and graphs.count:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return doubled(inputs)

    graphs = Graphs(scarce, Recorder(), lambda _: True)
    twice(graphs, 1)
    assert graphs.count == 1
    assert torch.equal(graphs(batch(2))[0][0], batch(2, 2.0))
    assert graphs.count == 0


def test_what_the_function_raises_is_the_callers() -> None:
    def picky(inputs: Tensor) -> Outputs:
        if len(inputs) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return doubled(inputs)

    recorder = Recorder()
    graphs = Graphs(picky, recorder, lambda _: True)
    for _ in range(2):
        with pytest.raises(torch.OutOfMemoryError):
            graphs(batch(2))
    assert recorder.recorded == []
    graphs(batch(1))
    assert graphs(batch(1))[1]  # one caller's mistake does not cost the next ones their graph


def test_memory_that_cannot_be_released_is_logged_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise RuntimeError("capturing")

    monkeypatch.setattr(torch.cuda, "empty_cache", refuse)
    release_cached_memory()
    assert "did not release" in caplog.text


def test_a_turn_is_one_callers_and_ends_with_its_failure() -> None:
    turns, inside = Turns(), threading.Semaphore(1)

    def take(place: int) -> None:
        with suppress(ValueError), turns.take(torch.device("cpu")):
            assert inside.acquire(blocking=False)
            time.sleep(0.001)  # so that others come meanwhile
            inside.release()
            if place % 2:
                raise ValueError

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(64)))


@pytest.mark.gpu
def test_turns_are_kept_on_the_device_whatever_the_streams() -> None:
    turns, device = Turns(), torch.device("cuda", 0)
    values, streams = torch.zeros(1 << 24, device=device), [torch.cuda.Stream() for _ in range(4)]
    torch.cuda.synchronize()
    for turn in range(100):
        with torch.cuda.stream(streams[turn % 4]), turns.take(device):
            values.mul_(3).add_(turn).remainder_(1021)  # whole numbers, exact in float32
    torch.cuda.synchronize()
    expected = 0
    for turn in range(100):
        expected = (expected * 3 + turn) % 1021
    assert torch.equal(values, torch.full_like(values, expected))


@pytest.mark.gpu
def test_a_recorded_function_gives_what_the_function_gives() -> None:
    def softened(inputs: Tensor) -> Outputs:
        return torch.sigmoid(inputs).sum((2, 3)), inputs.exp()

    generator = torch.Generator("cuda").manual_seed(0)
    pictures = [torch.randn(2, 3, 8, 8, device="cuda", generator=generator) for _ in range(4)]
    with torch.inference_mode():
        replay = capture_graph(softened, pictures[0])
        for picture in pictures:
            for found, expected in zip(replay(picture), softened(picture), strict=True):
                torch.testing.assert_close(found, expected)


@pytest.mark.gpu
def test_a_graph_that_went_leaves_its_buffers_to_replays_that_are_under_way() -> None:
    with torch.inference_mode():
        example = torch.ones(4, 3, 512, 512, device="cuda")
        replay = capture_graph(lambda values: (values.sum((1, 2, 3)),), example)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            torch.cuda._sleep(100_000_000)  # ticks: the replay comes after all that is below
            (found,) = replay(example)
            found = found.clone()
        del replay
        others = [torch.full_like(example, -1.0) for _ in range(3)]
        stream.synchronize()
    assert torch.equal(found.cpu(), torch.full((4,), 3.0 * 512 * 512))  # below 2²⁴: exact
    assert all(bool((each == -1.0).all()) for each in others)
