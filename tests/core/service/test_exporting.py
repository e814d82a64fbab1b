"""Weights handed out as files: what they hold, and that torch agrees with them."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from effnet_core.architecture.names import scaled, variant
from effnet_core.engines.predictor import Predictor
from effnet_core.errors import Busy, CheckpointError, DoesNotFit
from effnet_core.limits import MAX_SLOW_QUEUE, SLOW_WORKERS
from effnet_core.network.build import build
from effnet_core.service import Exported, InferenceService, exporting
from effnet_core.weights import WeightsStore, load_checkpoint, save_checkpoint
from effnet_core.weights.checkpoints import instantiate
from effnet_core.weights.tensor_files import serialise as tensors_as_file

CLASSES = ("ant", "bee", "“cat”")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    network = build(scaled(-4.0, num_classes=len(CLASSES), resolution=64), seed=3)
    save_checkpoint(path, network, classes=CLASSES)
    return path


@pytest.fixture
def service(tmp_path: Path) -> InferenceService:
    return InferenceService(WeightsStore(tmp_path))


def test_the_onnx_file_is_whole_says_what_it_is_and_answers_as_torch_does(
    service: InferenceService, file: Path
) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    found = service.export(card.id)
    model = onnx.load_from_string(found.onnx)
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import] == [found.opset]
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(said["classes"]) == list(CLASSES)
    assert json.loads(said["preprocessing"])["crop"] == 64
    assert said["activation"] == "softmax"
    loaded = load_checkpoint(file)
    inputs = Predictor(loaded).inputs(np.full((64, 64, 3), 90, np.uint8)).repeat(3, axis=0)
    session = onnxruntime.InferenceSession(found.onnx, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"images": inputs})
    with torch.inference_mode():
        theirs = instantiate(loaded)(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(logits, theirs, atol=1e-5)


def test_the_safetensors_file_loads_again_by_itself(service: InferenceService, file: Path) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    again = load_checkpoint(service.export(card.id).safetensors, file_name="again.safetensors")
    loaded = load_checkpoint(file)
    assert (again.spec, again.classes) == (loaded.spec, loaded.classes)
    assert again.preprocessing == loaded.preprocessing
    for name, values in loaded.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], values)


def test_arrays_are_written_as_torch_s_tensors_are(file: Path) -> None:
    loaded = load_checkpoint(file)
    by_torch = tensors_as_file(loaded.state_dict, {"note": "x"})
    assert tensors_as_file(loaded.tensors, {"note": "x"}) == by_torch


def test_torch_witnesses_the_difference_and_writes_the_python_file(
    service: InferenceService, file: Path, tmp_path: Path
) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    found = service.witness(service.export(card.id), "mine")
    assert 0 < found.difference < 1e-4 * max(1.0, found.largest)
    with zipfile.ZipFile(io.BytesIO(found.python)) as archive:
        assert sorted(archive.namelist()) == ["mine.pth", "mine.py"]
        archive.extractall(tmp_path)
    specification = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["mine"] = module
    specification.loader.exec_module(module)
    network = module.build(tmp_path / "mine.pth")
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(network(images), instantiate(load_checkpoint(file))(images))


def test_a_witness_tells_what_is_wrong_with_a_file(service: InferenceService, file: Path) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    exported = service.export(card.id)
    broken = replace(exported, safetensors=exported.safetensors[:-8])
    with pytest.raises(CheckpointError):
        service.witness(broken, "mine")
    assert service.witness(exported, "mine").difference < 1e-4


def test_too_many_bytes_are_sent_to_the_command_line(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = InferenceService(WeightsStore(tmp_path), apart=False)
    card = service.add_checkpoint(file.read_bytes(), file.name)
    monkeypatch.setattr(exporting, "MAX_EXPORTED_BYTES", 1000)
    with pytest.raises(DoesNotFit, match="effnet export"):
        service.export(card.id)


def test_what_a_model_is_needs_no_answer(service: InferenceService, file: Path) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    assert service.spec(card.id) == load_checkpoint(file).spec
    lite = service.spec("lite0")
    assert (lite.blocks, lite.num_classes) == (variant("lite0").blocks, 1000)


def test_packaged_weights_are_exported_without_torch() -> None:
    code = (
        "import sys; from effnet_core.service import InferenceService; "
        "from effnet_core.weights import WeightsStore; import tempfile; "
        "found = InferenceService(WeightsStore(tempfile.mkdtemp())).export('lite0'); "
        "sys.exit('torch' in sys.modules or len(found.onnx) < 18e6)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_exports_are_made_apart_few_at_a_time(service: InferenceService, file: Path) -> None:
    card = service.add_checkpoint(file.read_bytes(), file.name)
    service.close()  # a process that has to start first leaves time for a crowd

    def export(_: int) -> type:
        try:
            return type(service.export(card.id))
        except Busy as refused:
            return type(refused)

    crowd = SLOW_WORKERS + MAX_SLOW_QUEUE + 8
    with ThreadPoolExecutor(crowd) as pool:
        ends = list(pool.map(export, range(crowd)))
    assert ends.count(Busy) >= 8 and Exported in ends
    assert service.waiting == 0


def test_half_precision_and_a_single_logit_are_exported(
    service: InferenceService, tmp_path: Path
) -> None:
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, build(scaled(-6, resolution=64, num_classes=1), seed=1))
    card = service.add_checkpoint(path.read_bytes(), path.name)
    found = service.export(card.id)
    session = onnxruntime.InferenceSession(found.onnx, providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["batch", 1]
    assert session.get_modelmeta().custom_metadata_map["activation"] == "sigmoid"
    (bundled, *_) = (card for card in service.available() if card.kind == "bundled")
    half = service.export(bundled.id)
    onnx.checker.check_model(onnx.load_from_string(half.onnx))
    again = load_checkpoint(half.safetensors, file_name="half.safetensors")
    assert again.classes == bundled.classes
