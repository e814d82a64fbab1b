"""Classify and `evaluate` on 200 photos beside timm: its transform, its network, a real Lite0."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config

from effnet_core.engines import Predictor
from effnet_core.evaluation.accuracy import logits, view
from effnet_core.images import decode_reduced
from effnet_core.weights import WeightsStore
from effnet_core.weights.key_names import module_names
from tests.reading.pictures import in_srgb

SMALL = 160
"""Photos of 64 × 64 pixels, beside the 40 of all sizes."""


@pytest.fixture(scope="module")
def files(test_data: Path, photos: tuple[Path, ...]) -> list[bytes]:
    with zipfile.ZipFile(test_data / "tiny-imagenet-100" / "val.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".JPEG"))
        small = [archive.read(name) for name in names[:: len(names) // SMALL][:SMALL]]
    return [*(path.read_bytes() for path in photos), *small]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    store = WeightsStore(tmp_path_factory.mktemp("store"))
    return Predictor(store.source("lite0").load(), device="cpu")


@pytest.fixture(scope="module")
def network(predictor: Predictor) -> torch.nn.Module:
    """timm's class with the same tensors."""
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs = {own: other for other, own in module_names(predictor.spec, "timm").items()}
    state = {}
    for key, tensor in predictor.tensors.items():
        module, _, leaf = key.rpartition(".")
        state[f"{theirs[module]}.{leaf}"] = torch.tensor(tensor)
    model.load_state_dict(state, strict=True)
    return model


@pytest.fixture(scope="module")
def inputs(files: list[bytes], network: torch.nn.Module) -> torch.Tensor:
    """What timm's own transform makes of the photos, float32 (200, 3, 224, 224)."""
    transform = create_transform(**resolve_data_config({}, model=network))
    return torch.stack([transform(Image.open(io.BytesIO(data)).convert("RGB")) for data in files])


def stored(files: list[bytes], predictor: Predictor) -> torch.Tensor:
    """What `evaluate` shows a network, uint8 (200, 3, 224, 224)."""
    decoded = (decode_reduced(data, shorter_edge=None, as_stored=True) for data in files)
    return torch.stack([view(picture, predictor.preprocessing) for picture in decoded])


def test_evaluate_sees_what_timm_sees_to_the_digit(
    files: list[bytes], inputs: torch.Tensor, predictor: Predictor
) -> None:
    shown = predictor.preprocessing
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (shown.mean, shown.std))
    assert torch.equal((stored(files, predictor).float().div_(255) - mean) / std, inputs)


def test_evaluate_and_classify_give_timms_probabilities(
    files: list[bytes], inputs: torch.Tensor, predictor: Predictor, network: torch.nn.Module
) -> None:
    """Where a photo is in Adobe RGB, Classify's is timm's of the same photo in sRGB."""
    transform = create_transform(**resolve_data_config({}, model=network))
    with torch.inference_mode():
        theirs = torch.cat([network(part).softmax(1) for part in inputs.split(20)]).numpy()
    seen = stored(files, predictor)
    judged = logits(
        predictor.model, seen, predictor.preprocessing, device=torch.device("cpu"), batch=20
    )
    np.testing.assert_allclose(judged.softmax(1).numpy(), theirs, rtol=0, atol=1e-5)
    found = [predictor.predict_bytes(data) for data in files]
    wide = [place for place, one in enumerate(found) if one.notes]
    assert len(wide) == 1
    with torch.inference_mode():
        for place in wide:
            picture = in_srgb(Image.open(io.BytesIO(files[place])))
            theirs[place] = network(transform(picture)[None])[0].softmax(0).numpy()
    off = np.array([np.abs(f.probabilities - t).max() for f, t in zip(found, theirs, strict=True)])
    assert off.max() <= 1e-3 and np.median(off) <= 1e-4
    assert [one.top[0].index for one in found] == theirs.argmax(1).tolist()
    assert len(set(theirs.argmax(1).tolist())) > 40  # the answers differ, so that an error shows
