"""The table in words: figures, ratios as their targets are put, verdicts, what is missing."""

from __future__ import annotations

import pytest

from benchmarks.rows import Row
from benchmarks.table import markdown, text, verdict

MET = Row(
    name="pass",
    peer_name="torchvision",
    ours=8.04,
    peer=24.15,
    ours_quartiles=(7.9, 8.5),
    peer_quartiles=(24, 25.26),
    ratio=0.3333,
    target=1 / 2.2,
    met=True,
)
MISSED = Row(
    name="pass", peer_name="OpenVINO", ours=8.04, peer=7.5, ratio=1.072, target=1.05, met=False
)
ABSENT = Row(name="map", peer_name="captum", ours=8.0, target=1 / 3, note="captum: not installed.")
LIMIT = Row(
    name="memory", peer_name="limit", unit="MB", ours=1234.4, peer=300, ratio=4.115, target=1.0,
    met=False,
)  # fmt: skip
PLAIN = Row(name="batch", peer_name="timm", ours=50.0, peer=100.0, ratio=0.5)
ROWS = (MET, MISSED, ABSENT, LIMIT, PLAIN)


def test_markdown_has_every_row_and_what_was_missed() -> None:
    assert markdown(ROWS).split("\n") == [
        "| what | this project | peer | peer's | ratio | target |  |",
        "|---|---:|---|---:|---:|---:|---|",
        "| pass | 8.04 ms | torchvision | 24.1 ms | 3× faster | ≥ 2.2× faster | met |",
        "|  | 8.04 ms | OpenVINO | 7.5 ms | 1.072 | ≤ 1.05 | **missed** |",
        "| map | 8 ms | captum | – | – | ≥ 3× faster | not measured |",
        "| memory | 1,234 MB | limit | 300 MB | 4.115 | ≤ 1 | **missed** |",
        "| batch | 50.0 ms | timm | 100 ms | 2× faster |  |  |",
        "",
        "captum: not installed.",
    ]


def test_the_terminal_gets_quartiles_and_the_verdict() -> None:
    lines = text(ROWS).split("\n")
    assert "8.04 (7.9–8.5) ms" in lines[1] and "24.1 (24.0–25.3) ms" in lines[1]
    assert lines[2].split()[-1] == "missed"
    assert lines[-2:] == ["captum: not installed.", verdict(ROWS)]
    assert lines[0].index("peer") == lines[3].index("captum")


def test_the_verdict_counts_targets() -> None:
    assert verdict(ROWS) == "1 of 4 targets met, 2 missed, 1 not measured."
    assert verdict((MET, PLAIN)) == "1 of 1 targets met."


@pytest.mark.parametrize(
    ("ratio", "target", "shown"),
    [
        (1.02, 1 / 1.1, "0.98× faster"),
        (0.5, 1.05, "0.500"),
        (0.004, 1.0, "0.004"),
        (1 / 23456, 1 / 10_000, "23,456× faster"),
    ],
)
def test_a_ratio_is_put_as_its_target_is(ratio: float, target: float, shown: str) -> None:
    row = Row(name="a", peer_name="b", ours=1, peer=1, ratio=ratio, target=target, met=False)
    assert f"| {shown} |" in markdown([row])
