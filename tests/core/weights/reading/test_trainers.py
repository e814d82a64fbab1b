"""Every trainer's file gives the tensors that its own library holds, and says what it was."""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from effnet_core.weights import instantiate, load_checkpoint, understand
from effnet_core.weights.convert import rename
from tests.core.weights.reading.brought import CASES, Case
from tests.core.weights.reading.networks import halved, logits, network

ARCHITECTURE = "efficientnet_b0"
ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_tensors_are_the_trainers(case: Case, tmp_path: Path) -> None:
    path = case.write(tmp_path)
    if not case.states:
        said = understand(path)
        assert (said.architecture, said.preprocessing) == (None, None)
        assert "does not say which architecture it is (it looks like b0" in said.architecture_source
    loaded = load_checkpoint(path, architecture=None if case.states else ARCHITECTURE)
    theirs = rename(network(case.style).state_dict(), loaded.spec)
    assert loaded.tensors.keys() == theirs.keys()
    for name, values in theirs.items():
        assert np.array_equal(loaded.tensors[name], values.numpy()), name
    assert loaded.understood is not None
    said = loaded.understood
    assert (said.style, said.architecture) == (case.style, "b0")
    assert said.trainer == ("" if case.trainer == "any" else case.trainer)
    assert said.architecture_source == "given" or case.states
    words = " ".join((*said.unwrapped, *said.ignored))
    for part in case.container.replace(",", " →").split(" → "):
        assert part.split(".")[0] in words or " " in part
    assert any("plain weights" in text for text in said.ignored) == case.averaged


@pytest.mark.parametrize("style", ["timm", "torchvision", "lukemelas", "transformers"])
def test_the_logits_are_the_librarys(style: str, tmp_path: Path) -> None:
    case = next(c for c in CASES if c.style == style)
    loaded = load_checkpoint(case.write(tmp_path), architecture=ARCHITECTURE)
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    theirs = logits(network(case.style), images)
    ours = logits(instantiate(loaded), images)
    assert theirs.std() > 1e-2
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("number", [i for i, case in enumerate(CASES) if case.averaged])
def test_the_plain_weights_can_be_chosen(number: int, tmp_path: Path) -> None:
    case = CASES[number]
    path, key = case.write(tmp_path), {"timm": "state_dict", "torchvision": "model"}[case.style]
    loaded = load_checkpoint(path, weights_key=key)
    theirs = rename(halved(case.style).state_dict(), loaded.spec)
    assert np.array_equal(loaded.tensors["head.conv.weight"], theirs["head.conv.weight"].numpy())
    said = understand(path, weights_key=key)
    assert any("averaged weights" in text for text in said.ignored)


def test_a_reference_scripts_arguments_say_how_it_evaluates(tmp_path: Path) -> None:
    case = next(c for c in CASES if c.trainer == "torchvision's references")
    loaded = load_checkpoint(case.write(tmp_path))
    assert (loaded.preprocessing.resize, loaded.preprocessing.crop) == (192, 160)
    assert loaded.preprocessing.interpolation == "bilinear"
    assert loaded.preprocessing_source == (
        "args in the checkpoint; mean, std: torchvision's defaults for b0"
    )


def test_timms_arguments_say_how_it_evaluates(tmp_path: Path) -> None:
    args = argparse.Namespace(
        model="efficientnet_b0", img_size=192, crop_pct=0.75, mean=(0.5, 0.5, 0.5), std=None
    )
    content = {"state_dict": network("timm").state_dict(), "arch": "efficientnet", "args": args}
    torch.save(content, tmp_path / "x.pth.tar")
    loaded = load_checkpoint(tmp_path / "x.pth.tar")
    shown = loaded.preprocessing
    assert (shown.crop, shown.resize, shown.mean) == (192, 256, (0.5, 0.5, 0.5))
    assert "interpolation, std: timm's defaults for efficientnet_b0" in loaded.preprocessing_source


def test_the_page_of_what_is_read_lists_exactly_these() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_what_it_reads.py"))
    assert script["page"]() == (ROOT / "docs" / "what-it-reads.md").read_text(encoding="utf-8")
