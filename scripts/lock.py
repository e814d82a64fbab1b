"""Resolve pyproject.toml into the lock files of app, tests and tools, peers, and models.

Run it as `make lock`. The CUDA packages that torch's default build brings are left out: torch pins
its own, and a CPU build of torch must be able to take its place without them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH_BRINGS_ITS_OWN = re.compile(r"(nvidia|cuda|triton)\b")
HEADER = "# Resolved from pyproject.toml by `make lock`; edit that file, not this one.\n"


def resolve(*arguments: str, source: str = "pyproject.toml", given: str = "") -> list[str]:
    """Return the pinned requirement lines that uv finds for `source`, "-" being those `given`."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version=3.11"),
        *("--no-header", "--no-annotate", "--quiet", *arguments, source),
    ]
    answer = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, input=given
    )
    lines = answer.stdout.splitlines()
    return [line for line in lines if line and not TORCH_BRINGS_ITS_OWN.match(line)]


def write(name: str, lines: list[str]) -> None:
    """Write one lock file at the top of the project."""
    (ROOT / name).write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write the lock files; each says only what the one that it includes does not."""
    runtime = resolve()
    write("requirements.txt", runtime)
    both = resolve("--extra=dev", "--constraint=requirements.txt")
    tools = [line for line in both if line not in runtime]
    write("requirements-dev.txt", ["-r requirements.txt", *tools])
    everything = resolve("--extra=dev", "--extra=bench", "--constraint=requirements-dev.txt")
    peers = [line for line in everything if line not in both]
    write("requirements-bench.txt", ["-r requirements-dev.txt", *peers])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    models = "\n".join(project["optional-dependencies"]["models"])
    hashed = resolve("--generate-hashes", "--no-deps", source="-", given=models)
    write("requirements-models.txt", hashed)


if __name__ == "__main__":
    main()
