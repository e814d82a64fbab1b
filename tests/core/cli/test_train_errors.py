"""What `effnet train` refuses, and that it does so before any work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from effnet_core.cli import train
from effnet_core.training.runs.folder import RunFolder

Effnet = Callable[..., Any]
QUICK = ("--epochs", "1", "--batch", "16")
RUN = ("--data", "DATA", "--out", "OUT")
NET = ("--variant", "SPEC")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ((), 2, "One of the arguments --variant --phi --from --resume is required"),
        (NET, 2, "A new run needs --data (the photos) and --out (a folder for the run)."),
        ((*NET, "--data", "DATA"), 2, "A new run needs --data"),
        ((*NET, *RUN, "--num-classes", "4"), 2, "the photos say how many there are"),
        ((*NET, *RUN, "--side", "32"), 2, "is prepared already; --side is for a source."),
        ((*NET, *RUN, "--architecture", "b0"), 2, "--architecture says what --from holds"),
        (("--from", "nowhere", *RUN), 2, "nowhere"),
        (("--from", "b0", *RUN, "--alpha", "1.3"), 2, "the formula's options are for --phi"),
        ((*NET, "--phi", "1", *RUN), 2, "not allowed with argument"),
        ((*NET, *RUN, "--set", "epochs"), 2, "--set takes FIELD=VALUE"),
        ((*NET, *RUN, "--set", "=3"), 2, "--set takes FIELD=VALUE"),
        (
            (*NET, *RUN, "--set", "epoch=3"),
            2,
            "'epoch'; perhaps epochs is meant.",
        ),
        ((*NET, *RUN, "--set", "flip=x"), 2, "flip must be a number; got 'x'."),
        ((*NET, *RUN, "--epochs", "0"), 2, "epochs must lie from 1 to 10000; got 0."),
        ((*NET, *RUN, "--batch", "7", "--micro-batches", "2"), 2, "into 2 equal parts"),
        ((*NET, *RUN, "--recipe", "DATA"), 2, "cannot be read"),
        ((*NET, *RUN, "--recipe", "SPEC"), 2, "A recipe has no field called"),
        ((*NET, *RUN, "--held-out", "80"), 2, "Of 80 photos 80 cannot be held out."),
        ((*NET, *RUN, "--batch", "512"), 1, "fewer than one batch of 512"),
        ((*NET, *RUN, "--device", "cuda:77"), 1, "cuda:77 was asked for"),
        ((*NET, "--data", "nothing", "--out", "OUT"), 1, "nothing"),
        (("--resume", "nothing"), 1, "holds no run"),
        (("--resume", "nothing", "--epochs", "3"), 2, "--epochs is for a new run"),
        (("--resume", "nothing", "--alpha", "1.2"), 2, "--alpha is for a new run"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    effnet: Effnet,
    prepared_data: Path,
    spec_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"DATA": prepared_data, "SPEC": spec_file, "OUT": tmp_path / "run"}
    done = effnet("train", *(places.get(option, option) for option in options))
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert not RunFolder(tmp_path / "run").exists


def test_the_folder_of_another_run_is_refused_before_any_work(
    effnet: Effnet,
    prepared_data: Path,
    spec_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    options = ("train", "--data", prepared_data, "--variant", spec_file, "--out", out, *QUICK)
    effnet(*options)
    monkeypatch.setattr(train, "_photos", lambda *_: pytest.fail("the photos were read"))
    done = effnet(*options)
    assert done.code == 1
    assert "holds a run already; resume it, or give another folder." in done.err
