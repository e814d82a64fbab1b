"""Fixtures of the page tests: an empty weights store and a tiny network to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from app import resources
from effnet_core.architecture.names import scaled
from effnet_core.latency import Calibration, making, save, store
from effnet_core.network.build import build
from effnet_core.weights import save_checkpoint

HOSTILE_CLASSES = ("<script>alert(1)</script>", "**bold** $x^2$ :red[hot]", "plain cat", "crane")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a small random network of four classes with hostile names."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    spec = scaled(-4.0, num_classes=len(HOSTILE_CLASSES), resolution=64)
    save_checkpoint(path, build(spec, seed=1), classes=HOSTILE_CLASSES)
    return path


@pytest.fixture(autouse=True)
def uncalibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let no page find a calibration of this machine; return where it would lie."""
    path = tmp_path / "calibration" / "calibration.json"
    monkeypatch.setattr(store, "default_path", lambda: path)
    monkeypatch.setattr(making, "default_path", lambda: path)
    return path


@pytest.fixture
def calibrated(uncalibrated: Path, made_up: Calibration) -> Calibration:
    """Let every page find a calibration whose timings are made up; return it."""
    save(made_up, uncalibrated)
    return made_up


@pytest.fixture
def empty_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: Any, no_packages: None
) -> Iterator[Path]:
    """Point the app at an empty weights store, with nothing that comes along; return its folder."""
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path))
    _forget()
    yield tmp_path / "weights"
    _forget()


@pytest.fixture
def measured_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point the app at an empty folder of measured records, and return it."""
    folder = tmp_path / "measured"
    monkeypatch.setattr("effnet_core.results.trained.asset", lambda path: folder)
    monkeypatch.setattr("effnet_core.results.searched.asset", lambda path: folder)
    resources.trained.clear()
    resources.searches.clear()
    yield folder
    resources.trained.clear()
    resources.searches.clear()


@pytest.fixture
def nothing_trained(measured_folder: Path) -> None:
    """Let the app find no measured record."""


def _forget() -> None:
    # All caches, those of the session too: every AppTest counts as the same session.
    st.cache_resource.clear()
