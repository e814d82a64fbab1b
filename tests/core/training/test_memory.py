"""What training is said to take at least against what it keeps."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from effnet_core.architecture.names import architecture
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.cost.report import summarize
from effnet_core.errors import DoesNotFit
from effnet_core.network.build import build
from effnet_core.training import memory
from effnet_core.training.distributed import World
from effnet_core.training.memory import KEPT_PER_OUTPUT, require_room, training_bytes
from effnet_core.training.recipe import Recipe

RECIPE = Recipe(batch=8, micro_batches=2)


def kept_for_backward(spec: ArchitectureSpec, batch: int) -> int:
    """Bytes of all tensors that a forward pass keeps, each memory once, without the weights."""
    model = build(spec, seed=0).train()
    own = {value.untyped_storage().data_ptr() for value in model.state_dict().values()}
    kept: dict[int, int] = {}

    def note(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        answers = model(torch.zeros(batch, 3, spec.resolution, spec.resolution))
    assert answers.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("name", ["b0", "v2-b0"])
def test_the_backward_pass_keeps_at_least_what_is_said(name: str) -> None:
    spec = architecture(name, num_classes=10, resolution=64)
    outputs = 4 * 4 * summarize(spec).activations  # float32, 4 photos
    measured = kept_for_backward(spec, 4) / outputs
    assert KEPT_PER_OUTPUT <= measured < 1.5 * KEPT_PER_OUTPUT


def test_what_changes_it(tiny: Any) -> None:
    spec = tiny.spec()
    params, outputs = summarize(spec).params, summarize(spec).activations
    usual = training_bytes(spec, RECIPE)
    assert usual == 4 * 4 * params + int(2.5 * 4 * 4 * outputs)

    def change(**fields: Any) -> int:
        return training_bytes(spec, dataclasses.replace(RECIPE, **fields)) - usual

    assert change(micro_batches=4) == -2.5 * 4 * 2 * outputs
    assert change(precision="bfloat16") == -2.5 * 2 * 4 * outputs
    assert change(ema_decay=0.9) == change(optimizer="adamw") == 4 * params
    assert change(frozen_stages=5) < change(frozen_stages=1) < 0


def test_processes_share_the_memory_of_a_cpu(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = training_bytes(tiny.spec(), RECIPE)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2 * needed - 1)
    cpu = torch.device("cpu")
    require_room(tiny.spec(), RECIPE, World(0, 1, cpu))
    with pytest.raises(DoesNotFit, match=r"raise micro_batches \(now 2\)"):
        require_room(tiny.spec(), RECIPE, World(0, 2, cpu))
    require_room(tiny.spec(), RECIPE, World(0, 2, torch.device("cuda", 0)))
