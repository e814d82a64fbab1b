"""The set-up: what make and its script do on a bare machine, in a second run, with an own torch."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return scripts/set_up.py as a module."""
    spec = importlib.util.spec_from_file_location("set_up", ROOT / "scripts" / "set_up.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, script: ModuleType) -> Path:
    """Return a copy of what the set-up reads, with an environment stamped as complete."""
    for name in ("Makefile", "pyproject.toml", *LOCKS, script.MODELS):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp = tmp_path / ".venv" / "set-up-dev.stamp"
    stamp.write_text(script.fingerprint("dev", tmp_path), encoding="utf-8")
    return tmp_path


def make(target: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, as a person would: not as the child of the make that runs the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [str(shutil.which("make")), target],
        cwd=folder,
        env=own | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def pins(lock: str) -> dict[str, list[Requirement]]:
    """Return the pinned requirements of a lock by canonical name."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-r ")):
            requirement = Requirement(line)
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("target", ["setup", "setup-app"])
def test_second_run_has_nothing_to_do(copy: Path, target: str) -> None:
    start = time.monotonic()
    answer = make(target, copy)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "changed",
    ["requirements.txt", "requirements-dev.txt", "requirements-models.txt", "pyproject.toml"],
)
def test_changed_requirements_are_installed_again(
    copy: Path, script: ModuleType, changed: str
) -> None:
    assert script.is_ready("dev", copy / ".venv", copy)
    with (copy / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert not script.is_ready("dev", copy / ".venv", copy)


def test_app_set_up_does_not_serve_the_tests(copy: Path, script: ModuleType) -> None:
    (copy / ".venv" / "set-up-dev.stamp").unlink()
    stamp = copy / ".venv" / "set-up-app.stamp"
    stamp.write_text(script.fingerprint("app", copy), encoding="utf-8")
    assert script.is_ready("app", copy / ".venv", copy)
    assert not script.is_ready("dev", copy / ".venv", copy)


def test_peers_are_no_part_of_the_tests_but_serve_them(copy: Path, script: ModuleType) -> None:
    with (copy / "requirements-bench.txt").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert script.is_ready("dev", copy / ".venv", copy)
    assert not script.is_ready("bench", copy / ".venv", copy)
    (copy / ".venv" / "set-up-dev.stamp").unlink()
    stamp = copy / ".venv" / "set-up-bench.stamp"
    stamp.write_text(script.fingerprint("bench", copy), encoding="utf-8")
    assert all(script.is_ready(kind, copy / ".venv", copy) for kind in ("app", "dev", "bench"))


def test_make_finds_a_new_enough_python_or_says_what_to_do(copy: Path) -> None:
    commands = copy / "commands"
    commands.mkdir()
    too_old = commands / "python3"
    too_old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    too_old.chmod(0o755)
    assert make("python", copy, PATH=str(commands)).returncode == 0  # .venv has one
    shutil.rmtree(copy / ".venv")
    missing = make("python", copy, PATH=str(commands))
    assert missing.returncode != 0
    assert "Python 3.11 or newer is needed" in missing.stdout
    assert len(missing.stdout.strip().splitlines()) == 1
    (commands / "python3.12").symlink_to(sys.executable)
    assert make("python", copy, PATH=str(commands)).returncode == 0


def test_missing_ensurepip_names_the_debian_package(tmp_path: Path, script: ModuleType) -> None:
    with pytest.raises(script.SetUpError) as error:
        script.create(tmp_path / ".venv", has_ensurepip=False)
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in str(error.value)
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("damage", ["no environment", "no pip", "no interpreter"])
def test_interrupted_first_set_up_is_made_anew(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    folder = tmp_path / ".venv"
    if damage != "no environment":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    if damage == "no interpreter":
        (folder / "bin" / "python").unlink()
        (folder / "bin" / "python").touch()
    installed: list[Path] = []
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "is_ready", lambda kind, venv: False)
    monkeypatch.setattr(script, "install", lambda python, kind, index: installed.append(python))
    monkeypatch.setattr(script, "prepare", lambda venv: None)
    monkeypatch.setattr(script, "fingerprint", lambda kind: "whole")
    assert script.main(["app"]) == 0
    assert installed == [folder / "bin" / "python"]
    assert script.is_usable(folder)
    marker = folder / "marker"
    marker.touch()
    assert script.main(["app"]) == 0
    assert marker.exists()  # what is whole is kept


def test_chosen_cpu_build_is_honoured(tmp_path: Path, script: ModuleType) -> None:
    venv.create(tmp_path, with_pip=False, symlinks=True)
    python = tmp_path / "bin" / "python"
    pin = script.pinned("torch")
    assert script.installed_version(python, "torch") is None
    version = f"{pin.split('==')[1]}+cpu"
    packages = next(tmp_path.glob("lib/python*/site-packages"))
    metadata = packages / f"torch-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    assert script.installed_version(python, "torch") == version
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--dry-run", "--no-index"]
    answer = subprocess.run([*pip, pin], capture_output=True, text=True, check=True)
    assert "Requirement already satisfied" in answer.stdout
    assert "Would install" not in answer.stdout


@pytest.mark.parametrize(
    ("installed", "index", "platform", "comes"),
    [
        (None, None, "linux", True),
        ("2.14.0", None, "linux", True),
        ("2.15.0", None, "linux", False),
        ("2.15.0+cpu", None, "linux", False),
        (None, "https://builds.example/cpu", "linux", False),
        (None, None, "darwin", False),
    ],
)
def test_cuda_is_announced_only_when_it_comes(
    script: ModuleType, installed: str | None, index: str | None, platform: str, comes: bool
) -> None:
    assert script.brings_cuda(installed, "torch==2.15.0", index, platform) is comes


def test_announcement_comes_before_the_download(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[str] = []

    def record(command: list[str]) -> None:
        events.append(capsys.readouterr().out)

    monkeypatch.setattr(script, "run", record)
    monkeypatch.setattr(script, "installed_version", lambda python, name: None)
    monkeypatch.setattr(script.sys, "platform", "linux")
    script.install(Path(sys.executable), "app", index=None)
    assert "5.4 GB" in events[0]
    events.clear()
    script.install(Path(sys.executable), "app", index="https://builds.example/cpu")
    assert "GB" not in "".join(events)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_free_of_indexes_and_cuda(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert not re.search(r"^(nvidia|cuda|triton)", text, re.MULTILINE)


def test_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = pins("requirements.txt")
    tools = runtime | pins("requirements-dev.txt")
    wanted = [(line, runtime) for line in project["dependencies"]]
    peers = tools | pins("requirements-bench.txt")
    wanted += [(line, tools) for line in project["optional-dependencies"]["dev"]]
    wanted += [(line, peers) for line in project["optional-dependencies"]["bench"]]
    for line, lock in wanted:
        requirement = Requirement(line)
        for pin in lock[canonicalize_name(requirement.name)]:
            version = str(pin.specifier).removeprefix("==")
            assert requirement.specifier.contains(version), f"{line}: run `make lock`"


def test_help_lists_every_documented_target() -> None:
    answer = make("help", ROOT)
    for target in ("app", "setup", "test", "check", "bench", "help", "lock", "clean"):
        assert re.search(rf"^  make {target} +\w", answer.stdout, re.MULTILINE)


@pytest.mark.parametrize(("on_ci", "code"), [("false", 0), ("true", 1)])
def test_missing_chromium_is_one_line_and_fails_on_ci(
    tmp_path: Path, on_ci: str, code: int
) -> None:
    somebody = tmp_path / "id"
    somebody.write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    somebody.chmod(0o755)
    answer = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "chromium.sh")],
        env={"PATH": str(tmp_path), "CI": on_ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == code
    assert answer.stdout.count("\n") == 1
    assert "apt-get install chromium" in answer.stdout


def test_build_machine_runs_make_test_with_the_data_beside_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    run = tmp_path / "checkout" / ".ci" / "run"
    shutil.copy(ROOT / ".ci" / "run", run)
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "make").write_text('#!/bin/sh\necho "$@" $CI $EFFNET_TEST_DATA\n', encoding="utf-8")
    (commands / "make").chmod(0o755)
    environment = {"PATH": f"{commands}:{Path(sys.executable).parent}:/usr/bin:/bin"}

    def answer() -> list[str]:
        return subprocess.run(
            [str(run)], env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    assert answer() == ["test", "true"]
    (tmp_path / "shared").mkdir()
    assert answer() == ["test", "true", str(tmp_path / "shared")]
    environment["EFFNET_TEST_DATA"] = "/elsewhere"
    assert answer() == ["test", "true", "/elsewhere"]
