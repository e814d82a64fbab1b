"""What trainers write, written here by the trainers' own code or in their layout.

`CASES` is what the tests read back and what `docs/what-it-reads.md` lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from effnet_core.weights.key_names import TITLES, Style
from tests.core.weights.reading.layouts import (
    Backbone,
    imagenet_example,
    lightning,
    plain,
    prefixed,
    timm_folder,
    timm_saver,
    torchvision_reference,
    transformers_folder,
    wrapped,
)


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


_FILES: tuple[tuple[Style, str], ...] = (
    ("timm", ".safetensors"),
    ("timm", ".bin"),
    ("torchvision", ".pth"),
    ("torchvision", ".safetensors"),
    ("lukemelas", ".pth"),
    ("lukemelas", ".pt"),
    ("transformers", ".safetensors"),
    ("transformers", ".bin"),
)
_PLAIN = tuple(
    Case(
        trainer="any",
        container="plain state dict",
        ending=ending,
        style=style,
        write=plain(style, f"weights{ending}"),
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
        write=timm_saver(ema=False),
        states=True,
    ),
    Case(
        trainer="timm",
        container="state_dict_ema",
        ending=".pth.tar",
        style="timm",
        write=timm_saver(ema=True),
        states=True,
        averaged=True,
    ),
    Case(
        trainer="timm",
        container="folder with config.json",
        ending=".bin",
        style="timm",
        write=timm_folder(safe=False),
        states=True,
    ),
    Case(
        trainer="timm",
        container="folder with config.json",
        ending=".safetensors",
        style="timm",
        write=timm_folder(safe=True),
        states=True,
    ),
    Case(
        trainer="timm",
        container="zip of a folder with config.json",
        ending=".safetensors",
        style="timm",
        write=timm_folder(safe=True, zipped=True),
        states=True,
    ),
    Case(
        trainer="transformers",
        container="folder with config.json and preprocessor_config.json",
        ending=".safetensors",
        style="transformers",
        write=transformers_folder,
        states=True,
    ),
    Case(
        trainer="torchvision's references",
        container="model",
        ending=".pth",
        style="torchvision",
        write=torchvision_reference(ema=False),
        states=True,
    ),
    Case(
        trainer="torchvision's references",
        container="model_ema → module.",
        ending=".pth",
        style="torchvision",
        write=torchvision_reference(ema=True),
        states=True,
        averaged=True,
    ),
    Case(
        trainer="ImageNet example",
        container="state_dict → module.",
        ending=".pth.tar",
        style="torchvision",
        write=imagenet_example,
        states=True,
    ),
    Case(
        trainer="PyTorch Lightning",
        container="state_dict → model.",
        ending=".ckpt",
        style="timm",
        write=lightning,
        states=True,
    ),
    Case(
        trainer="any",
        container="module. → _orig_mod.",
        ending=".pt",
        style="torchvision",
        write=wrapped("torchvision", "x.pt", lambda m: prefixed("module._orig_mod.", m)),
    ),
    Case(
        trainer="any",
        container="ema → module → encoder.net.",
        ending=".pt",
        style="timm",
        write=wrapped(
            "timm",
            "x.pt",
            lambda m: {"ema": {"module": prefixed("encoder.net.", m), "updates": 9}},
        ),
    ),
    Case(
        trainer="any",
        container="params",
        ending=".pth",
        style="lukemelas",
        write=wrapped("lukemelas", "x.pth", lambda m: {"params": m.state_dict()}),
    ),
    Case(
        trainer="any",
        container="model_state_dict → backbone., a last layer beside it",
        ending=".pth",
        style="timm",
        write=wrapped(
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
