"""What is exported answers as the model does: ONNX in ONNX Runtime, Python with torch alone."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.onnx import ONNXProgram

from effnet_core.architecture.names import architecture, scaled, variant
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput, WeightsError
from effnet_core.images import Preprocessing
from effnet_core.network import export
from effnet_core.network.build import build
from effnet_core.network.model import EfficientNet

CLASSES = ("plain", 'with "quotes"', "<b>ünïcode</b>", "back\\slash\nand line", "{brace}")


def small(name: str) -> ArchitectureSpec:
    """A network of each kind, cut to at most two blocks in each of five stages to be quick."""
    specs = {
        "v1": scaled(-4, resolution=65),
        "lite": variant("lite0", resolution=64),
        "edge": variant("edge-m", resolution=64),
        "v2-rw": variant("v2-rw-s", resolution=64),
        "v2-same": variant("v2-b0", resolution=65),
        "v1-same": architecture("tf_efficientnet_b0", resolution=63),
        "v2-symmetric": dataclasses.replace(variant("v2-b0"), padding="symmetric", resolution=64),
    }
    blocks = tuple(b for b in specs[name].blocks if b.stage <= 5 and b.index <= 1)
    return dataclasses.replace(specs[name], blocks=blocks, num_classes=len(CLASSES))


KINDS = ("v1", "lite", "edge", "v2-rw", "v2-same", "v1-same", "v2-symmetric")


def randomised(spec: ArchitectureSpec) -> EfficientNet:
    """A network whose batch-norm is not the identity, so that its logits tell inputs apart."""
    model = build(spec, seed=1)
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.8, 1.3),
                (module.bias, -0.3, 0.3),
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 1.5),
            ):
                assert isinstance(tensor, Tensor)
                tensor.data.uniform_(low, high, generator=generator)
    return model


def answers(model: EfficientNet, batch: int) -> tuple[Tensor, Tensor]:
    side = model.spec.resolution
    images = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(batch))
    with torch.inference_mode():
        logits = model(images.clone())
    assert logits.max() - logits.min() >= 0.1
    return images, logits


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_answers_as_the_model(kind: str, tmp_path: Path) -> None:
    model = randomised(small(kind))
    preprocessing = Preprocessing.imagenet(model.spec.resolution)
    path = tmp_path / "net.onnx"
    assert export.write_onnx(path, model, classes=CLASSES, preprocessing=preprocessing) == (path,)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path)
    for batch in (1, 3):
        images, logits = answers(model, batch)
        (found,) = session.run(["logits"], {"images": images.numpy()})
        assert_equal(torch.from_numpy(np.asarray(found)), logits)
    metadata = session.get_modelmeta().custom_metadata_map
    assert ArchitectureSpec.from_json(metadata["architecture"]) == model.spec
    assert tuple(json.loads(metadata["classes"])) == CLASSES
    assert Preprocessing.from_dict(json.loads(metadata["preprocessing"])) == preprocessing
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def exported() -> tuple[EfficientNet, dict[str, Tensor], ONNXProgram]:
    """A network, what it held before it was exported, and its export, which takes seconds."""
    model = randomised(small("v1"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return model, before, export.to_onnx(model)


@pytest.fixture
def once(
    exported: tuple[EfficientNet, dict[str, Tensor], ONNXProgram], monkeypatch: pytest.MonkeyPatch
) -> EfficientNet:
    """Let all that is made of one network's export be made of the same one; return the network."""
    model, _, program = exported
    monkeypatch.setattr(export, "to_onnx", lambda asked, **_: {model: program}[asked])
    return model


def test_onnx_says_nothing_of_the_machine_that_made_it(once: EfficientNet) -> None:
    data = export.onnx_bytes(once)
    assert str(Path(export.__file__).parents[2]).encode() not in data
    assert b"torch.onnx" not in data


def test_onnx_with_large_weights_is_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, once: EfficientNet
) -> None:
    threshold = "torch.onnx._internal.exporter._onnx_program._LARGE_MODEL_THRESHOLD"
    monkeypatch.setattr(threshold, 1000)
    path = tmp_path / "net.onnx"
    written = export.write_onnx(path, once)
    assert set(written) == set(tmp_path.iterdir()) == {path, tmp_path / "net.onnx.data"}
    images, logits = answers(once, 2)
    (found,) = onnxruntime.InferenceSession(path).run(None, {"images": images.numpy()})
    assert_equal(torch.from_numpy(np.asarray(found)), logits)


