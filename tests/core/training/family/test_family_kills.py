"""Twenty kills without a word while a list is trained: nothing lost, nothing counted twice."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from effnet_core.training.distributed import World
from effnet_core.training.family.runs import read
from effnet_core.training.family.training import read_data, train_family

KILLS, SECONDS = 20, 60
RUNS, EPOCHS = 4, 3


def train(family: Path, folder: Path, out: Path, begun: Any) -> None:
    """What `effnet family` does in a process of its own."""
    torch.set_num_threads(1)
    data, every = read_data(folder), read(family)
    begun.set()
    train_family(every, every.runs, data, out, World(0, 1, torch.device("cpu")))


def test_twenty_kills_lose_nothing_and_count_nothing_twice(
    folder: Path,
    plain: dict[str, Any],
    same_weights: Callable[[Path, Path], bool],
    tmp_path: Path,
) -> None:
    narrow, wide = plain["runs"]
    again = [{**one, "id": f"{one['id']}-again"} for one in (narrow, wide)]
    family = tmp_path / "list.json"
    family.write_text(json.dumps({**plain, "runs": [narrow, wide, *again]}), encoding="utf-8")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "effnet_core.training.family.training"])
    whole, out, drawn, killed = tmp_path / "whole", tmp_path / "out", random.Random(0), 0

    def process(out: Path) -> multiprocessing.context.ForkServerProcess:
        begun = context.Event()
        started = context.Process(target=train, args=(family, folder, out, begun))
        started.start()
        assert begun.wait(SECONDS)
        return started

    for _ in range(KILLS):
        one = process(out)
        one.join(drawn.uniform(0.0, 0.4))
        killed += one.is_alive()
        one.kill()
        one.join()
    for place in (out, whole):  # the second is never interrupted
        last = process(place)
        last.join(SECONDS)
        assert last.exitcode == 0
    assert killed > KILLS / 2  # or little was killed in the middle, and this proves nothing
    for name in ("narrow", "wide"):
        for run in (name, f"{name}-again"):
            assert same_weights(out / run, whole / run)
            lines = (out / run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            kinds = Counter((line["kind"], line["step"]) for line in map(json.loads, lines))
            assert set(kinds.values()) == {1}
            assert sum(kind == "epoch" for kind, _ in kinds) == EPOCHS
