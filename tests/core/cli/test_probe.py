"""`effnet probe` from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from effnet_core.images.samples import load_sample


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.png"
    path.write_bytes(load_sample("coffee"))
    return path


def test_real_weights_answer_at_each_size(effnet: Callable[..., Any], picture: Path) -> None:
    found = effnet("probe", picture, "--sizes", "128,224,320", "--json")
    assert found.code == 0
    assert [size["resolution"] for size in found.json] == [128, 224, 320]
    assert [size["trained"] for size in found.json] == [False, True, False]
    assert {size["class"]["label"] for size in found.json} == {"espresso"}
    assert found.json[1]["top"]["label"] == "espresso"
    assert found.json[1]["probability"] == found.json[1]["top"]["probability"] > 0.5
    assert all(size["milliseconds"] > 0 for size in found.json)
    table = effnet("probe", picture, "--weights", "tiny100-phi-4", "--sizes", "72")
    assert table.code == 0 and "72 px (trained)" in table.out


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [("8", "from 32 to 1024; got 8"), ("64,x", "whole numbers with commas"), ("", "whole numbers")],
)
def test_bad_sizes_are_sentences(
    effnet: Callable[..., Any], picture: Path, sizes: str, sentence: str
) -> None:
    found = effnet("probe", picture, "--sizes", sizes)
    assert found.code == 2 and sentence in found.err
