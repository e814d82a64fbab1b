"""The layers: arrows point downwards, and the torch-free half really does without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TORCH_FREE = (
    "architecture",
    "architecture.families",
    "architecture.names",
    "architecture.scaling",
    "architecture.spec",
    "attribution",
    "attribution.arithmetic",
    "attribution.document",
    "attribution.ledger",
    "attribution.render",
    "attribution.trust",
    "cost",
    "cost.arrays",
    "cost.budget",
    "cost.reconcile",
    "cost.report",
    "engines",
    "engines.onnx.graph",
    "engines.onnx.parts",
    "engines.onnx.session",
    "images",
    "images.samples",
    "latency",
    "results.published",
    "results.trade_off",
    "results.trained",
    "service",
)
NO_TORCH = (
    "import sys; sys.exit(', '.join({'torch', 'torchvision', 'captum'} & set(sys.modules)) or 0)"
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_contracts_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("module", TORCH_FREE)
def test_module_imports_without_torch(module: str) -> None:
    answer = run(f"import effnet_core.{module}; {NO_TORCH}")
    assert answer.returncode == 0, answer.stderr


def test_core_version_imports_without_torch() -> None:
    answer = run(f"import effnet_core; {NO_TORCH}")
    assert answer.returncode == 0, answer.stderr


def test_server_warms_the_first_page_without_torch() -> None:
    warm = "from app.server.serving import MAIN, at_work, warm; import asyncio, streamlit as st; "
    enter = "asyncio.run(at_work(st.App(MAIN)).__aenter__()); warm.wait(); "
    answer = run(
        f"{warm}{enter}assert 'app.views.scale.page' in __import__('sys').modules; {NO_TORCH}"
    )
    assert answer.returncode == 0, answer.stderr


def test_app_opens_without_torch() -> None:
    answer = run(
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app/main.py', default_timeout=60).run()\n"
        "assert not at.exception, at.exception[0].message\n"
        "assert len(at.main) > 0\n"
        f"{NO_TORCH}"
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("page", ["scale", "compare"])
def test_view_draws_without_torch(page: str) -> None:
    answer = run(
        "from streamlit.testing.v1 import AppTest\n"
        f"page = 'from app.views.{page}.page import render; render()'\n"
        "at = AppTest.from_string(page, default_timeout=60).run()\n"
        "assert not at.exception, at.exception[0].message\n"
        f"{NO_TORCH}"
    )
    assert answer.returncode == 0, answer.stderr
