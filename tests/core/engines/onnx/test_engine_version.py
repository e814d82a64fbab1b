"""Graphs and sessions do not change under one version: kept graphs and calibrations hold by it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest

from effnet_core.architecture.names import scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.engines.onnx import session as module
from effnet_core.engines.onnx.gradients import gradient_graph
from effnet_core.engines.onnx.graph import whole_graph
from effnet_core.engines.onnx.session import ENGINE_VERSION, OnnxSession
from effnet_core.engines.onnx.tensors import Tensors, random_tensors

RECORDED = ("3", "2e622dc5ceb65692d5bb759ecfc3b08104f587ff8eb079e2fd77fe08125c46fb")
"""Where this test fails by a change that is meant: count `ENGINE_VERSION` up and record both."""


class Recording(onnxruntime.SessionOptions):
    """Remembers what ONNX Runtime would only give back by name."""

    entries: ClassVar[list[tuple[str, str]]] = []

    def add_session_config_entry(self, name: str, value: str) -> None:
        self.entries.append((name, value))
        super().add_session_config_entry(name, value)


def even_tensors(spec: ArchitectureSpec) -> Tensors:
    """Values by arithmetic that is the same everywhere, which drawn ones need not be."""
    return {
        name: ((np.arange(drawn.size) % 97 + 1) / 97).astype(np.float32).reshape(drawn.shape)
        for name, drawn in random_tensors(spec, 0).items()
    }


def lines(graph: bytes) -> Iterator[str]:
    """The graph's nodes and constants as text."""
    model = onnx.load_model_from_string(graph)
    yield repr([(entry.domain, entry.version) for entry in model.opset_import])
    for node in model.graph.node:
        pairs = [(each.name, onnx.helper.get_attribute_value(each)) for each in node.attribute]
        yield repr((node.op_type, list(node.input), list(node.output), sorted(pairs)))
    for constant in model.graph.initializer:
        values = hashlib.sha256(constant.raw_data).hexdigest()
        yield repr((constant.name, list(constant.dims), values))


def session_lines(monkeypatch: pytest.MonkeyPatch, graph: bytes) -> Iterator[str]:
    """What a session is told, on a machine of three cores as on any other."""
    monkeypatch.setattr(module, "cores", lambda: (0, 0, 0))
    monkeypatch.setattr(onnxruntime, "SessionOptions", Recording)
    options = OnnxSession(graph, 3, pooled=True)._session.get_session_options()
    yield repr((options.intra_op_num_threads, options.inter_op_num_threads))
    yield repr((options.execution_mode.name, options.graph_optimization_level.name))
    yield repr((options.enable_mem_pattern, options.enable_cpu_mem_arena))
    yield repr(sorted(Recording.entries))


def test_what_runs_is_what_the_version_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256()
    small = [
        scaled(-6, resolution=32, num_classes=3),
        variant("lite0", resolution=33, num_classes=2),
        variant("v2-b0", resolution=32, num_classes=2),
    ]
    for spec in small:
        tensors = even_tensors(spec)
        for graph in (whole_graph(spec, tensors), gradient_graph(spec, tensors, (0, 4))):
            for line in lines(graph):
                digest.update(line.encode())
    for line in session_lines(monkeypatch, whole_graph(small[0], even_tensors(small[0]))):
        digest.update(line.encode())
    assert (ENGINE_VERSION, digest.hexdigest()) == RECORDED
