"""The folder of one run: what it is, how far it is, what came out; whole after any crash.

recipe.json  spec.json  run.json    what was asked, and where it runs
metrics.jsonl                       one JSON object a line: steps and epochs
status.json                         state, process, progress; rewritten as the run goes
checkpoint.pt                       everything needed to go on; there from the first step
model.safetensors  result.json      what came out, once it is finished
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import filelock
import torch

from effnet_core import __version__, files
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.training.recipe import Recipe
from effnet_core.training.trainer import TrainingError

State = Literal["running", "stopped", "failed", "finished"]

_LOCK = ".lock"
_LOCK_SECONDS = 2.0  # longer than anyone who only asks holds it


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is. `sentence` says why it failed; what is not known yet is None.

    `loss` is the mean of the epoch so far, `top1` the last epoch's share on the held-out photos;
    `seconds` is the time spent training so far, over all resumptions.
    """

    state: State
    pid: int
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float | None = None
    top1: float | None = None
    photos_per_second: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came out of a run; accuracies are shares of the held-out photos, if any.

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


class RunFolder:
    """Reads and writes the files of one run; raises TrainingError or WeightsError (full disk)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoint(self) -> Path:
        """Where the state of training lies."""
        return self.path / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """Where the finished weights lie."""
        return self.path / "model.safetensors"

    @property
    def metrics(self) -> Path:
        """Where the course of the run lies, as JSON lines."""
        return self.path / "metrics.jsonl"

    @property
    def exists(self) -> bool:
        """Whether it holds a run that can be resumed; its recipe is what `begin` writes last."""
        return (self.path / "recipe.json").exists()

    def require_new(self) -> None:
        """Raise TrainingError if the folder holds a run already."""
        if self.exists:
            raise TrainingError(
                f"{self.path} holds a run already; resume it, or give another folder."
            )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only process that trains here; it ends with the process, however that ends.

        Raises TrainingError if another one does, WeightsError if the folder cannot be written.
        """
        lock = filelock.FileLock(self.path / _LOCK, timeout=_LOCK_SECONDS)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout:
            raise TrainingError(
                f"Another process is training in {self.path}; wait for it or stop it."
            ) from None
        except OSError as error:
            raise files.storage_error(error, self.path) from error
        try:
            for part in self.path.glob(".*.part"):  # of writers that were killed
                part.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def is_claimed(self) -> bool:
        """Whether a process trains here now, whatever status.json says of one that was killed."""
        lock = filelock.FileLock(self.path / _LOCK, timeout=0)
        if not (self.path / _LOCK).exists():
            return False
        try:
            lock.acquire()
        except filelock.Timeout:
            return True
        lock.release()
        return False

    def begin(
        self,
        spec: ArchitectureSpec,
        recipe: Recipe,
        about: Mapping[str, Any],
        state: dict[str, Any],
    ) -> None:
        """Write down what is asked and the state it starts from; `exists` is true from then on."""
        self._write("spec.json", spec.to_json())
        self._write("run.json", json.dumps(dict(about), indent=1))
        self._write("metrics.jsonl", "")
        self.save_state(state)
        self._write("recipe.json", recipe.to_json())

    def recipe(self) -> Recipe:
        """The recipe of the run; raises TrainingError if there is none."""
        return Recipe.from_json(self._text("recipe.json"))

    def spec(self) -> ArchitectureSpec:
        """The network of the run."""
        return ArchitectureSpec.from_json(self._text("spec.json"))

    def about(self) -> dict[str, Any]:
        """What `begin` was told of the data and the machine."""
        try:
            return dict(json.loads(self._text("run.json")))
        except (ValueError, TypeError):
            raise TrainingError(f"{self.path / 'run.json'} is damaged; begin again.") from None

    def write_status(self, status: Status) -> None:
        """Replace the status in one step."""
        self._write("status.json", json.dumps(asdict(status), indent=1))

    def status(self) -> Status | None:
        """The status last written; None where there is none that can be read."""
        try:
            return Status(**json.loads((self.path / "status.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def add_metric(self, metric: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(metric)) + "\n")
        except OSError as error:
            raise files.storage_error(error, self.metrics) from error

    def read_metrics(self) -> tuple[dict[str, Any], ...]:
        """The metrics so far; a last line that is not whole yet is left out."""
        try:
            lines = self.metrics.read_text(encoding="utf-8").splitlines()
        except OSError:
            return ()
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return tuple(found)

    def keep_metrics_until(self, step: int) -> None:
        """Forget the metrics past `step`: they belong to work that a crash undid."""
        kept = [metric for metric in self.read_metrics() if metric["step"] <= step]
        self._write("metrics.jsonl", "".join(json.dumps(metric) + "\n" for metric in kept))

    def save_state(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint in one step."""
        files.sweep(self.checkpoint)
        with files.placing(self.checkpoint) as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch raises its own over that of a full disk
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    def load_state(self, device: torch.device) -> dict[str, Any] | None:
        """The checkpoint, or None where none was written yet; raises TrainingError if damaged."""
        if not self.checkpoint.exists():
            return None
        try:
            return dict(torch.load(self.checkpoint, map_location=device, weights_only=True))
        except Exception as error:
            raise TrainingError(
                f"{self.checkpoint} cannot be read ({type(error).__name__}); the run has to begin "
                "again in another folder."
            ) from error

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write down what came out."""
        self._write("result.json", json.dumps(dict(result), indent=1))

    def result(self) -> dict[str, Any] | None:
        """What came out, or None as long as the run is not finished."""
        try:
            return dict(json.loads((self.path / "result.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def _write(self, name: str, text: str) -> None:
        files.write(self.path / name, text.encode())

    def _text(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"{self.path} holds no run ({name}: {error.strerror}); give a run's folder."
            ) from None


def environment(device: torch.device) -> dict[str, Any]:
    """What a result depends on besides recipe and photos."""
    on_cuda = device.type == "cuda"
    return {
        "effnet": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if on_cuda else _processor(),
        "threads": torch.get_num_threads(),
        "pid": os.getpid(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
