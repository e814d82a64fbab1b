"""What trainers write, written here by the trainers' own code or in their layout.

`CASES` is what the tests read back and what `docs/what-it-reads.md` lists.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
from timm.models import save_for_hf
from timm.utils import CheckpointSaver, ModelEmaV3
from torch import nn
from torch.optim.swa_utils import AveragedModel

from effnet_core.weights.key_names import TITLES, Style
from tests.core.weights.reading.networks import CLASSES, halved, network


@dataclass(frozen=True, kw_only=True)
class Case:
    """One layout: who writes it, how it is wrapped, its ending, whose names it has.

    `write(folder)` leaves it there and returns its path. `states` says that the file itself names
    the architecture; otherwise it has to be given. `averaged` says that averaged weights are
    beside the plain ones.
    """

    trainer: str
    container: str
    ending: str
    style: Style
    write: Callable[[Path], Path]
    states: bool = False
    averaged: bool = False

    @property
    def id(self) -> str:
        return f"{self.trainer}, {self.container}, {self.ending}, {self.style}"


def _prefixed(prefix: str, model: nn.Module) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in model.state_dict().items()}


def _saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def _plain(style: Style, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".safetensors"):
            safetensors.torch.save_file(network(style).state_dict(), path)
            return path
        return _saved(network(style).state_dict(), path)

    return write


def _optimiser(model: nn.Module) -> torch.optim.Optimizer:
    """One that has taken a step for one layer, so that it holds tensors."""
    optimiser = torch.optim.SGD(list(model.parameters())[-2:], lr=0.1, momentum=0.9)
    for parameter in optimiser.param_groups[0]["params"]:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    return optimiser


def _timm_saver(*, ema: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = halved("timm") if ema else network("timm")
        average = ModelEmaV3(network("timm"), decay=0.9) if ema else None
        args = argparse.Namespace(
            model="efficientnet_b0", output=Path("out"), interpolation="", mean=None, lr=0.1
        )
        saver = CheckpointSaver(
            model, _optimiser(model), args=args, model_ema=average, checkpoint_dir=str(folder)
        )
        saver.save_checkpoint(3, metric=0.5)
        return folder / "checkpoint-3.pth.tar"

    return write


def _timm_folder(*, safe: bool, zipped: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        place = folder / "ants"
        config = {"label_names": ["ant", "bee", "fly", "moth", "wasp"]}
        save_for_hf(network("timm"), str(place), model_config=config, safe_serialization=safe)
        if not zipped:
            return place
        return Path(shutil.make_archive(str(folder / "ants"), "zip", folder, "ants"))

    return write


def _torchvision_reference(*, ema: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = halved("torchvision") if ema else network("torchvision")
        optimiser = _optimiser(model)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, 30)
        args = argparse.Namespace(
            model="efficientnet_b0",
            val_resize_size=192,
            val_crop_size=160,
            interpolation="bilinear",
            device=torch.device("cpu"),
        )
        content = {
            "model": model.state_dict(),
            "optimizer": optimiser.state_dict(),
            "lr_scheduler": schedule.state_dict(),
            "epoch": 7,
            "args": args,
        }
        if ema:
            content["model_ema"] = AveragedModel(network("torchvision")).state_dict()
        return _saved(content, folder / "model_7.pth")

    return write


def _imagenet_example(folder: Path) -> Path:
    model = network("torchvision")
    optimiser = _optimiser(model)
    content = {
        "epoch": 90,
        "arch": "efficientnet_b0",
        "state_dict": nn.DataParallel(model).state_dict(),
        "best_acc1": torch.tensor(77.7),
        "optimizer": optimiser.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 30).state_dict(),
    }
    return _saved(content, folder / "checkpoint.pth.tar")


def _lightning(folder: Path) -> Path:
    content = {
        "epoch": 2,
        "global_step": 100,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {
            **_prefixed("model.", network("timm")),
            "criterion.weight": torch.ones(CLASSES),
        },
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(1.0)}
        },
        "optimizer_states": [_optimiser(network("timm")).state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"model_name": "efficientnet_b0", "lr": 1e-3},
    }
    return _saved(content, folder / "epoch=2-step=100.ckpt")


def _wrapped(style: Style, name: str, wrap: Callable[[nn.Module], Any]) -> Callable[[Path], Path]:
    return lambda folder: _saved(wrap(network(style)), folder / name)


class Backbone(nn.Module):
    """timm's body as `backbone`, with a last layer of one's own behind it."""

    def __init__(self) -> None:
        super().__init__()
        whole = network("timm")
        self.backbone = timm.create_model("efficientnet_b0", num_classes=0)
        state = {k: v for k, v in whole.state_dict().items() if not k.startswith("classifier")}
        self.backbone.load_state_dict(state)
        self.head = nn.Sequential(nn.Dropout(0.2), whole.get_submodule("classifier"))


_FILES: tuple[tuple[Style, str], ...] = (
    ("timm", ".safetensors"),
    ("timm", ".bin"),
    ("torchvision", ".pth"),
    ("torchvision", ".safetensors"),
    ("lukemelas", ".pth"),
    ("lukemelas", ".pt"),
)
_PLAIN = tuple(
    Case(
        trainer="any",
        container="plain state dict",
        ending=ending,
        style=style,
        write=_plain(style, f"weights{ending}"),
    )
    for style, ending in _FILES
)

CASES = (
    *_PLAIN,
    Case(
        trainer="timm",
        container="state_dict",
        ending=".pth.tar",
        style="timm",
        write=_timm_saver(ema=False),
        states=True,
    ),
    Case(
        trainer="timm",
        container="state_dict_ema",
        ending=".pth.tar",
        style="timm",
        write=_timm_saver(ema=True),
        states=True,
        averaged=True,
    ),
    Case(
        trainer="timm",
        container="folder with config.json",
        ending=".bin",
        style="timm",
        write=_timm_folder(safe=False),
        states=True,
    ),
    Case(
        trainer="timm",
        container="folder with config.json",
        ending=".safetensors",
        style="timm",
        write=_timm_folder(safe=True),
        states=True,
    ),
    Case(
        trainer="timm",
        container="zip of a folder with config.json",
        ending=".safetensors",
        style="timm",
        write=_timm_folder(safe=True, zipped=True),
        states=True,
    ),
    Case(
        trainer="torchvision's references",
        container="model",
        ending=".pth",
        style="torchvision",
        write=_torchvision_reference(ema=False),
        states=True,
    ),
    Case(
        trainer="torchvision's references",
        container="model_ema → module.",
        ending=".pth",
        style="torchvision",
        write=_torchvision_reference(ema=True),
        states=True,
        averaged=True,
    ),
    Case(
        trainer="ImageNet example",
        container="state_dict → module.",
        ending=".pth.tar",
        style="torchvision",
        write=_imagenet_example,
        states=True,
    ),
    Case(
        trainer="PyTorch Lightning",
        container="state_dict → model.",
        ending=".ckpt",
        style="timm",
        write=_lightning,
        states=True,
    ),
    Case(
        trainer="any",
        container="module. → _orig_mod.",
        ending=".pt",
        style="torchvision",
        write=_wrapped("torchvision", "x.pt", lambda m: _prefixed("module._orig_mod.", m)),
    ),
    Case(
        trainer="any",
        container="ema → module → encoder.net.",
        ending=".pt",
        style="timm",
        write=_wrapped(
            "timm",
            "x.pt",
            lambda m: {"ema": {"module": _prefixed("encoder.net.", m), "updates": 9}},
        ),
    ),
    Case(
        trainer="any",
        container="params",
        ending=".pth",
        style="lukemelas",
        write=_wrapped("lukemelas", "x.pth", lambda m: {"params": m.state_dict()}),
    ),
    Case(
        trainer="any",
        container="model_state_dict → backbone., a last layer beside it",
        ending=".pth",
        style="timm",
        write=_wrapped(
            "timm", "x.pth", lambda m: {"model_state_dict": Backbone().state_dict(), "epoch": 1}
        ),
    ),
)


def rows() -> list[tuple[str, ...]]:
    """What the page lists: trainer, container, ending, whose names, and what has to be given."""
    return [
        (
            case.trainer,
            case.container + (" (averaged, taken before the plain)" if case.averaged else ""),
            f"`{case.ending}`",
            TITLES[case.style],
            "nothing" if case.states else "architecture",
        )
        for case in CASES
    ]
