"""`effnet explain --cell`: the sums add up to the network's own value, in JSON and as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effnet_core.images.samples import load_sample
from effnet_core.weights.bundled import bundled_models

Effnet = Callable[..., Any]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.jpg"
    path.write_bytes(load_sample("coffee"))
    return path


def test_the_sums_of_a_bundled_models_cell_can_be_added_up_by_their_reader(
    effnet: Effnet, picture: Path
) -> None:
    options = ("explain", picture, "--weights", bundled_models()[0].id, "--cell", "3,1,0,2")
    answer = effnet(*options, "--json")
    assert answer.code == 0
    said = answer.json
    assert said["cell"] == {"stage": 3, "channel": 1, "row": 0, "column": 2, "block": None}
    assert [one["role"] for one in said["sums"]][-1] in ("project", "shortcut")
    for one in said["sums"]:
        total = float((np.array(one["values"]) * np.array(one["weights"])).sum())
        assert one["total"] == pytest.approx(total, abs=1e-12)
        assert one["normalised"] == pytest.approx(total * one["scale"] + one["shift"], abs=1e-12)
        if one["activation"] == "silu":
            silu = one["normalised"] / (1 + np.exp(-one["normalised"]))
            assert one["output"] == pytest.approx(silu, abs=1e-12)
    assert said["value"] == said["sums"][-1]["output"]
    assert said["value"] == pytest.approx(said["network"], abs=1e-5)
    text = effnet(*options).out
    assert f"The network itself has {said['network']:.7g} there" in text
    assert all(f"= {one['normalised']:.7g}" in text for one in said["sums"])


@pytest.mark.parametrize(
    ("cell", "code", "sentence"),
    [
        ("3,1,0", 2, "four whole numbers, STAGE,CHANNEL,ROW,COLUMN"),
        ("3,1,0,x", 2, "four whole numbers"),
        ("12,1,0,0", 2, "from 0 (stem) to 8"),
        ("3,1,0,999", 2, "The column of stage 3's feature map"),
    ],
)
def test_cells_that_are_not_there_are_refused(
    effnet: Effnet, picture: Path, cell: str, code: int, sentence: str
) -> None:
    answer = effnet("explain", picture, "--weights", bundled_models()[0].id, "--cell", cell)
    assert answer.code == code
    assert sentence in answer.err
