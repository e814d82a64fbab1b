"""A run as its folder tells of it: what was asked for, how far it is, what came out.

order.json                                  what the Train page asks for
worker.json  cancelled  ended.json          the process that carries it out, and how that ended
worker.log                                  the process's tracebacks
recipe.json  spec.json  run.json            what training began with, whoever began it
status.json  metrics.jsonl  result.json     how far it is, its course, what came out
checkpoint.pt  checkpoint-before.pt         everything needed to go on, and the one before it
model.safetensors                           the finished weights

Every JSON file and line is sealed (`files.seal`), and the checkpoints end in their SHA-256.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from effnet_core import files
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.errors import InvalidInput
from effnet_core.training.recipe import Recipe

T = TypeVar("T")

State = Literal["starting", "running", "stopping", "stopped", "failed", "finished"]
LIVE: tuple[State, ...] = ("starting", "running", "stopping")

ORDER, WORKER, ENDED, LOG = "order.json", "worker.json", "ended.json", "worker.log"

CANCELLED = "cancelled"
"""A file in the folder of a run that somebody has asked to stop, until it is resumed."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A run that was asked for: a network, its photos and how to train it.

    `id` names the folder, `name` is for people, `created` is in ISO 8601 (UTC). The network begins
    from `weights`, an id, or from scratch where that is None; `phi` is the formula's, None for
    weights. `photos` were prepared for it, `left_out` more could not be read; `source` says in
    words where they are from.
    """

    id: str
    name: str
    created: str
    source: str
    photos: int
    left_out: int
    classes: tuple[str, ...]
    phi: float | None
    weights: str | None
    weights_title: str
    spec: ArchitectureSpec
    recipe: Recipe

    def write(self, folder: Path) -> None:
        """Put it into the folder; raises WeightsError."""
        files.write_json(folder / ORDER, {**asdict(self), "spec": self.spec.to_dict()})

    @staticmethod
    def read(folder: Path) -> Order:
        """What `write` wrote; raises InvalidInput if it cannot be read."""
        try:
            return read_json(folder / ORDER, Order)
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"The record of the run {folder.name} cannot be read ({error}); remove the run."
            ) from None


@dataclass(frozen=True)
class Ending:
    """How a process ended that trained: `sentence` says why it failed."""

    state: State
    sentence: str = ""

    def write(self, folder: Path) -> None:
        """Put it into the folder; raises WeightsError."""
        files.write_json(folder / ENDED, self)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a run began with; `about` says where its photos are from and on what it is trained."""

    recipe: Recipe
    spec: ArchitectureSpec
    about: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is. `sentence` says why it failed; what is not known yet is None.

    `loss` is the mean of the epoch so far, `top1` the last epoch's share on the held-out photos
    and `class_mean` the mean of that over their classes; `seconds` is the time spent training so
    far, over all resumptions.
    """

    state: State
    pid: int
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float | None = None
    top1: float | None = None
    class_mean: float | None = None
    photos_per_second: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came out of a run; accuracies are shares of the held-out photos, if any.

    `class_mean` is the mean of `top1` over their classes.

    `seconds` is the time of all resumptions; `photos_per_second` counts photos trained on by the
    time of training alone, without judging and saving. `interrupted` is whether Ctrl-C stopped it.
    """

    state: State
    name: str
    epochs: int
    steps: int
    photos: int
    held_out: int
    top1: float | None
    top5: float | None
    seconds: float
    photos_per_second: float
    device: str
    interrupted: bool = False
    class_mean: float | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """One look at a run: mean loss of the epoch so far, and at its end the held-out photos.

    `epoch` counts what is done (2.5: in the middle of the third), `seconds` those of training.
    `top1` is the share of held-out photos whose class came first; it and `held_out_loss` are None
    within an epoch and where no photos are held out.
    """

    epoch: float
    loss: float
    learning_rate: float
    seconds: float
    top1: float | None
    held_out_loss: float | None

    @staticmethod
    def of(metric: dict[str, Any]) -> Point:
        """The point that a line of metrics.jsonl tells of; raises LookupError or TypeError."""
        judged = metric.get("held_out") or {}
        return Point(
            epoch=metric["epoch"],
            loss=metric["loss"],
            learning_rate=metric["learning_rate"],
            seconds=metric["seconds"],
            top1=judged.get("top1"),
            held_out_loss=judged.get("loss"),
        )


@dataclass(frozen=True, kw_only=True)
class Course:
    """All looks at a run so far; `damaged` lines of its record are left out."""

    points: tuple[Point, ...]
    damaged: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it stands, in the folder called `id`; `sentence` says why it failed.

    `order` is None where a command began it, and where it cannot be read: then the run can only be
    removed. `begun` is None before there is anything to go on from, `status` before its process
    wrote the first, `result` until it is finished. `model` is whether its finished network is among
    the weights, under the run's id. `damaged` are its files that are not as they were written: what
    they said is None.
    """

    id: str
    state: State
    sentence: str = ""
    order: Order | None = None
    begun: Begun | None = None
    status: Status | None = None
    result: Result | None = None
    model: bool = False
    damaged: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether a process is at it."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it can go on, or begin again where nothing was saved yet."""
        return self.order is not None and self.state in ("stopped", "failed")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.order.name if self.order else self.id


def read_json(path: Path, kind: type[T]) -> T:
    """The value of declared type in a JSON file; raises OSError or ValueError."""
    return files.conform(files.read_json(path), kind, closed=False)


def read_if_whole(path: Path, kind: type[T]) -> T | None:
    """The value in a JSON file; None where there is none, or none that can be read."""
    try:
        return read_json(path, kind)
    except (OSError, ValueError):
        return None