def test_onnx_of_more_than_one_file_holds_is_refused_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "MAX_ONNX_BYTES", 1000)
    with pytest.raises(InvalidInput, match="effnet export --format onnx"):
        export.onnx_bytes(build(small("v1")))


def test_exporting_changes_nothing_in_the_model(
    exported: tuple[EfficientNet, dict[str, Tensor], ONNXProgram],
) -> None:
    model, before, _ = exported
    assert not model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


# Run where only torch and what torch itself needs can be imported; argv: a folder for each file.
TORCH_ALONE = """
import builtins, importlib.util, sys
import torch
real = builtins.__import__
barred = {"effnet_core", "torchvision", "timm", "safetensors", "numpy", "PIL", "onnx", "captum"}
def guarded(name, globals=None, *rest):
    inside_torch = (globals or {}).get("__name__", "").split(".")[0] == "torch"
    if name.split(".")[0] in barred and not inside_torch:
        raise ImportError(f"{name} is not torch")
    return real(name, globals, *rest)
builtins.__import__ = guarded
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("exported", folder + "/net.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["exported"] = module
    spec.loader.exec_module(module)
    model = module.build(folder + "/net.pth")
    with torch.inference_mode():
        logits = model(torch.load(folder + "/in.pt", weights_only=True))
    answer = {"logits": logits, "classes": list(module.CLASSES), "resize": module.RESIZE}
    torch.save(answer, folder + "/out.pt")
"""


def run_python(*command: str | Path, cwd: Path) -> str:
    """Run Python in `cwd`, isolated (-I): this project's folder is not on its path."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-I", *map(str, command)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], Tensor]]:
    """For each kind what its Python file answers, all in one process, and the model's logits."""
    place = tmp_path_factory.mktemp("alone")
    expected: dict[str, Tensor] = {}
    for kind in KINDS:
        model = randomised(small(kind))
        images, expected[kind] = answers(model, 2)
        (folder := place / kind).mkdir()
        torch.save(images, folder / "in.pt")
        written = export.write_python(
            folder / "net.py",
            model.spec,
            state_dict=model.state_dict(),
            classes=CLASSES,
            preprocessing=Preprocessing(resize=90, crop=model.spec.resolution),
        )
        assert written == (folder / "net.py", folder / "net.pth")
    run_python("-c", TORCH_ALONE, *(place / kind for kind in KINDS), cwd=place)
    return {
        kind: (torch.load(place / kind / "out.pt", weights_only=True), expected[kind])
        for kind in KINDS
    }


@pytest.mark.parametrize("kind", KINDS)
def test_python_file_answers_as_the_model_with_torch_alone(
    kind: str, alone: dict[str, tuple[dict[str, Any], Tensor]]
) -> None:
    found, logits = alone[kind]
    assert_equal(found["logits"], logits)
    assert tuple(found["classes"]) == CLASSES
    assert found["resize"] == 90


def test_python_file_runs_and_says_what_it_built(tmp_path: Path) -> None:
    spec = scaled(-5, resolution=48, num_classes=10)
    model = build(spec, seed=0)
    path = tmp_path / "net.py"
    export.write_python(path, spec)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert run_python(path, cwd=tmp_path).startswith(
        f"compound φ=-5: {count:,} parameters, initial weights; logits (1, 10)"
    )
    export.write_python(path, spec, state_dict=model.state_dict())
    assert "weights from net.pth" in run_python(path, cwd=tmp_path)


def test_a_name_in_the_spec_cannot_become_code(tmp_path: Path) -> None:
    name = '"""\n# </network>\nraise SystemExit(3)\n#'
    export.write_python(
        tmp_path / "net.py", dataclasses.replace(scaled(-5, resolution=48), name=name)
    )
    run_python(tmp_path / "net.py", cwd=tmp_path)


def test_json_is_read_back(tmp_path: Path) -> None:
    spec = scaled(0.37, resolution=333)
    (path,) = export.write_json(tmp_path / "net.json", spec)
    assert architecture(str(path)) == spec


def test_the_ending_must_fit(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"is a \.py file"):
        export.write_python(tmp_path / "net.onnx", scaled(-5))
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place_gets_a_sentence(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    with pytest.raises(WeightsError, match="cannot be used"):
        export.write_onnx(occupied / "net.onnx", build(small("v1")))
    with pytest.raises(WeightsError, match="cannot be used"):
        export.write_json(occupied / "net.json", small("v1"))
