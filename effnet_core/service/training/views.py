"""What is known of training runs: frozen, and free of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from effnet_core.training.runs.folder import Status
from effnet_core.training.runs.order import Order

RunState = Literal["starting", "running", "stopping", "stopped", "failed", "finished"]
LIVE: tuple[RunState, ...] = ("starting", "running", "stopping")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it stands; `sentence` says why it failed.

    `order` is None where its record cannot be read; such a run can only be removed. `status` is the
    last that its process wrote, None before the first. `model` is whether its finished network is
    among the weights, under the run's id.
    """

    id: str
    state: RunState
    sentence: str = ""
    order: Order | None = None
    status: Status | None = None
    model: bool = False

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

    @classmethod
    def of(cls, metric: dict[str, Any]) -> Point:
        """The point that a line of metrics.jsonl tells of; raises LookupError or TypeError."""
        judged = metric.get("held_out") or {}
        return cls(
            epoch=metric["epoch"],
            loss=metric["loss"],
            learning_rate=metric["learning_rate"],
            seconds=metric["seconds"],
            top1=judged.get("top1"),
            held_out_loss=judged.get("loss"),
        )


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an uploaded zip holds, by the names of its files alone.

    `counts` are training photos by class, in the order of the classes. `validation` photos in a
    folder of their own are not trained on.
    """

    counts: tuple[tuple[str, int], ...]
    validation: int

    @property
    def photos(self) -> int:
        """Training photos of all classes."""
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long a run will take, by the speed that was measured in the run called `by`."""

    seconds: float
    photos_per_second: float
    by: str
