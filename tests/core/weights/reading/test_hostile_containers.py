"""Plain containers around tensors are let in and nothing in them runs; swollen ones are refused."""

from __future__ import annotations

import argparse
import io
import os
import pathlib
import pickle
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from effnet_core.errors import CheckpointError, InvalidInput
from effnet_core.weights import tensor_files
from effnet_core.weights.reading import containers, pickled
from effnet_core.weights.tensor_files import parse

TENSORS = {"conv_stem.weight": torch.arange(12.0).reshape(3, 4), "bn1.weight": torch.ones(5)}


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("ending", pickled.ENDINGS)
def test_plain_containers_are_let_in(ending: str) -> None:
    args = argparse.Namespace(
        model="b0", output=Path("out"), nested=types.SimpleNamespace(lr=0.1), best=np.float64(0.5)
    )
    for legacy in (False, True):
        data = saved(
            {"state_dict": TENSORS, "args": args, "best_acc1": np.float32(3)},
            _use_new_zipfile_serialization=not legacy,
        )
        file = parse(data, f"X{ending.upper()}")
        assert file.tensors.keys() == TENSORS.keys()
        assert (file.around["args"].model, file.around["args"].nested.lr) == ("b0", 0.1)
        assert isinstance(file.around["args"].output, pathlib.PurePath)


class Touch:
    """Unpickled without care it makes a folder, by a call of its own or in a namespace's state."""

    def __init__(self, path: Path, how: str) -> None:
        self.path, self.how = path, how

    def __reduce__(self) -> tuple[Any, ...]:
        if self.how == "call":
            return os.mkdir, (str(self.path),)
        return argparse.Namespace, (), {"model": Touch(self.path, "call")}


@pytest.mark.parametrize("ending", pickled.ENDINGS)
@pytest.mark.parametrize(
    "hide",
    [
        lambda bad: {"state_dict": TENSORS, "args": argparse.Namespace(model=bad)},
        lambda bad: {"model": {"state_dict": {**TENSORS, "x": [bad]}}},
        lambda bad: {"ema": types.SimpleNamespace(module=bad), **TENSORS},
        lambda bad: argparse.Namespace(state_dict=TENSORS, bad=(bad,)),
    ],
)
@pytest.mark.parametrize("how", ["call", "state"])
def test_nothing_hidden_in_a_container_runs(
    ending: str, hide: Callable[[Any], Any], how: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    content = hide(Touch(canary, how))
    for data in (saved(content), saved(content, _use_new_zipfile_serialization=False)):
        with pytest.raises(CheckpointError, match=r"refused|damaged"):
            parse(data, f"x{ending}")
        assert not canary.exists()
    pickle.loads(pickle.dumps(Touch(canary, how)))  # the payload is a real one: elsewhere it runs
    assert canary.exists()


def test_what_is_let_in_is_taken_out_again() -> None:
    before = torch.serialization.get_safe_globals()
    parse(saved({"state_dict": TENSORS, "args": argparse.Namespace(a=1)}), "x.pth")
    with pytest.raises(CheckpointError, match=r"here collections\.deque"):
        parse(saved({"state_dict": TENSORS, "seen": __import__("collections").deque()}), "x.pth")
    assert torch.serialization.get_safe_globals() == before


def test_deep_circular_and_shared_dictionaries_end(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: dict[str, Any] = dict(TENSORS)
    for _ in range(17):
        deep = {"model": deep}
    with pytest.raises(CheckpointError, match="deeper than 16 levels"):
        parse(saved(deep), "x.pth")
    circle: dict[str, Any] = {"a": {}, **TENSORS}
    circle["a"]["b"] = circle
    shared: dict[str, Any] = {"model": TENSORS}
    for _ in range(12):  # 2^12 ways lead to the same tensors
        shared = {"a": shared, "b": shared}
    for content in (circle, shared):
        assert containers.find_network(content, "x").tensors.keys() == TENSORS.keys()


def test_too_many_tensors_networks_or_names_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"part{i}.conv_stem.weight": torch.ones(1) for i in range(17)}
    with pytest.raises(CheckpointError, match="holds 17 networks; one of at most 16"):
        parse(saved(many), "x.pth")
    monkeypatch.setattr(tensor_files, "MAX_TENSORS", 16)
    monkeypatch.setattr(pickled, "MAX_TENSORS", 16)
    flat = {f"conv{i}.weight": torch.ones(1) for i in range(17)}
    for legacy in (False, True):
        with pytest.raises(CheckpointError, match="tensors; at most 16 are read"):
            parse(saved(flat, _use_new_zipfile_serialization=not legacy), "x.pth")
    monkeypatch.setattr(pickled, "MAX_PICKLE_BYTES", 10)
    with pytest.raises(CheckpointError, match="describes its tensors in more than 10 bytes"):
        parse(saved(TENSORS), "x.pth")


def test_several_networks_are_told_apart_by_their_key() -> None:
    content = {
        "teacher": TENSORS,
        "student": {"net.conv_stem.weight": torch.ones(2), "net.bn1.weight": torch.ones(1)},
        "optimizer": {"state": {0: {"momentum": torch.ones(3)}}},
    }
    data = saved(content)
    with pytest.raises(CheckpointError, match=r"holds 2 networks \(teacher, student\.net\)"):
        parse(data, "x.pth")
    assert len(parse(data, "x.pth", key="student").tensors["bn1.weight"]) == 1
    assert len(parse(data, "x.pth", key="student.net").tensors["bn1.weight"]) == 1
    assert len(parse(data, "x.pth", key="teacher").tensors["bn1.weight"]) == 5
    for key in ("nobody", "stud", ""):
        with pytest.raises(InvalidInput, match="names no network"):
            parse(data, "x.pth", key=key)


def test_averaged_weights_are_taken_wherever_they_are() -> None:
    half = {name: value / 2 for name, value in TENSORS.items()}
    for content in (
        {"model": half, "model_ema": TENSORS},
        {"ema": {"module": TENSORS}, "state_dict": half},
        {"ema.module": TENSORS, "model": half},
        {
            "state_dict": {
                **{f"net.{k}": v for k, v in half.items()},
                **{f"ema_net.{k}": v for k, v in TENSORS.items()},
            }
        },
        {
            "initted": torch.tensor(True),
            "step": torch.tensor([5]),
            **{f"online_model.{k}": v for k, v in half.items()},
            **{f"ema_model.{k}": v for k, v in TENSORS.items()},
        },
    ):
        file = parse(saved(content), "x.pth")
        assert np.array_equal(file.tensors["bn1.weight"], np.ones(5))
        assert any("(plain weights of a network)" in text for text in file.ignored)
