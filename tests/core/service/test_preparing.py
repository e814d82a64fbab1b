"""A graph that is missing is made by a process of its own, and this one says so beforehand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from effnet_core.architecture.names import scaled
from effnet_core.network.build import build
from effnet_core.service import InferenceService
from effnet_core.weights import WeightsStore, save_checkpoint

CODE = """
import sys
from pathlib import Path
from effnet_core.engines.onnx import graph
from effnet_core.images.samples import load_sample
from effnet_core.service import ClassifyRequest, InferenceService
from effnet_core.weights import WeightsStore

def refuse(*_):
    raise AssertionError("this process writes a graph")

graph.whole_graph = refuse  # with it the answer would be torch's
service = InferenceService(WeightsStore(Path(sys.argv[1])), device="cpu")
assert not service.is_prepared("tiny")
said = service.classify(ClassifyRequest(load_sample("coffee"), "tiny"))
assert service.is_prepared("tiny")
assert said.engine.startswith("ONNX Runtime"), said.engine
assert "torch" not in sys.modules
"""


def test_a_server_without_torch_makes_no_graph_itself(tmp_path: Path) -> None:
    store = WeightsStore(tmp_path / "store")
    checkpoint = tmp_path / "tiny.safetensors"
    save_checkpoint(checkpoint, build(scaled(-6, num_classes=3, resolution=64), seed=1))
    store.import_file(checkpoint, name="tiny")
    command = [sys.executable, "-c", CODE, str(store.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert len(list((store.root / "graphs").glob("*.graph"))) == 1
    assert InferenceService(store, device="cpu").is_prepared("tiny")


def test_what_is_not_here_or_not_kept_needs_no_preparing(tmp_path: Path) -> None:
    """The absent are offered for download; uploads are answered from memory alone."""
    store = WeightsStore(tmp_path / "store")
    service = InferenceService(store, device="cpu")
    assert service.is_prepared("b0")
    checkpoint = tmp_path / "tiny.safetensors"
    save_checkpoint(checkpoint, build(scaled(-6, num_classes=3, resolution=64), seed=1))
    card = service.add_checkpoint(checkpoint.read_bytes(), checkpoint.name)
    assert service.is_prepared(card.id)
