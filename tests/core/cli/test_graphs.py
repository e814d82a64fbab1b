"""Commands that run a network keep its graph: made once, read again, replaced where damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.engines.onnx import gradients, graph
from effnet_core.weights.store import WeightsStore

Effnet = Callable[..., Any]


class Written:
    """How many graphs were written rather than read."""

    def __init__(self, write: Callable[..., bytes]) -> None:
        self.count, self.write = 0, write

    def __call__(self, *given: Any) -> bytes:
        self.count += 1
        return self.write(*given)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    counter = Written(graph.whole_graph)
    monkeypatch.setattr(graph, "whole_graph", counter)
    return counter


@pytest.fixture
def written_back(monkeypatch: pytest.MonkeyPatch) -> Written:
    counter = Written(gradients.gradient_graph)
    monkeypatch.setattr(gradients, "gradient_graph", counter)
    return counter


@pytest.fixture
def weights(effnet: Effnet, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    network = ("--phi", "-6", "--resolution", "64", "--num-classes", "3", "--seed", "1")
    assert effnet("build", *network, "--out", path).code == 0
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, ...]:
    drawn = np.random.default_rng(0).integers(0, 255, (2, 90, 120, 3), dtype=np.uint8)
    paths = tuple(tmp_path / f"{number}.png" for number in range(2))
    for pixels, path in zip(drawn, paths, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def kept() -> list[Path]:
    """Everything where the service keeps its graphs too."""
    return sorted((WeightsStore().root / "graphs").glob("*"))


def nothing_goes_on() -> bool:
    return not any(thread.name.startswith("The ") for thread in threading.enumerate())


def test_the_second_call_reads_the_graph_of_the_first(
    effnet: Effnet, weights: Path, pictures: tuple[Path, ...], written: Written
) -> None:
    def classify() -> list[Any]:
        found = effnet("classify", *pictures, "--weights", weights, "--device", "cpu", "--json")
        assert found.code == 0 and nothing_goes_on()
        return [entry["top"] for entry in found.json]

    first = classify()
    (file,) = kept()
    assert file.suffix == ".graph" and written.count == 1
    content = file.read_bytes()
    assert classify() == first  # to the last digit: one engine answers throughout
    assert kept() == [file] and file.read_bytes() == content and written.count == 1
    file.write_bytes(content[: len(content) // 2])
    assert classify() == first
    assert kept() == [file] and len(file.read_bytes()) == len(content) and written.count == 2


def test_answers_are_onnx_runtimes_from_the_first_picture_on(
    effnet: Effnet, weights: Path, pictures: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("torch was asked")

    monkeypatch.setattr("effnet_core.engines.torch.EagerEngine.forward", refuse)
    options = ("--weights", weights, "--device", "cpu")
    assert effnet("classify", *pictures, *options).code == 0


def test_torch_answers_where_onnx_runtime_refuses(
    effnet: Effnet, weights: Path, pictures: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(graph, "whole_graph", refuse)
    answer = effnet("classify", *pictures, "--weights", weights, "--device", "cpu", "--json")
    assert answer.code == 0 and len(answer.json) == 2
    assert kept() == []


@pytest.mark.parametrize("stage", ["last", "3"])
def test_a_map_writes_its_graphs_once(
    effnet: Effnet,
    weights: Path,
    pictures: tuple[Path, ...],
    written: Written,
    written_back: Written,
    tmp_path: Path,
    stage: str,
) -> None:
    options = ("--weights", weights, "--device", "cpu", "--stage", stage, "--top-classes", "2")
    for _ in range(2):
        answer = effnet("explain", pictures[0], *options, "--out", tmp_path / "o.png", "--json")
        assert answer.code == 0 and nothing_goes_on()
    assert (written.count, written_back.count) == (1, 0 if stage == "last" else 1)
    assert len(kept()) == written.count + written_back.count
