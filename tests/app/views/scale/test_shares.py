"""Architecture: what each step of the blocks takes, of the network and of one block."""

from __future__ import annotations

import re
from functools import partial

from app.text import percent
from effnet_core.architecture.names import variant
from effnet_core.cost.report import analyze
from effnet_core.cost.shares import by_group
from effnet_core.latency import Calibration
from tests.app.reading import SCALE, html, opened

open_page = partial(opened, SCALE, show="Architecture")


def test_squeeze_and_excitation_is_said_of_the_whole_network() -> None:
    app = open_page()
    report = analyze(variant("b0"))
    found = by_group(report.layers)["squeeze_excite"]
    params = percent(found.params / report.totals.params)
    assert f"holds {params} of the parameters and takes 0.2 % of the FLOPs" in html(app)
    row = re.search(r'of-squeeze_excite"></i>Squeeze-and-excitation</th>(.*?)</tr>', html(app))
    assert row is not None and f"<b>{params}</b>" in row[1] and "<b>0.2 %</b>" in row[1]


def test_shares_have_milliseconds_once_calibrated(calibrated: Calibration) -> None:
    page = html(open_page())
    assert ">Time here</th>" in page and "ms</span>" in page


def test_a_family_without_squeeze_and_excitation_says_nothing_of_it() -> None:
    assert "Squeeze-and-excitation" not in html(open_page(family="lite"))


def test_a_block_says_both_shares_and_never_a_false_zero() -> None:
    page = html(open_page(stage="7"))
    assert "parameters" not in page or "table" in page  # a stage, not yet a block
    page = html(open_page(stage="7", block="1"))
    shares = re.findall(r"<small>(.*?) of the block's (parameters|FLOPs)</small>", page)
    assert len(shares) == 8
    assert not any(share in ("0 %", "0.0 %") for share, _ in shares)
    report = analyze(variant("b0"))
    layers = report.block_layers(7, 0)
    squeezed = by_group(layers)["squeeze_excite"]
    of_flops = percent(squeezed.mult_adds / sum(layer.mult_adds for layer in layers))
    assert (of_flops, "FLOPs") in shares
