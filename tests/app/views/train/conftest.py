"""Fixtures of Train's page tests: a machine whose runs are prepared folders."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from streamlit.testing.v1 import AppTest

from app import resources
from effnet_core.architecture.names import scaled
from effnet_core.architecture.spec import ArchitectureSpec
from effnet_core.datasets.drawn import SHAPES
from effnet_core.network.build import build
from effnet_core.service.training.jobs import TrainingJobs
from effnet_core.training.recipe import Recipe
from effnet_core.training.runs.folder import RunFolder
from effnet_core.training.runs.process import Process
from effnet_core.training.runs.run import WORKER, Ending, Order, Status
from effnet_core.weights import WeightsStore, save_checkpoint

SCRIPT = """
import streamlit as st
from app.views.classify import page as classify
from app.views.train import page as train
st.navigation([
    st.Page(train.render, url_path="train", default=True),
    st.Page(classify.render, url_path="classify"),
]).run()
"""


@dataclass(frozen=True)
class Place:
    """A machine with the runs of `jobs`, and its page as people see it."""

    jobs: TrainingJobs

    spec: ClassVar[ArchitectureSpec] = scaled(-6.0, num_classes=4, resolution=32)
    recipe: ClassVar[Recipe] = Recipe(epochs=4, batch=8, held_out=8)

    @property
    def me(self) -> Process:
        """This process, as one that trains."""
        found = Process.of(os.getpid())
        assert found is not None
        return found

    def put_run(
        self,
        run_id: str,
        *,
        ending: Ending | None = None,
        process: Process | None = None,
        epochs: int = 2,
        **changes: Any,
    ) -> Path:
        """Make the folder of a run that is so many epochs far."""
        folder = self.jobs.root / run_id
        folder.mkdir(parents=True)
        order = Order(
            id=run_id,
            name=run_id[:-7].replace("-", " ").capitalize(),
            created="2026-01-01T00:00:00+00:00",
            source="an uploaded zip",
            photos=40,
            left_out=3,
            classes=SHAPES,
            phi=-6.0,
            weights=None,
            weights_title="",
            spec=self.spec,
            recipe=self.recipe,
        )
        replace(order, **changes).write(folder)
        _put_course(RunFolder(folder), epochs, process.pid if process else 1)
        if ending is not None:
            ending.write(folder)
        if process is not None:
            process.record(folder / WORKER)
        return folder

    def put_network(self, run_id: str, name: str) -> None:
        """Put a network among the weights as what came out of a run."""
        file = Path(os.environ["EFFNET_CACHE"]) / "network.safetensors"
        save_checkpoint(file, build(self.spec, seed=1), classes=SHAPES)
        WeightsStore().import_file(file, name=run_id, title=name)

    def open_page(self, **parameters: Any) -> AppTest:
        app = AppTest.from_string(SCRIPT, default_timeout=60)
        for key, text in parameters.items():
            app.query_params[key] = text
        return self.healthy(app.run())

    def upload(self, app: AppTest, data: bytes) -> AppTest:
        """Choose one's own zip, and give this one."""
        app.button_group(key="photos").set_value("zip").run()
        app.file_uploader(key="train-zip").set_value(("my shapes.zip", data, "application/zip"))
        return self.healthy(app.run())

    @staticmethod
    def healthy(app: AppTest) -> AppTest:
        assert not app.exception, [error.value for error in app.exception]
        return app

    @staticmethod
    def start(app: AppTest) -> Any:
        return app.button(key="train-start")

    @staticmethod
    def labels(app: AppTest) -> set[str]:
        return {button.label for button in app.button}

    @staticmethod
    def words(app: AppTest) -> str:
        pieces = (*app.markdown, *app.caption, *app.subheader)
        return " ".join(text.value for text in pieces).replace("\\", "")

    @staticmethod
    def facts(app: AppTest) -> str:
        return "\n".join(element.proto.body for element in app.get("html"))


@pytest.fixture
def place(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A machine without runs. What the page has started there is ended afterwards."""
    monkeypatch.setenv("EFFNET_RUNS", str(tmp_path / "runs"))
    found = Place(resources.training_jobs())
    yield found
    for run in found.jobs.runs():
        process = Process.recorded(found.jobs.root / run.id / WORKER)
        if process is not None and process.pid != os.getpid():
            process.send(signal.SIGKILL)


def _put_course(folder: RunFolder, epochs: int, pid: int) -> None:
    """What the process `pid` has written of four epochs after so many of them."""
    for epoch in range(1, epochs + 1):
        folder.add_metric(_metric(epoch))
    if epochs:
        last = _metric(epochs)
        folder.write_status(
            Status(
                state="running",
                pid=pid,
                epoch=epochs,
                epochs=4,
                step=4 * epochs,
                steps=16,
                loss=last["loss"],
                top1=last["held_out"]["top1"],
                class_mean=last["held_out"]["class_mean"],
                photos_per_second=321.4,
                seconds=80.0,
                seconds_left=75.0,
            )
        )


def _metric(epoch: int) -> dict[str, Any]:
    """After epoch 1, 2, 3, 4 the loss is 1.5, 1.0, 0.5, 0 and the accuracy 25, 50, 75, 100 %.

    The mean of the classes is 20, 40, 60, 80 %.
    """
    return {
        "kind": "epoch",
        "step": 4 * epoch,
        "epoch": float(epoch),
        "loss": 2.0 - 0.5 * epoch,
        "learning_rate": 0.1,
        "seconds": 40.0 * epoch,
        "held_out": {
            "photos": 8,
            "top1": epoch / 4,
            "top5": 1.0,
            "loss": 1.8 - 0.4 * epoch,
            "class_mean": epoch / 5,
        },
    }
