"""Fixtures for the core's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from effnet_core.cli import main
from tests.core.drawn_photos import drawn as drawn
from tests.core.tiny_runs import every_step as every_step
from tests.core.tiny_runs import prepared_data as prepared_data
from tests.core.tiny_runs import spec_file as spec_file
from tests.core.tiny_runs import tiny as tiny


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)


@pytest.fixture
def effnet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Return a function that runs `effnet` in this process, with a cache of its own."""
    monkeypatch.setenv("EFFNET_CACHE", str(tmp_path / "cache"))

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(code, captured.out, captured.err)

    return run
