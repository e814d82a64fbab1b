"""The wheel: installed alone, away from the checkout, it answers and finds everything it reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from effnet_core.images.samples import load_sample

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, without network, with the build back end installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", f"--outdir={folder}"]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in an empty environment that sees this one's packages, but no checkout.

    A .pth file lends the packages; .pth files inside a folder so lent, such as the one of an
    editable install, are not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


def run(installed: Path, cwd: Path, *command: str) -> str:
    """Run a command of the environment, from a folder outside the checkout; return its output."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        [str(installed / "bin" / command[0]), *command[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_nothing_comes_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import app, effnet_core; print(app.__file__, effnet_core.__file__)"
    for place in run(installed, tmp_path, "python", "-c", code).split():
        assert Path(place).is_relative_to(installed)


def test_everything_that_the_code_reads_is_carried(installed: Path, tmp_path: Path) -> None:
    sources = [*ROOT.glob("app/**/*.py"), *ROOT.glob("effnet_core/**/*.py")]
    texts = [source.read_text(encoding="utf-8") for source in sources]
    read = {name for text in texts for name in re.findall(r'(?<!\w)asset\("([^"]+)"\)', text)}
    assert {"assets/favicon.png", "streamlit_config.toml"} <= read
    code = "import sys; from effnet_core.files import asset; print(*map(asset, sys.argv[1:]))"
    for place in run(installed, tmp_path, "python", "-c", code, *sorted(read)).split():
        assert Path(place).is_relative_to(installed)


def test_package_data_is_carried(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    for package in ("effnet_core", "app"):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert file.relative_to(ROOT).as_posix() in carried
    assert not [name for name in carried if name.startswith(("tests/", "benchmarks/", "scripts/"))]


def test_bundled_models_and_records_are_carried(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as carried:
        for folder in ("assets/models", "assets/measured", "assets/family", "assets/search"):
            files = [file for file in (ROOT / folder).rglob("*") if file.is_file()]
            assert files
            for file in files:
                name = f"effnet_core/bundled/{file.relative_to(ROOT).as_posix()}"
                assert carried.read(name) == file.read_bytes()


def test_a_bundled_model_answers_without_a_network(installed: Path, tmp_path: Path) -> None:
    manifest = json.loads((ROOT / "assets/models/models.json").read_text(encoding="utf-8"))
    name = manifest["models"][0]["id"]
    (tmp_path / "coffee.png").write_bytes(load_sample("coffee"))
    command = ("effnet", "classify", "coffee.png", "--weights", name, "--json")
    (answer,) = json.loads(run(installed, tmp_path, *command))
    assert (answer["weights"], answer["top"][0]["label"]) == (name, "espresso")


def test_command_answers(installed: Path, tmp_path: Path) -> None:
    answer = json.loads(run(installed, tmp_path, "effnet", "cost", "--variant", "b0", "--json"))
    assert answer["params"] == 5_288_548  # torchvision's efficientnet_b0


def test_app_starts_with_its_settings(
    installed: Path,
    tmp_path: Path,
    free_port: Callable[[], int],
    wait_healthy: Callable[..., None],
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [str(installed / "bin" / "effnet"), "app", "--port", str(port)],
        cwd=tmp_path,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_healthy(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    assert f"http://127.0.0.1:{port}" in output  # the address is a setting of the carried file
