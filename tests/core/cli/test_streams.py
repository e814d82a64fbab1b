"""The command line as a process: any file name, lost output, Ctrl-C at any moment; no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effnet_core.architecture.names import scaled
from effnet_core.network.build import build
from effnet_core.weights import save_checkpoint

COMMAND = (sys.executable, "-m", "effnet_core.cli")
FULL = Path("/dev/full")
BAD_NAME = os.fsdecode(b"bad\xff")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="this machine has no /dev/full")


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run effnet in a process, its standard output strict about its encoding."""
    given = [str(argument) for argument in arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    done = subprocess.run(
        [*COMMAND, *given],
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        check=False,
        **streams,
    )
    assert "Traceback" not in (done.stderr or "")
    assert "Exception ignored" not in (done.stderr or "")
    return done


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, build(scaled(-6, resolution=32, num_classes=2), seed=0))
    return path


@needs_full
@pytest.mark.parametrize(
    "arguments",
    [
        ("cost", "--variant", "b7", "--json"),  # longer than a buffer: fails while it is printed
        ("cost", "--variant", "b0"),  # shorter: fails when it is flushed
    ],
)
def test_a_full_disk_under_standard_output_is_one_sentence(arguments: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Standard output cannot be written" in done.stderr


@needs_full
def test_an_error_that_cannot_be_printed_keeps_its_exit_code() -> None:
    with FULL.open("w") as full:
        assert run("cost", "--phi", "nan", "--json", stdout=full, stderr=full).returncode == 2
        assert run("cost", "--phi", "nan", "--json", stdout=full).returncode == 2
        assert run("cost", "--phi", "nan", stderr=full).returncode == 2


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_streams_are_no_error(closed: int) -> None:
    line = f'exec "$@" {closed}>&-'
    done = subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, "cost", "--variant", "b0", "--rounding", "ceil"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "warning" not in done.stdout  # what belongs on standard error goes nowhere else


def test_an_argument_of_any_bytes_is_quoted_in_json() -> None:
    done = run("cost", "--phi", "1", BAD_NAME, "--json")
    assert done.returncode == 2
    assert BAD_NAME in json.loads(done.stdout)["error"]


def test_json_is_json_in_any_encoding() -> None:
    arguments = [*COMMAND, "cost", "--variant", "bé😀", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert "bé😀" in json.loads(done.stdout.decode("ascii"))["error"]


def test_a_file_name_of_any_bytes_loses_no_answer(weights: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / f"{BAD_NAME}.png"
    Image.fromarray(np.zeros((32, 32, 3), dtype=np.uint8)).save(good)
    bad.write_bytes(good.read_bytes())
    absent = tmp_path / f"absent{BAD_NAME}.png"
    options = ("--weights", weights, "--device", "cpu")
    done = run("classify", good, bad, absent, *options, "--json")
    assert done.returncode == 1
    answers = json.loads(done.stdout)
    assert [answer["image"] for answer in answers] == [str(good), str(bad), str(absent)]
    assert ["top" in answer for answer in answers] == [True, True, False]
    text = run("classify", good, bad, *options)
    assert text.returncode == 0
    assert r"bad\udcff.png: " in text.stdout


def test_an_output_name_of_any_bytes_is_written(tmp_path: Path) -> None:
    out = tmp_path / f"{BAD_NAME}.safetensors"
    done = run("build", "--phi", "-6", "--resolution", "32", "--out", out)
    assert done.returncode == 0
    assert r"bad\udcff.safetensors" in done.stdout
    assert out.is_file()


@pytest.mark.parametrize("module", ["argparse", "tabulate", "numpy", "effnet_core.cli.program"])
def test_an_interrupt_while_modules_load_is_no_traceback(tmp_path: Path, module: str) -> None:
    """A finder that sends this process Ctrl-C when `module` is first asked for."""
    code = f"""
import os, signal, sys
from effnet_core.cli import main

# A process started in the background may be told to ignore Ctrl-C, and hands that on.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

assert {module!r} not in sys.modules
sys.meta_path.insert(0, Interrupting())
sys.exit(main(["cost", "--variant", "b0", "--json"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "effnet: Interrupted.\n"
    assert json.loads(done.stdout) == {"error": "Interrupted."}
