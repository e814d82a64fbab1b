"""`effnet build` and `effnet export`: files that load again and answer alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from effnet_core.architecture.names import architecture, scaled, variant
from effnet_core.cli import export as export_command
from effnet_core.network import export
from effnet_core.network.build import build
from effnet_core.weights import instantiate, load_checkpoint

Effnet = Callable[..., Any]
SMALL = ("--phi", "-4", "--resolution", "64", "--num-classes", "5")


def test_built_file_holds_its_spec_and_the_seeds_weights(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    answer = effnet("build", *SMALL, "--seed", "3", "--out", path, "--json")
    assert answer.code == 0
    loaded = load_checkpoint(path)
    assert loaded.spec == scaled(-4, resolution=64, num_classes=5)
    expected = build(loaded.spec, seed=3).state_dict()
    assert loaded.state_dict.keys() == expected.keys()
    assert all(torch.equal(loaded.state_dict[name], expected[name]) for name in expected)
    assert answer.json["sha256"] == loaded.sha256
    assert answer.json["size_bytes"] == path.stat().st_size
    assert answer.json["seed"] == 3


def test_the_seed_decides_the_bytes(effnet: Effnet, tmp_path: Path) -> None:
    first, again, other, drawn = (tmp_path / f"{i}.safetensors" for i in range(4))
    for path, seed in ((first, 3), (again, 3), (other, 4)):
        assert effnet("build", *SMALL, "--seed", seed, "--out", path).code == 0
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    # Without a seed one is drawn and shown, so the file can be made again.
    shown = effnet("build", *SMALL, "--out", drawn, "--json").json["seed"]
    effnet("build", *SMALL, "--seed", shown, "--out", again)
    assert drawn.read_bytes() == again.read_bytes()


def test_builds_in_half_precision(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    assert effnet("build", *SMALL, "--dtype", "float16", "--out", path).code == 0
    assert load_checkpoint(path).state_dict["stem.conv.weight"].dtype == torch.float16


def test_builds_a_published_variant(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "lite.safetensors"
    assert effnet("build", "--variant", "lite0", "--device", "cpu", "--out", path).code == 0
    assert load_checkpoint(path).spec == variant("lite0")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--out", "net.pth"), 2, "must be a .safetensors file"),
        (("--out", "net.safetensors", "--device", "tpu"), 2, "device must be"),
        (("--out", "net.safetensors", "--device", "cuda:99"), 1, "cuda:99"),
        (("--out", "net.safetensors", "--seed", "-1"), 2, "whole number from 0"),
        ((), 2, "--out"),
    ],
)
def test_bad_build_is_refused(
    effnet: Effnet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = effnet("build", *SMALL, *arguments)
    assert answer.code == code
    assert sentence in answer.err
    assert not list(tmp_path.iterdir())


def test_a_network_that_does_not_fit_names_the_largest_that_does(
    effnet: Effnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["effnet_core.network.build"], "free_bytes", lambda device: 50_000_000
    )
    answer = effnet("build", "--phi", "8", "--out", tmp_path / "net.safetensors")
    assert answer.code == 1
    assert "the largest φ that fits is" in answer.err
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.fixture
def checkpoint(effnet: Effnet, tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    assert effnet("build", *SMALL, "--seed", "1", "--out", path).code == 0
    return path


def logits(checkpoint: Path, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return instantiate(load_checkpoint(checkpoint))(images.clone())


def test_exported_onnx_answers_as_the_checkpoint(
    effnet: Effnet, checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    answer = effnet("export", "--weights", checkpoint, "--format", "onnx", "--out", path, "--json")
    assert answer.code == 0
    assert answer.json["files"] == [{"path": str(path), "size_bytes": path.stat().st_size}]
    images = torch.randn(2, 3, 64, 64)
    (found,) = onnxruntime.InferenceSession(path).run(None, {"images": images.numpy()})
    expected = logits(checkpoint, images)
    assert np.abs(np.asarray(found) - expected.numpy()).max() <= 1e-5 * expected.abs().max()


def test_exported_python_runs_with_its_weights(
    effnet: Effnet, checkpoint: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.py"
    answer = effnet("export", "--weights", checkpoint, "--format", "python", "--out", path)
    assert answer.code == 0
    assert "net.pth" in answer.out
    code = (
        "import net, torch, sys; images = torch.randn(2, 3, 64, 64); "
        "torch.save((images, net.build('net.pth')(images).detach()), 'answer.pt')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    images, found = torch.load(tmp_path / "answer.pt", weights_only=True)
    expected = logits(checkpoint, images)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_exported_json_is_accepted_as_a_variant(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    assert effnet("export", *SMALL, "--format", "json", "--out", path).code == 0
    assert architecture(str(path)) == scaled(-4, resolution=64, num_classes=5)
    assert effnet("cost", "--variant", path).code == 0


def test_exports_an_initialised_network(effnet: Effnet, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    result = effnet("export", *SMALL, "--format", "onnx", "--out", path, "--json").json
    assert result["weights"] is None
    images = torch.randn(1, 3, 64, 64)
    (found,) = onnxruntime.InferenceSession(path).run(None, {"images": images.numpy()})
    model = build(scaled(-4, resolution=64, num_classes=5), seed=result["seed"])
    with torch.inference_mode():
        expected = model(images)
    assert np.abs(np.asarray(found) - expected.numpy()).max() <= 1e-5 * expected.abs().max()


def test_python_of_a_formula_network_is_one_file(effnet: Effnet, tmp_path: Path) -> None:
    answer = effnet("export", *SMALL, "--format", "python", "--out", tmp_path / "net.py", "--json")
    assert [Path(file["path"]).name for file in answer.json["files"]] == ["net.py"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--phi 1 --format onnx --out net.pt", "must be a .onnx file"),
        ("--phi 1 --format keras --out net.h5", "invalid choice: 'keras'"),
        ("--format json --out net.json", "--variant --phi --weights is required"),
        ("--phi 1 --weights b0 --format json --out net.json", "not allowed with"),
        ("--weights b0 --alpha 1.2 --format json --out net.json", "--alpha does not go with"),
        ("--phi 1 --seed 1 --format json --out net.json", "--seed is for ONNX"),
    ],
)
def test_bad_export_is_refused(effnet: Effnet, arguments: str, sentence: str) -> None:
    answer = effnet("export", *arguments.split())
    assert answer.code == 2
    assert sentence in answer.err


def test_export_formats_are_the_cores() -> None:
    assert export_command.ENDINGS == export.FORMATS


def test_a_folder_that_cannot_be_written_fails_with_a_sentence(
    effnet: Effnet, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    answer = effnet("export", *SMALL, "--format", "json", "--out", tmp_path / "file" / "net.json")
    assert answer.code == 1
    assert "cannot be written" in answer.err


@pytest.mark.parametrize(("length", "code"), [(230, 1), (300, 2)])
def test_a_name_too_long_for_the_disk_has_a_sentence(
    effnet: Effnet, tmp_path: Path, length: int, code: int
) -> None:
    answer = effnet("build", *SMALL, "--out", tmp_path / ("x" * length + ".safetensors"))
    assert answer.code == code
    assert "File name too long" in answer.err
    assert not list(tmp_path.glob("x*"))
