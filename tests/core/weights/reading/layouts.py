"""Files in the layouts of trainers, written by their own code where it can be had here."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
import transformers
from timm.models import save_for_hf
from timm.utils import CheckpointSaver, ModelEmaV3
from torch import nn
from torch.optim.swa_utils import AveragedModel

from effnet_core.weights.key_names import Style
from tests.core.weights.reading.networks import CLASSES, halved, network


def prefixed(prefix: str, model: nn.Module) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in model.state_dict().items()}


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def plain(style: Style, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".safetensors"):
            safetensors.torch.save_file(network(style).state_dict(), path)
            return path
        return saved(network(style).state_dict(), path)

    return write


def stepped(model: nn.Module) -> torch.optim.Optimizer:
    """One that has taken a step for one layer, so that it holds tensors."""
    optimiser = torch.optim.SGD(list(model.parameters())[-2:], lr=0.1, momentum=0.9)
    for parameter in optimiser.param_groups[0]["params"]:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    return optimiser


def timm_saver(*, ema: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = halved("timm") if ema else network("timm")
        average = ModelEmaV3(network("timm"), decay=0.9) if ema else None
        args = argparse.Namespace(
            model="efficientnet_b0", output=Path("out"), interpolation="", mean=None, lr=0.1
        )
        saver = CheckpointSaver(
            model, stepped(model), args=args, model_ema=average, checkpoint_dir=str(folder)
        )
        saver.save_checkpoint(3, metric=0.5)
        return folder / "checkpoint-3.pth.tar"

    return write


def timm_folder(*, safe: bool, zipped: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        place = folder / "ants"
        config = {"label_names": ["ant", "bee", "fly", "moth", "wasp"]}
        save_for_hf(network("timm"), str(place), model_config=config, safe_serialization=safe)
        if not zipped:
            return place
        return Path(shutil.make_archive(str(folder / "ants"), "zip", folder, "ants"))

    return write


def transformers_folder(folder: Path) -> Path:
    """With the pictures' configuration beside the network's."""
    place = folder / "saved"
    network("transformers").save_pretrained(place)  # type: ignore[operator]
    size = {"height": 256, "width": 256}  # no odd side, as at 224
    transformers.EfficientNetImageProcessor(size=size, resample=2).save_pretrained(place)
    return place


def torchvision_reference(*, ema: bool) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = halved("torchvision") if ema else network("torchvision")
        optimiser = stepped(model)
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
        return saved(content, folder / "model_7.pth")

    return write


def imagenet_example(folder: Path) -> Path:
    model = network("torchvision")
    optimiser = stepped(model)
    content = {
        "epoch": 90,
        "arch": "efficientnet_b0",
        "state_dict": nn.DataParallel(model).state_dict(),
        "best_acc1": torch.tensor(77.7),
        "optimizer": optimiser.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 30).state_dict(),
    }
    return saved(content, folder / "checkpoint.pth.tar")


def lightning(folder: Path) -> Path:
    content = {
        "epoch": 2,
        "global_step": 100,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {
            **prefixed("model.", network("timm")),
            "criterion.weight": torch.ones(CLASSES),
        },
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {
            "ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(1.0)}
        },
        "optimizer_states": [stepped(network("timm")).state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"model_name": "efficientnet_b0", "lr": 1e-3},
    }
    return saved(content, folder / "epoch=2-step=100.ckpt")


def wrapped(style: Style, name: str, wrap: Callable[[nn.Module], Any]) -> Callable[[Path], Path]:
    return lambda folder: saved(wrap(network(style)), folder / name)


class Backbone(nn.Module):
    """timm's body as `backbone`, with a last layer of one's own behind it."""

    def __init__(self) -> None:
        super().__init__()
        whole = network("timm")
        self.backbone = timm.create_model("efficientnet_b0", num_classes=0)
        state = {k: v for k, v in whole.state_dict().items() if not k.startswith("classifier")}
        self.backbone.load_state_dict(state)
        self.head = nn.Sequential(nn.Dropout(0.2), whole.get_submodule("classifier"))
